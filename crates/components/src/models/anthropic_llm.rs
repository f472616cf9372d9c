//! AnthropicLLM: a chat model of Anthropic, or of a server that speaks its protocol (0.x).

use millrace_engine::{
    Component, Context, Default, Entry, Example, Outputs, RunError, Spec, integer, number, output, reach,
    secret, text,
};
use serde::Deserialize;

use super::text_model::capability;
use crate::protocol::anthropic::{Fields, model as anthropic};
use crate::protocol::openai::Settings;

/// The node's fields.
#[derive(Deserialize)]
pub(crate) struct AnthropicLlm {
    model: String,
    anthropic_api_key: Option<String>,
    api_endpoint: Option<String>,
    max_tokens: Option<u32>,
    temperature: Option<f64>,
}

impl Component for AnthropicLlm {
    const SPEC: Spec = Spec {
        names: &["AnthropicLLM"],
        about: "A chat model of Anthropic or of any server that speaks its protocol.",
        inputs: &[
            text("model", "Model.").or(Default::Text("claude-2.1")),
            secret("anthropic_api_key", "Key; the variable ANTHROPIC_API_KEY if empty."),
            text("api_endpoint", "Base address; Anthropic's own if empty."),
            integer("max_tokens", "Tokens of an answer at most.").or(Default::Integer(256)),
            number("temperature", "Randomness, 0 to 1.").or(Default::Number(0.7)),
        ],
        outputs: &[output("model")],
        reaches: &[reach("Anthropic", "https://api.anthropic.com", "api_endpoint")],
        examples: &[Example {
            title: "the default model",
            inputs: r#"{"anthropic_api_key": "x"}"#,
            output: r#"{"model": {"language_model": "claude-2.1"}}"#,
        }],
        ..Spec::SUPPORTED
    };

    async fn run(self, cx: &Context) -> Result<Outputs, RunError> {
        let settings =
            Settings { base: self.api_endpoint, key: self.anthropic_api_key, ..Settings::default() };
        let fields = Fields {
            model: self.model,
            max_tokens: self.max_tokens,
            temperature: self.temperature,
            ..Fields::default()
        };
        Ok(capability(anthropic(cx, "AnthropicLLM", settings, fields).await?))
    }
}

pub(crate) const ENTRY: Entry = Entry::of::<AnthropicLlm>();
