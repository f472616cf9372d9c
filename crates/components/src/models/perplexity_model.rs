//! Perplexity: the 1.x component.

use millrace_engine::{
    Component, Context, Default, Entry, Example, Outputs, RunError, Spec, integer, number, reach, secret,
    text,
};
use serde::Deserialize;
use serde_json::{Map, json};

use super::text_model::{INPUT, OUTPUTS, SYSTEM, outputs};
use crate::protocol::openai::Settings;
use crate::protocol::openai_family::{Fields, PERPLEXITY, chat};

/// The node's fields.
#[derive(Deserialize)]
pub(crate) struct PerplexityModel {
    model_name: String,
    api_key: Option<String>,
    input_value: Option<String>,
    system_message: Option<String>,
    temperature: f64,
    max_output_tokens: Option<u32>,
    top_p: Option<f64>,
    top_k: Option<u32>,
}

impl Component for PerplexityModel {
    const SPEC: Spec = Spec {
        names: &["PerplexityModel"],
        about: "One chat completion by a model of Perplexity.",
        inputs: &[
            text("model_name", "Model.").or(Default::Text("llama-3.1-sonar-small-128k-online")),
            secret("api_key", "Key; the variable PERPLEXITY_API_KEY if empty."),
            INPUT,
            SYSTEM,
            number("temperature", "Randomness.").or(Default::Number(0.75)),
            integer("max_output_tokens", "Tokens of an answer at most; 0 for the provider's limit."),
            number("top_p", "Share of likely tokens considered; 0 for the provider's own."),
            integer("top_k", "Likely tokens considered; 0 for the provider's own."),
        ],
        outputs: OUTPUTS,
        reaches: &[reach("Perplexity", "https://api.perplexity.ai", "")],
        examples: &[Example {
            title: "the model as a handle",
            inputs: r#"{"model_name": "sonar", "api_key": "x"}"#,
            output: r#"{"model_output": {"language_model": "sonar"}}"#,
        }],
        ..Spec::SUPPORTED
    };

    async fn run(self, cx: &Context) -> Result<Outputs, RunError> {
        let settings = Settings { key: self.api_key, ..Settings::default() };
        let top_k = self.top_k.filter(|tokens| *tokens > 0);
        let fields = Fields {
            model: self.model_name,
            temperature: Some(self.temperature),
            max_tokens: self.max_output_tokens,
            top_p: self.top_p.filter(|share| *share > 0.0),
            more: top_k.map(|tokens| Map::from_iter([("top_k".to_owned(), json!(tokens))])),
            ..Fields::default()
        };
        let model = chat(cx, "PerplexityModel", &PERPLEXITY, settings, fields).await?;
        outputs(cx, model, self.system_message, self.input_value).await
    }
}

pub(crate) const ENTRY: Entry = Entry::of::<PerplexityModel>();
