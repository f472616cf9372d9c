//! LM Studio Embeddings: the 1.x component.

use millrace_engine::{
    Component, Context, Entry, Example, Outputs, RunError, Spec, output, reach, secret, text,
};
use serde::Deserialize;
use serde_json::Map;

use crate::protocol::openai::{Endpoint, Settings};
use crate::protocol::openai_family::LM_STUDIO;
use crate::protocol::openai_vectors::OpenAiVectors;
use crate::protocol::vectors::outputs;

/// The node's fields.
#[derive(Deserialize)]
pub(crate) struct LmStudioEmbeddings {
    model: String,
    base_url: Option<String>,
    api_key: Option<String>,
}

impl Component for LmStudioEmbeddings {
    const SPEC: Spec = Spec {
        names: &["LMStudioEmbeddingsComponent"],
        about: "Vectors by a model that LM Studio runs.",
        inputs: &[
            text("model", "Model."),
            text("base_url", "The server's address; the variable LM_STUDIO_API_BASE if empty."),
            secret("api_key", "Key, if the server wants one."),
        ],
        outputs: &[output("embeddings")],
        reaches: &[reach("LM Studio", "http://localhost:1234/v1", "base_url")],
        examples: &[Example {
            title: "a model of a server",
            inputs: r#"{"model": "nomic-embed-text", "base_url": "https://studio.example/v1"}"#,
            output: r#"{"embeddings": {"embedding_model": "lm_studio/studio.example/nomic-embed-text"}}"#,
        }],
        ..Spec::SUPPORTED
    };

    async fn run(self, cx: &Context) -> Result<Outputs, RunError> {
        let settings = Settings { base: self.base_url, key: self.api_key, ..Settings::default() };
        let endpoint = Endpoint::of(cx, "LMStudioEmbeddingsComponent", &LM_STUDIO, settings).await?;
        Ok(outputs(OpenAiVectors {
            provider: LM_STUDIO.id(),
            endpoint,
            model: self.model,
            dimensions: None,
            batch: LM_STUDIO.batch,
            kinds: None,
            more: Map::new(),
        }))
    }
}

pub(crate) const ENTRY: Entry = Entry::of::<LmStudioEmbeddings>();
