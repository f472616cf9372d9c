//! SearchApi: searchapi.io's whole answer as a document, and its gist as a tool (0.x).

use http::Method;
use millrace_engine::{
    Component, Context, Default, Entry, Example, Outputs, RunError, Spec, Value, json, output, python_str,
    reach, secret, text,
};
use serde::Deserialize;
use serde_json::{Map, Value as Json, json};

use super::search::{Key, Provider, Search, SearchTool, Settings, joined, list, texts};
use super::sites::document;

pub(crate) const PROVIDER: Provider = Provider {
    name: "SearchApi",
    base: "https://www.searchapi.io",
    path: "/api/v1/search",
    base_variable: "SEARCHAPI_API_BASE",
    method: Method::GET,
    question: "q",
    key: Key::Header("authorization", "Bearer "),
    key_names: ("api_key", "SEARCHAPI_API_KEY"),
    read,
};

const NONE: &str = "No good search result found";

/// The first of these that it has: an answer, what is known of a thing, snippets, jobs, videos, images.
fn read(answer: &Json, _: usize) -> String {
    let direct = ["/answer_box/answer", "/answer_box/snippet", "/knowledge_graph/description"];
    if let Some(found) = direct.iter().find_map(|place| answer.pointer(place)) {
        return python_str(found);
    }
    let titled = |results: &Json, link: &str| {
        let line = |result: &Json| {
            let (title, link) = (result["title"].as_str()?, result.pointer(link)?.as_str()?);
            Some(format!("Title: \"{title}\" Link: {link}"))
        };
        let lines: Vec<String> = list(results).iter().filter_map(line).collect();
        joined(lines.iter().map(String::as_str), "\n", NONE)
    };
    let is = |name: &str| answer.get(name).is_some();
    match () {
        () if is("organic_results") => joined(texts(&answer["organic_results"], "snippet"), "\n", NONE),
        () if is("jobs") => joined(texts(&answer["jobs"], "description"), "\n", NONE),
        () if is("videos") => titled(&answer["videos"], "/link"),
        () if is("images") => titled(&answer["images"], "/original/link"),
        () => NONE.to_owned(),
    }
}

fn whole(answer: &Json, _: usize) -> String {
    answer.to_string()
}

/// The node's fields.
#[derive(Deserialize)]
pub(crate) struct SearchApi {
    engine: String,
    api_key: Option<String>,
    params: Option<Map<String, Json>>,
}

impl Component for SearchApi {
    const SPEC: Spec = Spec {
        names: &["SearchApi"],
        about: "What searchapi.io answers, as a document; or as a tool that asks it.",
        inputs: &[
            text("engine", "The search engine.").or(Default::Text("google")),
            secret("api_key", "Key; the variable SEARCHAPI_API_KEY if empty."),
            json("params", "Parameters of each search; q is the document's question."),
        ],
        outputs: &[output("document"), output("tool")],
        reaches: &[reach("SearchApi", "https://www.searchapi.io", "")],
        examples: &[Example {
            title: "as a tool",
            inputs: r#"{"api_key": "k"}"#,
            output: r#"{"tool": {"tool": "SearchApi"}}"#,
        }],
        ..Spec::SUPPORTED
    };

    async fn run(self, cx: &Context) -> Result<Outputs, RunError> {
        let settings = Settings::key(self.api_key).with([("engine", self.engine)]);
        let mut search = Search::of(cx, "SearchApi", &PROVIDER, settings).await?;
        let mut question = "SearchApi Langflow".to_owned();
        for (name, value) in self.params.unwrap_or_default() {
            match name.as_str() {
                "" => {}
                "q" => question = python_str(&value),
                _ if value.is_null() => {}
                _ => search = search.with(&name, python_str(&value)),
            }
        }
        let mut outputs = Outputs::none();
        if cx.wants("document") {
            let text =
                search.clone().reading(whole, 0).cut(usize::MAX, usize::MAX).ask(cx, &question).await?;
            outputs = outputs.and("document", Value::Document(document(text, json!({}))));
        }
        let description = "Searches the web over searchapi.io. The input is what to search for.";
        let tool = SearchTool { name: "SearchApi", description, search };
        Ok(outputs.and("tool", tool.into_value()))
    }
}

pub(crate) const ENTRY: Entry = Entry::of::<SearchApi>();
