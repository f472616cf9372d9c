//! HuggingFaceInferenceAPIEmbeddings: vectors by Hugging Face's embedding server or its inference service, in
//! both dialects.

use millrace_engine::{
    Component, Context, Default, Entry, Example, Outputs, RunError, Spec, output, reach, secret, text,
};
use serde::Deserialize;

use crate::protocol::hugging_face::{Task, is_the_service};
use crate::protocol::hugging_face_vectors::HuggingFaceVectors;
use crate::protocol::openai::Settings;
use crate::protocol::vectors::outputs;

/// The node's fields: 0.x has `api_url`, 1.x `inference_endpoint`.
#[derive(Deserialize)]
pub(crate) struct HuggingFaceInferenceEmbeddings {
    api_key: Option<String>,
    api_url: Option<String>,
    inference_endpoint: Option<String>,
    model_name: String,
}

impl Component for HuggingFaceInferenceEmbeddings {
    const SPEC: Spec = Spec {
        names: &["HuggingFaceInferenceAPIEmbeddings"],
        about: "Vectors by an embedding server of Hugging Face's kind, or by its inference service.",
        inputs: &[
            secret(
                "api_key",
                "Token; for Hugging Face's own service, the variable HUGGINGFACEHUB_API_TOKEN if empty.",
            ),
            text("api_url", "Address of a server of one's own (0.x); Hugging Face's service if empty."),
            text("inference_endpoint", "The same (1.x)."),
            text("model_name", "The model's name on the hub; a server has one of its own.")
                .or(Default::Text("BAAI/bge-large-en-v1.5")),
        ],
        outputs: &[output("embeddings")],
        reaches: &[
            reach("Hugging Face", "https://router.huggingface.co", "api_url"),
            reach("Hugging Face", "https://router.huggingface.co", "inference_endpoint"),
        ],
        examples: &[
            Example {
                title: "a server of one's own",
                inputs: r#"{"api_url": "https://embed.example"}"#,
                output: r#"{"embeddings":
                            {"embedding_model": "huggingface/embed.example/BAAI/bge-large-en-v1.5"}}"#,
            },
            Example {
                title: "the inference service, by its older address",
                inputs: r#"{"inference_endpoint": "https://api-inference.huggingface.co/models/",
                            "api_key": "x"}"#,
                output: r#"{"embeddings": {"embedding_model":
                            "huggingface/router.huggingface.co/BAAI/bge-large-en-v1.5"}}"#,
            },
        ],
        ..Spec::SUPPORTED
    };

    async fn run(self, cx: &Context) -> Result<Outputs, RunError> {
        const KIND: &str = "HuggingFaceInferenceAPIEmbeddings";
        let url = self.api_url.or(self.inference_endpoint).filter(|url| !is_the_service(url));
        let model = self.model_name;
        let settings = Settings { base: url, key: self.api_key, ..Settings::default() };
        let task = match settings.base {
            Some(_) => Task::at(cx, KIND, settings).await?,
            None => Task::of_model(cx, KIND, &model, "feature-extraction", settings).await?,
        };
        Ok(outputs(HuggingFaceVectors { task, model }))
    }
}

pub(crate) const ENTRY: Entry = Entry::of::<HuggingFaceInferenceEmbeddings>();
