//! OpenRouter: the 1.x component.

use millrace_engine::{
    Component, Context, Default, Entry, Example, Outputs, RunError, Spec, integer, number, reach, secret,
    text,
};
use serde::Deserialize;

use super::text_model::{INPUT, OUTPUTS, SYSTEM, outputs};
use crate::protocol::openai::{Endpoint, Form, Settings, model};
use crate::protocol::openai_family::{Fields, OPENROUTER};

/// The node's fields.
#[derive(Deserialize)]
pub(crate) struct OpenRouter {
    model_name: String,
    api_key: Option<String>,
    site_url: Option<String>,
    app_name: Option<String>,
    input_value: Option<String>,
    system_message: Option<String>,
    temperature: f64,
    max_tokens: Option<u32>,
}

impl Component for OpenRouter {
    const SPEC: Spec = Spec {
        names: &["OpenRouterComponent"],
        about: "One chat completion by a model that OpenRouter passes on to.",
        inputs: &[
            text("model_name", "Model, after its maker and a slash."),
            secret("api_key", "Key; the variable OPENROUTER_API_KEY if empty."),
            text("site_url", "Address of the site that asks, for OpenRouter's rankings."),
            text("app_name", "Name of the application that asks, likewise."),
            INPUT,
            SYSTEM,
            number("temperature", "Randomness, 0 to 2.").or(Default::Number(0.7)),
            integer("max_tokens", "Tokens of an answer at most; 0 for the provider's limit."),
        ],
        outputs: OUTPUTS,
        reaches: &[reach("OpenRouter", "https://openrouter.ai/api/v1", "")],
        examples: &[Example {
            title: "the model as a handle",
            inputs: r#"{"model_name": "anthropic/claude-3.5-haiku", "api_key": "x"}"#,
            output: r#"{"model_output": {"language_model": "anthropic/claude-3.5-haiku"}}"#,
        }],
        ..Spec::SUPPORTED
    };

    async fn run(self, cx: &Context) -> Result<Outputs, RunError> {
        let settings = Settings { key: self.api_key, ..Settings::default() };
        let mut endpoint = Endpoint::of(cx, "OpenRouterComponent", &OPENROUTER, settings).await?;
        for (name, value) in [("http-referer", self.site_url), ("x-title", self.app_name)] {
            if let Some(value) = value {
                endpoint = endpoint.header(name, &value);
            }
        }
        let fields = Fields {
            model: self.model_name,
            temperature: Some(self.temperature),
            max_tokens: self.max_tokens,
            ..Fields::default()
        };
        let model = model(endpoint, Form::Chat, fields.into_map());
        outputs(cx, model, self.system_message, self.input_value).await
    }
}

pub(crate) const ENTRY: Entry = Entry::of::<OpenRouter>();
