//! Wolfram Alpha: what it computes for a question (0.x).

use http::Method;
use millrace_engine::{Component, Context, Entry, Example, Outputs, RunError, Spec, output, reach, secret};
use serde::Deserialize;
use serde_json::Value as Json;

use super::search::{Key, Provider, Search, Settings, list};

pub(crate) const PROVIDER: Provider = Provider {
    name: "Wolfram Alpha",
    base: "https://api.wolframalpha.com",
    path: "/v2/query",
    base_variable: "WOLFRAM_ALPHA_API_BASE",
    method: Method::GET,
    question: "input",
    key: Key::Parameter("appid"),
    key_names: ("appid", "WOLFRAM_ALPHA_APPID"),
    read,
};

/// How the question was understood, which is the first pod, and the first pod that is a result.
fn read(answer: &Json, _: usize) -> String {
    let answer = &answer["queryresult"];
    if let Some(error) = answer["error"]["msg"].as_str() {
        return format!("Wolfram Alpha says: {error}");
    }
    let pods = list(&answer["pods"]);
    let text = |pod: &Json| pod["subpods"][0]["plaintext"].as_str().unwrap_or_default().to_owned();
    let result = pods.iter().find(|pod| pod["primary"] == true || pod["title"] == "Result");
    match (pods.first(), result.map(text)) {
        (Some(first), Some(result)) if !result.is_empty() => {
            format!("Assumption: {} \nAnswer: {result}", text(first))
        }
        (Some(_), Some(_)) => "No good Wolfram Alpha Result was found".to_owned(),
        _ => "Wolfram Alpha wasn't able to answer it".to_owned(),
    }
}

/// The node's fields.
#[derive(Deserialize)]
pub(crate) struct WolframAlphaApiWrapper {
    appid: Option<String>,
}

impl Component for WolframAlphaApiWrapper {
    const SPEC: Spec = Spec {
        names: &["WolframAlphaAPIWrapper"],
        about: "Wolfram Alpha as a service for search nodes.",
        inputs: &[secret("appid", "Id of the app; the variable WOLFRAM_ALPHA_APPID if empty.")],
        outputs: &[output("api_wrapper")],
        reaches: &[reach("Wolfram Alpha", "https://api.wolframalpha.com", "")],
        examples: &[Example {
            title: "what it is",
            inputs: r#"{"appid": "k"}"#,
            output: r#"{"api_wrapper": {"search_service": "Wolfram Alpha"}}"#,
        }],
        ..Spec::SUPPORTED
    };

    async fn run(self, cx: &Context) -> Result<Outputs, RunError> {
        let parameters = [("output", "json".to_owned()), ("format", "plaintext".to_owned())];
        let settings = Settings::key(self.appid).with(parameters);
        let search = Search::of(cx, "WolframAlphaAPIWrapper", &PROVIDER, settings).await?;
        Ok(Outputs::one("api_wrapper", search.into_value()))
    }
}

pub(crate) const ENTRY: Entry = Entry::of::<WolframAlphaApiWrapper>();
