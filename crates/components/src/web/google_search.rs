//! Google's programmable search (0.x).

use http::Method;
use millrace_engine::{
    Component, Context, Entry, ErrorKind, Example, Outputs, RunError, Spec, output, python_str, reach, secret,
};
use serde::Deserialize;
use serde_json::{Map, Value as Json, json};

use super::search::{Key, Provider, Search, Settings, joined, list, texts};
use crate::protocol::account::{first, key_for};

pub(crate) const PROVIDER: Provider = Provider {
    name: "Google",
    base: "https://customsearch.googleapis.com",
    path: "/customsearch/v1",
    base_variable: "GOOGLE_SEARCH_API_BASE",
    method: Method::GET,
    question: "q",
    key: Key::Parameter("key"),
    key_names: ("google_api_key", "GOOGLE_API_KEY"),
    read,
};

const NONE: &str = "No good Google Search Result was found";

/// The snippets, whose results need not have one.
fn read(answer: &Json, _: usize) -> String {
    let items = &answer["items"];
    if list(items).is_empty() { NONE.to_owned() } else { joined(texts(items, "snippet"), " ", "") }
}

/// The results as a list of records, as Python writes it.
pub(crate) fn records(answer: &Json, results: usize) -> String {
    let record = |item: &Json| {
        let fields = ["title", "link", "snippet"].into_iter();
        fields.filter_map(|name| Some((name.to_owned(), item.get(name)?.clone()))).collect::<Map<_, _>>()
    };
    let records: Vec<Json> =
        list(&answer["items"]).iter().take(results).map(|item| record(item).into()).collect();
    python_str(&if records.is_empty() { json!([{"Result": NONE}]) } else { records.into() })
}

/// The node's fields.
#[derive(Deserialize)]
pub(crate) struct GoogleSearchApiWrapper {
    google_api_key: Option<String>,
    google_cse_id: Option<String>,
}

impl Component for GoogleSearchApiWrapper {
    const SPEC: Spec = Spec {
        names: &["GoogleSearchAPIWrapper"],
        about: "Google's programmable search as a service for search nodes: ten results.",
        inputs: &[
            secret("google_api_key", "Key; the variable GOOGLE_API_KEY if empty."),
            secret("google_cse_id", "Id of the search engine; the variable GOOGLE_CSE_ID if empty."),
        ],
        outputs: &[output("api_wrapper")],
        reaches: &[reach("Google", "https://customsearch.googleapis.com", "")],
        examples: &[Example {
            title: "what it is",
            inputs: r#"{"google_api_key": "k", "google_cse_id": "e"}"#,
            output: r#"{"api_wrapper": {"search_service": "Google"}}"#,
        }],
        ..Spec::SUPPORTED
    };

    async fn run(self, cx: &Context) -> Result<Outputs, RunError> {
        let engine = match self.google_cse_id {
            Some(engine) => Some(engine),
            None => {
                let base = first(cx, &[PROVIDER.base_variable]).await?;
                key_for(cx, &["GOOGLE_CSE_ID"], base.map(|base| base.owner)).await?
            }
        };
        let engine = engine.ok_or_else(|| {
            let message = "no search engine: fill in the node's field google_cse_id, or set the variable \
                           GOOGLE_CSE_ID";
            RunError::new(ErrorKind::Flow, message)
        })?;
        let parameters = [("cx", engine), ("num", "10".to_owned())];
        let settings = Settings::key(self.google_api_key).with(parameters);
        let search = Search::of(cx, "GoogleSearchAPIWrapper", &PROVIDER, settings).await?;
        Ok(Outputs::one("api_wrapper", search.into_value()))
    }
}

pub(crate) const ENTRY: Entry = Entry::of::<GoogleSearchApiWrapper>();
