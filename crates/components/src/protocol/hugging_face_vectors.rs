//! Vectors by Hugging Face's feature extraction, as its inference service and its embedding server
//! (Text Embeddings Inference) speak it.

use async_trait::async_trait;
use millrace_engine::{Context, RunError, Usage};
use millrace_outbound::Request;
use serde_json::json;

use super::vectors::{Purpose, Source, Vectors, asked, identity};
use crate::protocol::hugging_face::Task;

/// A model of the hub, or whatever a server serves.
#[derive(Debug)]
pub(crate) struct HuggingFaceVectors {
    pub task: Task,
    pub model: String,
}

#[async_trait]
impl Source for HuggingFaceVectors {
    fn identity(&self) -> String {
        identity("huggingface", &self.task.host(), &self.model, None)
    }

    /// What the embedding server takes unless it is told otherwise.
    fn batch(&self) -> usize {
        32
    }

    async fn embed(&self, cx: &Context, _: Purpose, texts: &[String]) -> Result<Vectors, RunError> {
        let body = json!({"inputs": texts});
        let Task { url, service } = &self.task;
        service
            .call(
                cx,
                "embedding",
                asked(url, &body),
                || Request::post(url).json(&body),
                |service, response| {
                    let vectors: Vec<Vec<f32>> = service.json(&response)?;
                    // The protocol counts no tokens.
                    Vectors(vectors).checked(service, texts.len(), None, Usage::default())
                },
            )
            .await
    }
}
