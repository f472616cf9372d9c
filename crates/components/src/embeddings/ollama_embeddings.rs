//! OllamaEmbeddings: vectors by a model that an Ollama server runs, in both dialects.

use millrace_engine::{
    Component, Context, Entry, Example, Outputs, RunError, Spec, number, output, reach, text,
};
use serde::Deserialize;

use crate::protocol::ollama::Ollama;
use crate::protocol::ollama_vectors::OllamaVectors;
use crate::protocol::openai::Settings;
use crate::protocol::vectors::outputs;

/// The node's fields: 0.x has `model`, 1.x `model_name`.
#[derive(Deserialize)]
pub(crate) struct OllamaEmbeddings {
    model: Option<String>,
    model_name: Option<String>,
    base_url: Option<String>,
    temperature: Option<f64>,
}

impl Component for OllamaEmbeddings {
    const SPEC: Spec = Spec {
        names: &["OllamaEmbeddings"],
        about: "Vectors by a model that an Ollama server runs.",
        inputs: &[
            text(
                "model",
                "Model (0.x); llama2 if empty. Texts go to it after `passage: `, questions after `query: `.",
            ),
            text("model_name", "Model (1.x). Texts go to it as they are."),
            text("base_url", "The server's address; the variable OLLAMA_BASE_URL if empty."),
            number("temperature", "Passed on to the model."),
        ],
        outputs: &[output("embeddings")],
        reaches: &[reach("Ollama", "http://localhost:11434", "base_url")],
        examples: &[Example {
            title: "a model of a server",
            inputs: r#"{"model": "nomic-embed-text", "base_url": "https://ollama.example"}"#,
            output: r#"{"embeddings": {"embedding_model": "ollama/ollama.example/nomic-embed-text/instructed"}}"#,
        }],
        ..Spec::SUPPORTED
    };

    async fn run(self, cx: &Context) -> Result<Outputs, RunError> {
        let settings = Settings { base: self.base_url, ..Settings::default() };
        let ollama = Ollama::of(cx, "OllamaEmbeddings", settings).await?;
        let instructed = self.model_name.is_none();
        let model = self.model_name.or(self.model).unwrap_or_else(|| "llama2".to_owned());
        Ok(outputs(OllamaVectors { ollama, model, temperature: self.temperature, instructed }))
    }
}

pub(crate) const ENTRY: Entry = Entry::of::<OllamaEmbeddings>();
