//! Vectors by Google: `batchEmbedContents` of the Gemini API, `predict` of Vertex AI.

use async_trait::async_trait;
use millrace_engine::{Context, RunError, Usage};
use millrace_outbound::Request;
use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::vectors::{Purpose, Source, Vectors, asked, identity};
use crate::protocol::google::{Google, short};

/// A model of the Gemini API.
#[derive(Debug)]
pub(crate) struct GeminiVectors {
    pub google: Google,
    pub model: String,
    pub dimensions: Option<u32>,
}

fn task(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Documents => "RETRIEVAL_DOCUMENT",
        Purpose::Query => "RETRIEVAL_QUERY",
    }
}

#[async_trait]
impl Source for GeminiVectors {
    fn identity(&self) -> String {
        identity("google", &self.google.host(), short(&self.model), self.dimensions)
    }

    /// The API's limit.
    fn batch(&self) -> usize {
        100
    }

    async fn embed(&self, cx: &Context, purpose: Purpose, texts: &[String]) -> Result<Vectors, RunError> {
        let model = format!("models/{}", short(&self.model));
        let request = |text: &String| {
            let content = json!({"parts": [{"text": text}]});
            let mut request = json!({"model": model, "content": content, "taskType": task(purpose)});
            if let Some(size) = self.dimensions {
                request["outputDimensionality"] = size.into();
            }
            request
        };
        let body = json!({"requests": texts.iter().map(request).collect::<Vec<_>>()});
        let (service, url) = self.google.at(&self.model, "batchEmbedContents");
        let size = self.dimensions.map(|size| size as usize);
        service
            .call(
                cx,
                "embedding",
                asked(&url, &body),
                || Request::post(&url).json(&body),
                |service, response| {
                    let reply: GeminiReply = service.json(&response)?;
                    let vectors = reply.embeddings.into_iter().map(|embedding| embedding.values).collect();
                    // The API counts no tokens here.
                    Vectors(vectors).checked(service, texts.len(), size, Usage::default())
                },
            )
            .await
    }
}

#[derive(Deserialize)]
struct GeminiReply {
    embeddings: Vec<Values>,
}

#[derive(Deserialize)]
struct Values {
    values: Vec<f32>,
}

/// A model of Vertex AI.
#[derive(Debug)]
pub(crate) struct VertexVectors {
    pub google: Google,
    pub model: String,
}

#[async_trait]
impl Source for VertexVectors {
    fn identity(&self) -> String {
        identity("vertex", &self.google.host(), short(&self.model), None)
    }

    /// The Gemini models take one text a request, the older ones five.
    fn batch(&self) -> usize {
        if self.model.contains("gemini") { 1 } else { 5 }
    }

    async fn embed(&self, cx: &Context, purpose: Purpose, texts: &[String]) -> Result<Vectors, RunError> {
        let instance = |text: &String| json!({"content": text, "task_type": task(purpose)});
        let body: Json = json!({"instances": texts.iter().map(instance).collect::<Vec<_>>()});
        let (service, url) = self.google.at(&self.model, "predict");
        service
            .call(
                cx,
                "embedding",
                asked(&url, &body),
                || Request::post(&url).json(&body),
                |service, response| {
                    let reply: VertexReply = service.json(&response)?;
                    let counted = reply
                        .predictions
                        .iter()
                        .filter_map(|row| row.embeddings.statistics.as_ref()?.token_count);
                    let usage = Usage { input: counted.map(|count| count as u64).sum(), output: 0 };
                    let vectors = reply.predictions.into_iter().map(|row| row.embeddings.values).collect();
                    Vectors(vectors).checked(service, texts.len(), None, usage)
                },
            )
            .await
    }
}

#[derive(Deserialize)]
struct VertexReply {
    predictions: Vec<Prediction>,
}

#[derive(Deserialize)]
struct Prediction {
    embeddings: VertexEmbedding,
}

#[derive(Deserialize)]
struct VertexEmbedding {
    values: Vec<f32>,
    statistics: Option<Statistics>,
}

/// Numbers with a fraction in the API's own answers.
#[derive(Deserialize)]
struct Statistics {
    token_count: Option<f64>,
}
