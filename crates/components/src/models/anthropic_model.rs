//! Anthropic: the 1.x component.

use millrace_engine::{
    Component, Context, Default, Entry, Example, Outputs, RunError, Spec, integer, number, reach, secret,
    text,
};
use serde::Deserialize;

use super::text_model::{INPUT, OUTPUTS, SYSTEM, outputs};
use crate::protocol::anthropic::{Fields, model};
use crate::protocol::openai::Settings;

/// The node's fields.
#[derive(Deserialize)]
pub(crate) struct AnthropicModel {
    model_name: String,
    api_key: Option<String>,
    base_url: Option<String>,
    input_value: Option<String>,
    system_message: Option<String>,
    temperature: f64,
    max_tokens: Option<u32>,
    prefill: Option<String>,
}

impl Component for AnthropicModel {
    const SPEC: Spec = Spec {
        names: &["AnthropicModel"],
        about: "One chat completion by a model of Anthropic.",
        inputs: &[
            text("model_name", "Model.").or(Default::Text("claude-sonnet-4-5-20250929")),
            secret("api_key", "Key; the variable ANTHROPIC_API_KEY if empty."),
            text("base_url", "Base address; the variable ANTHROPIC_API_URL, else Anthropic's own if empty."),
            INPUT,
            SYSTEM,
            number("temperature", "Randomness, 0 to 1.").or(Default::Number(0.1)),
            integer("max_tokens", "Tokens of an answer at most.").or(Default::Integer(4096)),
            text("prefill", "How the answer begins."),
        ],
        outputs: OUTPUTS,
        reaches: &[reach("Anthropic", "https://api.anthropic.com", "base_url")],
        examples: &[Example {
            title: "the model as a handle",
            inputs: r#"{"model_name": "claude-3-5-haiku-20241022", "api_key": "x"}"#,
            output: r#"{"model_output": {"language_model": "claude-3-5-haiku-20241022"}}"#,
        }],
        ..Spec::SUPPORTED
    };

    async fn run(self, cx: &Context) -> Result<Outputs, RunError> {
        let settings = Settings { base: self.base_url, key: self.api_key, ..Settings::default() };
        let fields = Fields {
            model: self.model_name,
            max_tokens: self.max_tokens.filter(|tokens| *tokens > 0).or(Some(4096)),
            temperature: Some(self.temperature),
            prefill: self.prefill,
            ..Fields::default()
        };
        let model = model(cx, "AnthropicModel", settings, fields).await?;
        outputs(cx, model, self.system_message, self.input_value).await
    }
}

pub(crate) const ENTRY: Entry = Entry::of::<AnthropicModel>();
