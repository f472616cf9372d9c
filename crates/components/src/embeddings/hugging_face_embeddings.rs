//! HuggingFaceEmbeddings: Langflow runs the model within itself; here Hugging Face's inference service runs
//! it.

use millrace_engine::{
    Component, Context, Default, Entry, Example, Outputs, RunError, Spec, output, reach, text,
};
use serde::Deserialize;

use crate::protocol::hugging_face::Task;
use crate::protocol::hugging_face_vectors::HuggingFaceVectors;
use crate::protocol::openai::Settings;
use crate::protocol::vectors::outputs;

/// The node's fields.
#[derive(Deserialize)]
pub(crate) struct HuggingFaceEmbeddings {
    model_name: String,
}

impl Component for HuggingFaceEmbeddings {
    const SPEC: Spec = Spec {
        names: &["HuggingFaceEmbeddings"],
        about: "Vectors by a sentence-transformers model, which Hugging Face's inference service runs with the \
                token in the variable HUGGINGFACEHUB_API_TOKEN: nothing is computed here, unlike in Langflow.",
        inputs: &[text("model_name", "The model's name on the hub.")
            .or(Default::Text("sentence-transformers/all-mpnet-base-v2"))],
        outputs: &[output("embeddings")],
        reaches: &[reach("Hugging Face", "https://router.huggingface.co", "")],
        examples: &[Example {
            title: "through the node that has a token",
            inputs: r#"{"model_name": "BAAI/bge-small-en-v1.5"}"#,
            output: r#"{"embeddings": {"embedding_model":
                        "huggingface/router.huggingface.co/BAAI/bge-small-en-v1.5"}}"#,
        }],
        ..Spec::SUPPORTED
    };

    async fn run(self, cx: &Context) -> Result<Outputs, RunError> {
        let model = self.model_name;
        let task =
            Task::of_model(cx, "HuggingFaceEmbeddings", &model, "feature-extraction", Settings::default())
                .await?;
        Ok(outputs(HuggingFaceVectors { task, model }))
    }
}

pub(crate) const ENTRY: Entry = Entry::of::<HuggingFaceEmbeddings>();
