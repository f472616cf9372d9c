//! VertexAIEmbeddings: vectors by a model of Google's cloud, in both dialects.

use millrace_engine::{
    Component, Context, Default, Entry, Example, Outputs, RunError, Spec, integer, output, reach, text,
};
use serde::Deserialize;

use crate::protocol::google::{CloudSettings, Google};
use crate::protocol::google_vectors::VertexVectors;
use crate::protocol::vectors::outputs;

/// The node's fields.
#[derive(Deserialize)]
pub(crate) struct VertexAiEmbeddings {
    credentials: Option<String>,
    project: Option<String>,
    location: String,
    model_name: String,
    max_retries: u32,
}

impl Component for VertexAiEmbeddings {
    const SPEC: Spec = Spec {
        names: &["VertexAIEmbeddings"],
        about: "Vectors by a model of Google's Vertex AI, in the name of a service account.",
        inputs: &[
            text(
                "credentials",
                "The service account's JSON file; the variable GOOGLE_APPLICATION_CREDENTIALS, which holds the \
                 same text, if empty.",
            ),
            text("project", "Project; the service account's own if empty."),
            text("location", "Location.").or(Default::Text("us-central1")),
            text("model_name", "Model.").or(Default::Text("textembedding-gecko")),
            integer("max_retries", "Repeats of a failed request, 0 to 10.").or(Default::Integer(6)),
        ],
        outputs: &[output("embeddings")],
        reaches: &[
            reach("Vertex AI", "https://us-central1-aiplatform.googleapis.com", ""),
            reach("Google's tokens", "https://oauth2.googleapis.com/token", ""),
        ],
        examples: &[Example {
            title: "a service account is missed only by the first call",
            inputs: r#"{"project": "example", "model_name": "text-embedding-005"}"#,
            output: r#"{"embeddings": {"embedding_model":
                        "vertex/us-central1-aiplatform.googleapis.com/text-embedding-005"}}"#,
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
        let google = Google::vertex(cx, "VertexAIEmbeddings", settings).await?;
        Ok(outputs(VertexVectors { google, model: self.model_name }))
    }
}

pub(crate) const ENTRY: Entry = Entry::of::<VertexAiEmbeddings>();
