//! Vertex AI: the 1.x component.

use millrace_engine::{
    Component, Context, Default, Entry, Example, Outputs, RunError, Spec, integer, number, reach, text,
};
use serde::Deserialize;

use super::text_model::{INPUT, OUTPUTS, SYSTEM, outputs};
use crate::protocol::google::{CloudSettings, Fields, Google, model};

/// The node's fields.
#[derive(Deserialize)]
pub(crate) struct VertexAiModel {
    credentials: Option<String>,
    project: Option<String>,
    location: String,
    model_name: String,
    input_value: Option<String>,
    system_message: Option<String>,
    temperature: f64,
    max_output_tokens: Option<u32>,
    top_k: Option<u32>,
    top_p: f64,
    max_retries: u32,
}

impl Component for VertexAiModel {
    const SPEC: Spec = Spec {
        names: &["VertexAiModel"],
        about: "One chat completion by a model of Google's Vertex AI, in the name of a service account.",
        inputs: &[
            text(
                "credentials",
                "The service account's JSON file; the variable GOOGLE_APPLICATION_CREDENTIALS, which holds the \
                 same text, if empty.",
            ),
            text("project", "Project; the service account's own if empty."),
            text("location", "Location.").or(Default::Text("us-central1")),
            text("model_name", "Model.").or(Default::Text("gemini-1.5-pro")),
            INPUT,
            SYSTEM,
            number("temperature", "Randomness.").or(Default::Integer(0)),
            integer("max_output_tokens", "Tokens of an answer at most; 0 for the provider's limit."),
            integer("top_k", "Likely tokens considered; 0 for the model's own."),
            number("top_p", "Share of likely tokens considered.").or(Default::Number(0.95)),
            integer("max_retries", "Repeats of a failed request, 0 to 10.").or(Default::Integer(1)),
        ],
        outputs: OUTPUTS,
        reaches: &[
            reach("Vertex AI", "https://us-central1-aiplatform.googleapis.com", ""),
            reach("Google's tokens", "https://oauth2.googleapis.com/token", ""),
        ],
        examples: &[Example {
            title: "the model as a handle",
            inputs: r#"{"project": "example", "location": "global", "model_name": "gemini-2.0-flash"}"#,
            output: r#"{"model_output": {"language_model": "gemini-2.0-flash"}}"#,
        }],
        ..Spec::SUPPORTED
    };

    async fn run(self, cx: &Context) -> Result<Outputs, RunError> {
        let settings = CloudSettings {
            credentials: self.credentials,
            project: self.project,
            location: self.location,
            retries: Some(self.max_retries),
        };
        let google = Google::vertex(cx, "VertexAiModel", settings).await?;
        let fields = Fields {
            model: self.model_name,
            temperature: Some(self.temperature),
            top_p: Some(self.top_p),
            top_k: self.top_k,
            max_tokens: self.max_output_tokens,
            more: None,
        };
        outputs(cx, model(google, fields), self.system_message, self.input_value).await
    }
}

pub(crate) const ENTRY: Entry = Entry::of::<VertexAiModel>();
