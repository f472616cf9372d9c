//! Searx: a search engine of one's own (0.x).

use http::Method;
use millrace_engine::{
    Component, Context, Default, Entry, Example, Outputs, RunError, Spec, integer, json, output, python_str,
    reach, text,
};
use serde::Deserialize;
use serde_json::{Map, Value as Json};

use super::fetch;
use super::search::{Key, Provider, Search, Settings, list};

pub(crate) const PROVIDER: Provider = Provider {
    name: "Searx",
    base: "https://searx.example.com",
    path: "",
    base_variable: "SEARX_API_BASE",
    method: Method::GET,
    question: "q",
    key: Key::None,
    key_names: ("", ""),
    read,
};

/// The first answer, else what the results say.
fn read(answer: &Json, results: usize) -> String {
    // Newer releases write an answer as an object.
    if let Some(first) = list(&answer["answers"]).first() {
        return python_str(first.get("answer").unwrap_or(first));
    }
    let found = list(&answer["results"]);
    let texts: Vec<&str> =
        found.iter().take(results).map(|result| result["content"].as_str().unwrap_or_default()).collect();
    if texts.is_empty() { "No good search result found".to_owned() } else { texts.join("\n\n") }
}

/// The node's fields.
#[derive(Deserialize)]
pub(crate) struct SearxSearchWrapper {
    searx_host: String,
    headers: Option<Map<String, Json>>,
    k: u32,
}

impl Component for SearxSearchWrapper {
    const SPEC: Spec = Spec {
        names: &["SearxSearchWrapper"],
        about: "A Searx server as a service for search nodes.",
        inputs: &[
            text("searx_host", "Address of the server; https if it says nothing else.")
                .or(Default::Text(PROVIDER.base)),
            json("headers", "Headers of each search; the drawn 'Bearer <token>' is none."),
            integer("k", "Results, 50 at most.").or(Default::Integer(10)),
        ],
        outputs: &[output("api_wrapper")],
        reaches: &[reach("the address in searx_host", "", "searx_host")],
        examples: &[Example {
            title: "what it is",
            inputs: r#"{"searx_host": "searx.example.org"}"#,
            output: r#"{"api_wrapper": {"search_service": "Searx"}}"#,
        }],
        ..Spec::SUPPORTED
    };

    async fn run(self, cx: &Context) -> Result<Outputs, RunError> {
        let headers = fetch::headers(self.headers);
        let host = self.searx_host.trim();
        let host = if host.starts_with("http") { host.to_owned() } else { format!("https://{host}") };
        let own = Some(host).filter(|host| host.trim_end_matches('/') != PROVIDER.base);
        let parameters = [("language", "en".to_owned()), ("format", "json".to_owned())];
        let results = self.k.min(50) as usize;
        let settings = Settings { address: own, headers, results, ..Settings::key(None).with(parameters) };
        let search = Search::of(cx, "SearxSearchWrapper", &PROVIDER, settings).await?;
        Ok(Outputs::one("api_wrapper", search.into_value()))
    }
}

pub(crate) const ENTRY: Entry = Entry::of::<SearxSearchWrapper>();
