//! ChatAnthropic: a chat model of Anthropic (0.x).

use millrace_engine::{
    Component, Context, Default, Entry, Example, Outputs, RunError, Spec, integer, json, number, output,
    reach, secret, text,
};
use serde::Deserialize;
use serde_json::{Map, Value as Json};

use super::text_model::capability;
use crate::protocol::anthropic::{Fields, model};
use crate::protocol::openai::Settings;

/// The node's fields.
#[derive(Deserialize)]
pub(crate) struct ChatAnthropic {
    model_name: String,
    anthropic_api_key: Option<String>,
    temperature: Option<f64>,
    max_tokens: Option<u32>,
    top_k: Option<u32>,
    top_p: Option<f64>,
    model_kwargs: Option<Map<String, Json>>,
}

impl Component for ChatAnthropic {
    const SPEC: Spec = Spec {
        names: &["ChatAnthropic"],
        about: "A chat model of Anthropic.",
        inputs: &[
            text("model_name", "Model.").or(Default::Text("claude-3-opus-20240229")),
            secret("anthropic_api_key", "Key; the variable ANTHROPIC_API_KEY if empty."),
            number("temperature", "Randomness, 0 to 1."),
            integer("max_tokens", "Tokens of an answer at most.").or(Default::Integer(1024)),
            integer("top_k", "Likely tokens considered."),
            number("top_p", "Share of likely tokens considered."),
            json("model_kwargs", "More fields of the request."),
        ],
        outputs: &[output("model")],
        reaches: &[reach("Anthropic", "https://api.anthropic.com", "")],
        examples: &[Example {
            title: "the default model",
            inputs: r#"{"anthropic_api_key": "x"}"#,
            output: r#"{"model": {"language_model": "claude-3-opus-20240229"}}"#,
        }],
        ..Spec::SUPPORTED
    };

    async fn run(self, cx: &Context) -> Result<Outputs, RunError> {
        let settings = Settings { key: self.anthropic_api_key, ..Settings::default() };
        let fields = Fields {
            model: self.model_name,
            max_tokens: self.max_tokens,
            temperature: self.temperature,
            top_k: self.top_k,
            top_p: self.top_p,
            prefill: None,
            more: self.model_kwargs,
        };
        Ok(capability(model(cx, "ChatAnthropic", settings, fields).await?))
    }
}

pub(crate) const ENTRY: Entry = Entry::of::<ChatAnthropic>();
