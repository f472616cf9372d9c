//! Vectors by Ollama's `/api/embed`.

use async_trait::async_trait;
use millrace_engine::{Context, RunError, Usage};
use millrace_outbound::Request;
use serde::Deserialize;
use serde_json::json;

use super::vectors::{Purpose, Source, Vectors, asked, identity};
use crate::protocol::ollama::Ollama;

/// A model of Ollama's.
#[derive(Debug)]
pub(crate) struct OllamaVectors {
    pub ollama: Ollama,
    pub model: String,
    pub temperature: Option<f64>,
    /// Whether texts are told what they are for, as LangChain did for 0.x: `passage: ` and `query: ` before them.
    pub instructed: bool,
}

#[async_trait]
impl Source for OllamaVectors {
    fn identity(&self) -> String {
        let plain = identity("ollama", &self.ollama.host(), &self.model, None);
        if self.instructed { format!("{plain}/instructed") } else { plain }
    }

    fn batch(&self) -> usize {
        64
    }

    async fn embed(&self, cx: &Context, purpose: Purpose, texts: &[String]) -> Result<Vectors, RunError> {
        let before = match (self.instructed, purpose) {
            (false, _) => "",
            (true, Purpose::Documents) => "passage: ",
            (true, Purpose::Query) => "query: ",
        };
        let input: Vec<String> = texts.iter().map(|text| format!("{before}{text}")).collect();
        let mut body = json!({"model": self.model, "input": input});
        if let Some(temperature) = self.temperature {
            body["options"] = json!({"temperature": temperature});
        }
        let (service, url) = self.ollama.at("/api/embed");
        service
            .call(
                cx,
                "embedding",
                asked(&url, &body),
                || Request::post(&url).json(&body),
                |service, response| {
                    let reply: Reply = service.json(&response)?;
                    let usage = Usage { input: reply.prompt_eval_count, output: 0 };
                    Vectors(reply.embeddings).checked(service, texts.len(), None, usage)
                },
            )
            .await
    }
}

#[derive(Deserialize)]
struct Reply {
    embeddings: Vec<Vec<f32>>,
    #[serde(default)]
    prompt_eval_count: u64,
}
