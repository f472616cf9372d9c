//! Wikipedia: the beginnings of the pages that a search finds (0.x).

use http::Method;
use millrace_engine::{
    Component, Context, Default, Entry, ErrorKind, Example, Outputs, RunError, Spec, integer, output, reach,
    text,
};
use serde::Deserialize;
use serde_json::Value as Json;

use super::search::{Key, Provider, Search, Settings};

pub(crate) const PROVIDER: Provider = Provider {
    name: "Wikipedia",
    base: "https://{lang}.wikipedia.org",
    path: "/w/api.php",
    base_variable: "WIKIPEDIA_API_BASE",
    method: Method::GET,
    question: "gsrsearch",
    key: Key::None,
    key_names: ("", ""),
    read,
};

/// Characters of a question that Wikipedia takes; the rest is left out, as LangChain does it.
pub(crate) const MAX_QUESTION: usize = 300;

/// The pages in the search's order. One that is missing, or only tells meanings apart, is none.
fn read(answer: &Json, _: usize) -> String {
    let mut pages: Vec<&Json> =
        answer["query"]["pages"].as_object().into_iter().flat_map(|pages| pages.values()).collect();
    pages.sort_by_key(|page| page["index"].as_i64());
    let page = |page: &&Json| {
        let (title, summary) = (page["title"].as_str()?, page["extract"].as_str()?);
        let usable = page.get("missing").is_none() && page.pointer("/pageprops/disambiguation").is_none();
        usable.then(|| format!("Page: {title}\nSummary: {summary}"))
    };
    let pages: Vec<String> = pages.iter().filter_map(page).collect();
    if pages.is_empty() { "No good Wikipedia Search Result was found".to_owned() } else { pages.join("\n\n") }
}

/// The node's fields.
#[derive(Deserialize)]
pub(crate) struct WikipediaApiWrapper {
    top_k_results: u32,
    lang: String,
    doc_content_chars_max: u32,
}

impl Component for WikipediaApiWrapper {
    const SPEC: Spec = Spec {
        names: &["WikipediaAPIWrapper"],
        about: "Wikipedia as a service for search nodes: the beginnings of the pages found.",
        inputs: &[
            integer("top_k_results", "Pages, 20 at most.").or(Default::Integer(3)),
            text("lang", "Language, as in Wikipedia's address.").or(Default::Text("en")),
            integer("doc_content_chars_max", "Characters of an answer, which is cut there.")
                .or(Default::Integer(4000)),
        ],
        outputs: &[output("api_wrapper")],
        reaches: &[reach("Wikipedia", "https://en.wikipedia.org", "")],
        examples: &[Example {
            title: "what it is",
            inputs: r#"{"lang": "de"}"#,
            output: r#"{"api_wrapper": {"search_service": "Wikipedia"}}"#,
        }],
        ..Spec::SUPPORTED
    };

    async fn run(self, cx: &Context) -> Result<Outputs, RunError> {
        let lang = self.lang.trim();
        if lang.is_empty() || lang.len() > 20 || !lang.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        {
            let message = "field 'lang': it must be a language as in Wikipedia's address, such as en";
            return Err(RunError::new(ErrorKind::Flow, message));
        }
        let results = self.top_k_results.clamp(1, 20);
        let parameters = [
            ("action", "query"),
            ("format", "json"),
            ("generator", "search"),
            ("redirects", "1"),
            ("prop", "extracts|pageprops"),
            ("ppprop", "disambiguation"),
            ("exintro", "1"),
            ("explaintext", "1"),
            ("exlimit", "max"),
        ];
        let parameters = parameters.map(|(name, value)| (name, value.to_owned()));
        let parameters = parameters.into_iter().chain([("gsrlimit", results.to_string())]);
        let settings = Settings::key(None).with(parameters);
        let search = Search::of(cx, "WikipediaAPIWrapper", &PROVIDER, settings).await?;
        let search = search.in_language(lang).cut(MAX_QUESTION, self.doc_content_chars_max as usize);
        Ok(Outputs::one("api_wrapper", search.into_value()))
    }
}

pub(crate) const ENTRY: Entry = Entry::of::<WikipediaApiWrapper>();
