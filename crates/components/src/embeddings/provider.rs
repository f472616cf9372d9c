//! An embedding model by the name of its provider: what the 1.x components that let one choose need.

use std::sync::Arc;

use millrace_engine::{Context, Embedder, ErrorKind, RunError};
use serde_json::{Map, Value as Json};

use crate::protocol::cohere::Cohere;
use crate::protocol::cohere_vectors::CohereVectors;
use crate::protocol::google::Google;
use crate::protocol::google_vectors::GeminiVectors;
use crate::protocol::ollama::Ollama;
use crate::protocol::ollama_vectors::OllamaVectors;
use crate::protocol::openai::{Endpoint, Settings};
use crate::protocol::openai_family::{Provider, named};
use crate::protocol::openai_vectors::{OpenAiVectors, fitting};
use crate::protocol::vectors::embedder;

/// What was chosen.
#[derive(Debug, Default)]
pub(crate) struct Choice {
    /// The provider, as 1.x names it.
    pub provider: String,
    pub model: String,
    /// 0 for the model's own size too.
    pub dimensions: Option<u32>,
    /// Texts in one request, if the node says so.
    pub chunk_size: Option<usize>,
    /// More fields of the request, for the OpenAI protocol.
    pub more: Option<Map<String, Json>>,
    /// Key and address, if the node has them, and what a request may take.
    pub settings: Settings,
}

/// The embedding model that was chosen, for a node of this type.
///
/// # Errors
/// [`ErrorKind::Flow`] for a provider that is not known, and as that provider's own nodes.
pub(crate) async fn chosen(cx: &Context, kind: &str, choice: Choice) -> Result<Arc<dyn Embedder>, RunError> {
    let dimensions = choice.dimensions.filter(|size| *size > 0);
    let model = choice.model;
    match choice.provider.to_lowercase().as_str() {
        "google" | "google generative ai" => {
            let google = Google::gemini(cx, kind, choice.settings).await?;
            Ok(embedder(GeminiVectors { google, model, dimensions }))
        }
        "ollama" => {
            let ollama = Ollama::of(cx, kind, choice.settings).await?;
            Ok(embedder(OllamaVectors { ollama, model, temperature: None, instructed: false }))
        }
        "cohere" => {
            let cohere = Cohere::of(cx, kind, choice.settings).await?;
            Ok(embedder(CohereVectors { cohere, model, truncate: None }))
        }
        _ => {
            let provider = of_family(&choice.provider)?;
            let endpoint = Endpoint::of(cx, kind, provider, choice.settings).await?;
            let wished = choice.chunk_size.unwrap_or(1000).min(provider.batch);
            let batch = fitting(&model, dimensions, wished);
            let more = choice.more.unwrap_or_default();
            let (provider, kinds) = (provider.id(), provider.kinds);
            Ok(embedder(OpenAiVectors { provider, endpoint, model, dimensions, batch, kinds, more }))
        }
    }
}

fn of_family(name: &str) -> Result<&'static Provider, RunError> {
    // A deployment of Azure's has a node of its own.
    named(name).filter(|provider| !provider.house.base.is_empty()).ok_or_else(|| {
        let message = format!("field 'model': the provider {name} is not supported for embeddings");
        RunError::new(ErrorKind::Flow, message)
    })
}
