//! Serper: Google's results over serper.dev (0.x).

use http::Method;
use millrace_engine::{
    Component, Context, Entry, Example, Outputs, RunError, Spec, output, python_str, reach, secret,
};
use serde::Deserialize;
use serde_json::Value as Json;

use super::search::{Key, Provider, Search, Settings, list};

pub(crate) const PROVIDER: Provider = Provider {
    name: "Serper",
    base: "https://google.serper.dev",
    path: "/search",
    base_variable: "SERPER_API_BASE",
    method: Method::POST,
    question: "q",
    key: Key::Header("x-api-key", ""),
    key_names: ("serper_api_key", "SERPER_API_KEY"),
    read,
};

/// The answer box alone where there is one, else what is known of a thing and the snippets.
fn read(answer: &Json, results: usize) -> String {
    let found = &answer["answerBox"];
    if let Some(text) = found["answer"].as_str().filter(|text| !text.is_empty()) {
        return text.to_owned();
    }
    if let Some(text) = found["snippet"].as_str().filter(|text| !text.is_empty()) {
        return text.replace('\n', " ");
    }
    let mut said: Vec<String> = list(&found["snippetHighlighted"]).iter().map(python_str).collect();
    if said.is_empty() {
        said = known(&answer["knowledgeGraph"]);
        for result in list(&answer["organic"]).iter().take(results) {
            said.extend(result["snippet"].as_str().map(str::to_owned));
            said.extend(attributes(result).map(|(name, value)| format!("{name}: {value}.")));
        }
    }
    if said.is_empty() { "No good Google Search Result was found".to_owned() } else { said.join(" ") }
}

fn known(thing: &Json) -> Vec<String> {
    let title = python_str(&thing["title"]);
    let kind = thing["type"].as_str().map(|kind| format!("{title}: {kind}."));
    let description = thing["description"].as_str().map(str::to_owned);
    let said = attributes(thing).map(|(name, value)| format!("{title} {name}: {value}."));
    kind.into_iter().chain(description).chain(said).collect()
}

fn attributes(thing: &Json) -> impl Iterator<Item = (&str, String)> {
    let attributes = thing["attributes"].as_object().into_iter().flatten();
    attributes.map(|(name, value)| (name.as_str(), python_str(value)))
}

/// The node's fields.
#[derive(Deserialize)]
pub(crate) struct GoogleSerperApiWrapper {
    serper_api_key: Option<String>,
}

impl Component for GoogleSerperApiWrapper {
    const SPEC: Spec = Spec {
        names: &["GoogleSerperAPIWrapper"],
        about: "Serper as a service for search nodes: ten results in English from the United States.",
        inputs: &[secret("serper_api_key", "Key; the variable SERPER_API_KEY if empty.")],
        outputs: &[output("api_wrapper")],
        reaches: &[reach("Serper", "https://google.serper.dev", "")],
        examples: &[Example {
            title: "what it is",
            inputs: r#"{"serper_api_key": "k"}"#,
            output: r#"{"api_wrapper": {"search_service": "Serper"}}"#,
        }],
        ..Spec::SUPPORTED
    };

    async fn run(self, cx: &Context) -> Result<Outputs, RunError> {
        let parameters = [("gl", "us"), ("hl", "en"), ("num", "10")];
        let parameters = parameters.map(|(name, value)| (name, value.to_owned()));
        let settings = Settings::key(self.serper_api_key).with(parameters);
        let search = Search::of(cx, "GoogleSerperAPIWrapper", &PROVIDER, settings).await?;
        Ok(Outputs::one("api_wrapper", search.into_value()))
    }
}

pub(crate) const ENTRY: Entry = Entry::of::<GoogleSerperApiWrapper>();
