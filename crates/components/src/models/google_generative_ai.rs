//! GoogleGenerativeAI: a Gemini model by its own API (0.x).

use millrace_engine::{
    Component, Context, Default, Entry, Example, Outputs, RunError, Spec, integer, number, output, reach,
    secret, text,
};
use serde::Deserialize;

use super::text_model::capability;
use crate::protocol::google::{Fields, Google, model};
use crate::protocol::openai::Settings;

/// The node's fields.
#[derive(Deserialize)]
pub(crate) struct GoogleGenerativeAi {
    model: String,
    google_api_key: Option<String>,
    temperature: f64,
    max_output_tokens: Option<u32>,
    top_k: Option<u32>,
    top_p: Option<f64>,
}

impl Component for GoogleGenerativeAi {
    const SPEC: Spec = Spec {
        names: &["GoogleGenerativeAI"],
        about: "A Gemini model of Google.",
        inputs: &[
            text("model", "Model.").or(Default::Text("gemini-pro")),
            secret("google_api_key", "Key; the variable GOOGLE_API_KEY if empty."),
            number("temperature", "Randomness.").or(Default::Number(0.1)),
            integer("max_output_tokens", "Tokens of an answer at most; 0 for the provider's limit."),
            integer("top_k", "Likely tokens considered; 0 for the model's own."),
            number("top_p", "Share of likely tokens considered; 0 for the model's own."),
        ],
        outputs: &[output("model")],
        reaches: &[reach("Google", "https://generativelanguage.googleapis.com", "")],
        examples: &[Example {
            title: "a model by its full name",
            inputs: r#"{"model": "models/gemini-2.0-flash", "google_api_key": "x"}"#,
            output: r#"{"model": {"language_model": "gemini-2.0-flash"}}"#,
        }],
        ..Spec::SUPPORTED
    };

    async fn run(self, cx: &Context) -> Result<Outputs, RunError> {
        let settings = Settings { key: self.google_api_key, ..Settings::default() };
        let google = Google::gemini(cx, "GoogleGenerativeAI", settings).await?;
        let fields = Fields {
            model: self.model,
            temperature: Some(self.temperature),
            top_p: self.top_p,
            top_k: self.top_k,
            max_tokens: self.max_output_tokens,
            more: None,
        };
        Ok(capability(model(google, fields)))
    }
}

pub(crate) const ENTRY: Entry = Entry::of::<GoogleGenerativeAi>();
