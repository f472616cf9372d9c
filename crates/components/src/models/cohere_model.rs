//! Cohere: the 1.x component, which names no model either.

use millrace_engine::{
    Component, Context, Default, Entry, Example, Outputs, RunError, Spec, number, reach, secret,
};
use serde::Deserialize;
use serde_json::{Map, json};

use super::text_model::{INPUT, OUTPUTS, SYSTEM, outputs};
use crate::protocol::cohere::{Cohere, MODEL, model};
use crate::protocol::openai::Settings;

/// The node's fields.
#[derive(Deserialize)]
pub(crate) struct CohereModel {
    cohere_api_key: Option<String>,
    input_value: Option<String>,
    system_message: Option<String>,
    temperature: f64,
}

impl Component for CohereModel {
    const SPEC: Spec = Spec {
        names: &["CohereModel"],
        about: "One chat completion by a model of Cohere: command-a-03-2025, since the node names none.",
        inputs: &[
            secret("cohere_api_key", "Key; the variable COHERE_API_KEY if empty."),
            INPUT,
            SYSTEM,
            number("temperature", "Randomness.").or(Default::Number(0.75)),
        ],
        outputs: OUTPUTS,
        reaches: &[reach("Cohere", "https://api.cohere.com", "")],
        examples: &[Example {
            title: "the model as a handle",
            inputs: r#"{"cohere_api_key": "x"}"#,
            output: r#"{"model_output": {"language_model": "command-a-03-2025"}}"#,
        }],
        ..Spec::SUPPORTED
    };

    async fn run(self, cx: &Context) -> Result<Outputs, RunError> {
        let settings = Settings { key: self.cohere_api_key, ..Settings::default() };
        let cohere = Cohere::of(cx, "CohereModel", settings).await?;
        let fields = Map::from_iter([
            ("model".to_owned(), json!(MODEL)),
            ("temperature".to_owned(), json!(self.temperature)),
        ]);
        outputs(cx, model(cohere, fields), self.system_message, self.input_value).await
    }
}

pub(crate) const ENTRY: Entry = Entry::of::<CohereModel>();
