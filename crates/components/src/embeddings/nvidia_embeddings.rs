//! NVIDIA Embeddings: the 1.x component.

use millrace_engine::{
    Component, Context, Default, Entry, Example, Outputs, RunError, Spec, output, reach, secret, text,
};
use serde::Deserialize;
use serde_json::Map;

use crate::protocol::openai::{Endpoint, Settings};
use crate::protocol::openai_family::NVIDIA;
use crate::protocol::openai_vectors::OpenAiVectors;
use crate::protocol::vectors::outputs;

/// The node's fields.
#[derive(Deserialize)]
pub(crate) struct NvidiaEmbeddings {
    model: String,
    base_url: Option<String>,
    nvidia_api_key: Option<String>,
}

impl Component for NvidiaEmbeddings {
    const SPEC: Spec = Spec {
        names: &["NVIDIAEmbeddingsComponent"],
        about: "Vectors by a model that NVIDIA serves.",
        inputs: &[
            text("model", "Model.").or(Default::Text("nvidia/nv-embed-v1")),
            text("base_url", "Base address; NVIDIA's own if empty."),
            secret("nvidia_api_key", "Key; the variable NVIDIA_API_KEY if empty."),
        ],
        outputs: &[output("embeddings")],
        reaches: &[reach("NVIDIA", "https://integrate.api.nvidia.com/v1", "base_url")],
        examples: &[Example {
            title: "the default model",
            inputs: r#"{"nvidia_api_key": "x"}"#,
            output: r#"{"embeddings": {"embedding_model": "nvidia_nim/integrate.api.nvidia.com/nvidia/nv-embed-v1"}}"#,
        }],
        ..Spec::SUPPORTED
    };

    async fn run(self, cx: &Context) -> Result<Outputs, RunError> {
        let settings = Settings { base: self.base_url, key: self.nvidia_api_key, ..Settings::default() };
        let endpoint = Endpoint::of(cx, "NVIDIAEmbeddingsComponent", &NVIDIA, settings).await?;
        Ok(outputs(OpenAiVectors {
            provider: NVIDIA.id(),
            endpoint,
            model: self.model,
            dimensions: None,
            batch: NVIDIA.batch,
            kinds: NVIDIA.kinds,
            more: Map::new(),
        }))
    }
}

pub(crate) const ENTRY: Entry = Entry::of::<NvidiaEmbeddings>();
