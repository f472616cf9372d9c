//! VertexAI and ChatVertexAI: a model of Google's cloud (0.x). Both are called by generateContent: the API
//! of the PaLM models that they were drawn with is no longer.

use millrace_engine::{
    Component, Context, Default, Entry, ErrorKind, Example, Outputs, RunError, Spec, integer, number, output,
    reach, text,
};
use serde::Deserialize;

use super::text_model::capability;
use crate::protocol::google::{CloudSettings, Fields, Google, model};

/// The node's fields.
#[derive(Deserialize)]
pub(crate) struct VertexAi {
    credentials: Option<String>,
    project: Option<String>,
    location: String,
    model_name: String,
    tuned_model_name: Option<String>,
    temperature: f64,
    max_output_tokens: u32,
    top_k: u32,
    top_p: f64,
    max_retries: u32,
}

impl Component for VertexAi {
    const SPEC: Spec = Spec {
        names: &["VertexAI", "ChatVertexAI"],
        about: "A model of Google's Vertex AI, in the name of a service account.",
        inputs: &[
            text(
                "credentials",
                "The service account's JSON file; the variable GOOGLE_APPLICATION_CREDENTIALS, which holds the \
                 same text, if empty.",
            ),
            text("project", "Project; the service account's own if empty."),
            text("location", "Location.").or(Default::Text("us-central1")),
            text("model_name", "Model.").or(Default::Text("text-bison")),
            text(
                "tuned_model_name",
                "Refused: tuned models have endpoints of their own, which are not called.",
            ),
            number("temperature", "Randomness.").or(Default::Integer(0)),
            integer("max_output_tokens", "Tokens of an answer at most.").or(Default::Integer(128)),
            integer("top_k", "Likely tokens considered.").or(Default::Integer(40)),
            number("top_p", "Share of likely tokens considered.").or(Default::Number(0.95)),
            integer("max_retries", "Repeats of a failed request, 0 to 10.").or(Default::Integer(6)),
        ],
        outputs: &[output("model")],
        reaches: &[
            reach("Vertex AI", "https://us-central1-aiplatform.googleapis.com", ""),
            reach("Google's tokens", "https://oauth2.googleapis.com/token", ""),
        ],
        examples: &[Example {
            title: "a service account is missed only by the first call",
            inputs: r#"{"project": "example", "model_name": "gemini-1.5-pro"}"#,
            output: r#"{"model": {"language_model": "gemini-1.5-pro"}}"#,
        }],
        ..Spec::SUPPORTED
    };

    async fn run(self, cx: &Context) -> Result<Outputs, RunError> {
        if self.tuned_model_name.is_some() {
            let message = "field 'tuned_model_name': tuned models are not supported; name a published model";
            return Err(RunError::new(ErrorKind::Flow, message));
        }
        let settings = CloudSettings {
            credentials: self.credentials,
            project: self.project,
            location: self.location,
            retries: Some(self.max_retries),
        };
        let google = Google::vertex(cx, "VertexAI", settings).await?;
        let fields = Fields {
            model: self.model_name,
            temperature: Some(self.temperature),
            top_p: Some(self.top_p),
            top_k: Some(self.top_k),
            max_tokens: Some(self.max_output_tokens),
            more: None,
        };
        Ok(capability(model(google, fields)))
    }
}

pub(crate) const ENTRY: Entry = Entry::of::<VertexAi>();
