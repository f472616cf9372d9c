//! Vectors by Cohere's embed API, version 2.

use async_trait::async_trait;
use millrace_engine::{Context, RunError, Usage};
use millrace_outbound::Request;
use serde::Deserialize;
use serde_json::json;

use super::vectors::{Purpose, Source, Vectors, asked, identity};
use crate::protocol::cohere::{Cohere, Tokens};

/// A model of Cohere's.
#[derive(Debug)]
pub(crate) struct CohereVectors {
    pub cohere: Cohere,
    pub model: String,
    /// What becomes of a text that is too long: `NONE`, `START` or `END`.
    pub truncate: Option<String>,
}

#[async_trait]
impl Source for CohereVectors {
    fn identity(&self) -> String {
        identity("cohere", &self.cohere.host(), &self.model, None)
    }

    /// The API's limit.
    fn batch(&self) -> usize {
        96
    }

    async fn embed(&self, cx: &Context, purpose: Purpose, texts: &[String]) -> Result<Vectors, RunError> {
        let kind = match purpose {
            Purpose::Documents => "search_document",
            Purpose::Query => "search_query",
        };
        let mut body =
            json!({"model": self.model, "texts": texts, "input_type": kind, "embedding_types": ["float"]});
        if let Some(truncate) = &self.truncate {
            body["truncate"] = json!(truncate.to_uppercase());
        }
        let (service, url) = self.cohere.at("/v2/embed");
        service
            .call(
                cx,
                "embedding",
                asked(&url, &body),
                || Request::post(&url).json(&body),
                |service, response| {
                    let reply: Reply = service.json(&response)?;
                    let billed = reply.meta.and_then(|meta| meta.billed_units).unwrap_or_default();
                    let usage = Usage::from(billed);
                    Vectors(reply.embeddings.float).checked(service, texts.len(), None, usage)
                },
            )
            .await
    }
}

#[derive(Deserialize)]
struct Reply {
    embeddings: Embeddings,
    meta: Option<Meta>,
}

#[derive(Deserialize)]
struct Embeddings {
    float: Vec<Vec<f32>>,
}

#[derive(Deserialize)]
struct Meta {
    billed_units: Option<Tokens>,
}
