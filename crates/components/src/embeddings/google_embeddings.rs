//! Google Generative AI Embeddings: the 1.x component.

use millrace_engine::{
    Component, Context, Default, Entry, Example, Outputs, RunError, Spec, output, reach, secret, text,
};
use serde::Deserialize;

use crate::protocol::google::Google;
use crate::protocol::google_vectors::GeminiVectors;
use crate::protocol::openai::Settings;
use crate::protocol::vectors::outputs;

/// What Langflow asks for, whatever the model could give.
const DIMENSIONS: u32 = 768;

/// The node's fields.
#[derive(Deserialize)]
pub(crate) struct GoogleEmbeddings {
    model_name: String,
    api_key: Option<String>,
}

impl Component for GoogleEmbeddings {
    const SPEC: Spec = Spec {
        names: &["Google Generative AI Embeddings"],
        about: "Vectors of 768 dimensions by a Gemini model of Google.",
        inputs: &[
            text("model_name", "Model.").or(Default::Text("models/text-embedding-004")),
            secret("api_key", "Key; the variable GOOGLE_API_KEY if empty."),
        ],
        outputs: &[output("embeddings")],
        reaches: &[reach("Google", "https://generativelanguage.googleapis.com", "")],
        examples: &[Example {
            title: "the default model",
            inputs: r#"{"api_key": "x"}"#,
            output: r#"{"embeddings": {"embedding_model":
                        "google/generativelanguage.googleapis.com/text-embedding-004/768"}}"#,
        }],
        ..Spec::SUPPORTED
    };

    async fn run(self, cx: &Context) -> Result<Outputs, RunError> {
        let settings = Settings { key: self.api_key, ..Settings::default() };
        let google = Google::gemini(cx, "Google Generative AI Embeddings", settings).await?;
        Ok(outputs(GeminiVectors { google, model: self.model_name, dimensions: Some(DIMENSIONS) }))
    }
}

pub(crate) const ENTRY: Entry = Entry::of::<GoogleEmbeddings>();
