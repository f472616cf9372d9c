//! Vectors by models of Bedrock: Amazon's Titan takes one text a request, Cohere's several.

use async_trait::async_trait;
use millrace_engine::{Context, RunError, Usage};
use millrace_outbound::Request;
use serde::Deserialize;
use serde_json::json;

use super::vectors::{Purpose, Source, Vectors, asked, identity};
use crate::protocol::bedrock::Bedrock;

/// A model of Bedrock's.
#[derive(Debug)]
pub(crate) struct BedrockVectors {
    pub bedrock: Bedrock,
    pub model: String,
}

impl BedrockVectors {
    /// Whether it is Cohere's, also behind a profile for several regions (`us.cohere.…`).
    fn is_coheres(&self) -> bool {
        self.model.split('.').take(2).any(|part| part == "cohere")
    }
}

#[async_trait]
impl Source for BedrockVectors {
    fn identity(&self) -> String {
        identity("bedrock", &self.bedrock.host(), &self.model, None)
    }

    fn batch(&self) -> usize {
        if self.is_coheres() { 96 } else { 1 }
    }

    async fn embed(&self, cx: &Context, purpose: Purpose, texts: &[String]) -> Result<Vectors, RunError> {
        // As LangChain sends them to Bedrock.
        let texts: Vec<String> = texts.iter().map(|text| text.replace('\n', " ")).collect();
        let body = match (self.is_coheres(), purpose) {
            (true, Purpose::Documents) => json!({"texts": texts, "input_type": "search_document"}),
            (true, Purpose::Query) => json!({"texts": texts, "input_type": "search_query"}),
            (false, _) => json!({"inputText": texts.first()}),
        };
        let (service, url) = self.bedrock.at(&self.model, "invoke");
        service
            .call(
                cx,
                "embedding",
                asked(&url, &body),
                || Request::post(&url).json(&body),
                |service, response| {
                    let reply: Reply = service.json(&response)?;
                    let vectors = reply.embedding.map(|one| vec![one]).or(reply.embeddings);
                    let vectors = vectors.ok_or_else(|| service.unreadable("it has no vectors"))?;
                    let counted = response.header("x-amzn-bedrock-input-token-count");
                    let input = reply.input_text_token_count.or_else(|| counted?.parse().ok()).unwrap_or(0);
                    Vectors(vectors).checked(service, texts.len(), None, Usage { input, output: 0 })
                },
            )
            .await
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Reply {
    embedding: Option<Vec<f32>>,
    embeddings: Option<Vec<Vec<f32>>>,
    input_text_token_count: Option<u64>,
}
