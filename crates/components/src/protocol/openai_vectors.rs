//! Vectors over the OpenAI protocol: plain texts are sent, base64 of `f32` is asked for.

use async_trait::async_trait;
use millrace_engine::{Context, RunError};
use millrace_outbound::Request;
use serde::Deserialize;
use serde_json::{Map, Value as Json, json};

use super::vectors::{Purpose, Source, Vectors, asked, floats, identity};
use crate::protocol::openai::{Endpoint, TokenUsage};

/// A model of this endpoint.
#[derive(Debug)]
pub(crate) struct OpenAiVectors {
    /// The provider, for the identity.
    pub provider: &'static str,
    pub endpoint: Endpoint,
    pub model: String,
    /// The vectors' size, where the model can be asked for one.
    pub dimensions: Option<u32>,
    pub batch: usize,
    /// What the provider calls vectors of documents and of questions, where it tells them apart.
    pub kinds: Option<(&'static str, &'static str)>,
    /// More fields of the request.
    pub more: Map<String, Json>,
}

/// Texts in one request whose vectors still fit into one answer of 8 MiB: half as many where they are large.
pub(crate) fn fitting(model: &str, dimensions: Option<u32>, wished: usize) -> usize {
    let large = match dimensions {
        Some(size) => size > 1536,
        None => model.contains("3-large"),
    };
    (wished.max(1)).min(if large { 480 } else { 1000 })
}

#[async_trait]
impl Source for OpenAiVectors {
    fn identity(&self) -> String {
        identity(self.provider, &self.endpoint.host(), &self.model, self.dimensions)
    }

    fn batch(&self) -> usize {
        self.batch
    }

    async fn embed(&self, cx: &Context, purpose: Purpose, texts: &[String]) -> Result<Vectors, RunError> {
        let mut body = Map::from_iter([
            ("input".to_owned(), json!(texts)),
            ("model".to_owned(), json!(self.model)),
            ("encoding_format".to_owned(), json!("base64")),
        ]);
        if let Some(size) = self.dimensions {
            body.insert("dimensions".to_owned(), size.into());
        }
        if let Some((documents, query)) = self.kinds {
            let kind = if purpose == Purpose::Query { query } else { documents };
            body.insert("input_type".to_owned(), kind.into());
        }
        body.extend(self.more.clone());
        let body = Json::Object(body);
        let (service, url) = self.endpoint.at("/embeddings");
        let size = self.dimensions.map(|size| size as usize);
        service
            .call(
                cx,
                "embedding",
                asked(&url, &body),
                || Request::post(&url).json(&body),
                |service, response| {
                    let mut reply: Reply = service.json(&response)?;
                    reply.data.sort_by_key(|row| row.index);
                    let read: Option<Vec<_>> =
                        reply.data.into_iter().map(|row| row.embedding.numbers()).collect();
                    let vectors =
                        read.ok_or_else(|| service.unreadable("a vector is no base64 of numbers"))?;
                    Vectors(vectors).checked(
                        service,
                        texts.len(),
                        size,
                        reply.usage.unwrap_or_default().into(),
                    )
                },
            )
            .await
    }
}

#[derive(Deserialize)]
struct Reply {
    data: Vec<Row>,
    usage: Option<TokenUsage>,
}

#[derive(Deserialize)]
struct Row {
    #[serde(default)]
    index: usize,
    embedding: Encoded,
}

/// Not every server of the protocol knows base64.
#[derive(Deserialize)]
#[serde(untagged)]
enum Encoded {
    Base64(String),
    Numbers(Vec<f32>),
}

impl Encoded {
    fn numbers(self) -> Option<Vec<f32>> {
        match self {
            Self::Base64(text) => floats(&text),
            Self::Numbers(numbers) => Some(numbers),
        }
    }
}
