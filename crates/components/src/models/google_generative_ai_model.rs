//! Google Generative AI: the 1.x component.

use millrace_engine::{
    Component, Context, Default, Entry, Example, Outputs, RunError, Spec, integer, number, reach, secret,
    text,
};
use serde::Deserialize;

use super::text_model::{INPUT, OUTPUTS, SYSTEM, outputs};
use crate::protocol::google::{Fields, Google, model};
use crate::protocol::openai::Settings;

/// The node's fields.
#[derive(Deserialize)]
pub(crate) struct GoogleGenerativeAiModel {
    model_name: String,
    api_key: Option<String>,
    input_value: Option<String>,
    system_message: Option<String>,
    temperature: f64,
    max_output_tokens: Option<u32>,
    top_k: Option<u32>,
    top_p: Option<f64>,
}

impl Component for GoogleGenerativeAiModel {
    const SPEC: Spec = Spec {
        names: &["GoogleGenerativeAIModel"],
        about: "One chat completion by a Gemini model of Google.",
        inputs: &[
            text("model_name", "Model.").or(Default::Text("gemini-1.5-pro")),
            secret("api_key", "Key; the variable GOOGLE_API_KEY if empty."),
            INPUT,
            SYSTEM,
            number("temperature", "Randomness.").or(Default::Number(0.1)),
            integer("max_output_tokens", "Tokens of an answer at most; 0 for the provider's limit."),
            integer("top_k", "Likely tokens considered; 0 for the model's own."),
            number("top_p", "Share of likely tokens considered; 0 for the model's own."),
        ],
        outputs: OUTPUTS,
        reaches: &[reach("Google", "https://generativelanguage.googleapis.com", "")],
        examples: &[Example {
            title: "the model as a handle",
            inputs: r#"{"model_name": "gemini-2.0-flash", "api_key": "x"}"#,
            output: r#"{"model_output": {"language_model": "gemini-2.0-flash"}}"#,
        }],
        ..Spec::SUPPORTED
    };

    async fn run(self, cx: &Context) -> Result<Outputs, RunError> {
        let settings = Settings { key: self.api_key, ..Settings::default() };
        let google = Google::gemini(cx, "GoogleGenerativeAIModel", settings).await?;
        let fields = Fields {
            model: self.model_name,
            temperature: Some(self.temperature),
            top_p: self.top_p,
            top_k: self.top_k,
            max_tokens: self.max_output_tokens,
            more: None,
        };
        outputs(cx, model(google, fields), self.system_message, self.input_value).await
    }
}

pub(crate) const ENTRY: Entry = Entry::of::<GoogleGenerativeAiModel>();
