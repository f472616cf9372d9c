//! Anthropic: LangChain's completion model of 0.x. The API of completions is no longer; its models and
//! their successors are called by messages.

use millrace_engine::{
    Component, Context, Entry, Example, Outputs, RunError, Spec, json, number, output, reach, secret, text,
};
use serde::Deserialize;
use serde_json::{Map, Value as Json};

use super::text_model::capability;
use crate::protocol::anthropic::{Fields, model};
use crate::protocol::openai::Settings;

/// What LangChain's class sends unless `model_kwargs` names another.
const MODEL: &str = "claude-2";

/// Likewise.
const MAX_TOKENS: u32 = 256;

/// The node's fields.
#[derive(Deserialize)]
pub(crate) struct Anthropic {
    anthropic_api_key: Option<String>,
    anthropic_api_url: Option<String>,
    model_kwargs: Option<Map<String, Json>>,
    temperature: Option<f64>,
}

impl Component for Anthropic {
    const SPEC: Spec = Spec {
        names: &["Anthropic"],
        about: "A model of Anthropic: claude-2 and 256 tokens, unless the model's own fields say otherwise.",
        inputs: &[
            secret("anthropic_api_key", "Key; the variable ANTHROPIC_API_KEY if empty."),
            text("anthropic_api_url", "Base address; Anthropic's own if empty."),
            json("model_kwargs", "More fields of the request, such as model and max_tokens."),
            number("temperature", "Randomness, 0 to 1."),
        ],
        outputs: &[output("model")],
        reaches: &[reach("Anthropic", "https://api.anthropic.com", "anthropic_api_url")],
        examples: &[Example {
            title: "another model",
            inputs: r#"{"anthropic_api_key": "x", "model_kwargs": {"model": "claude-3-haiku-20240307"}}"#,
            output: r#"{"model": {"language_model": "claude-3-haiku-20240307"}}"#,
        }],
        ..Spec::SUPPORTED
    };

    async fn run(self, cx: &Context) -> Result<Outputs, RunError> {
        let settings =
            Settings { base: self.anthropic_api_url, key: self.anthropic_api_key, ..Settings::default() };
        let fields = Fields {
            model: MODEL.to_owned(),
            max_tokens: Some(MAX_TOKENS),
            temperature: self.temperature,
            more: self.model_kwargs,
            ..Fields::default()
        };
        Ok(capability(model(cx, "Anthropic", settings, fields).await?))
    }
}

pub(crate) const ENTRY: Entry = Entry::of::<Anthropic>();
