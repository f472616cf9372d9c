//! Embedding Model: the 1.x component that picks its provider.

use millrace_engine::{
    Capability, Component, Context, Default, Entry, ErrorKind, Example, LazyValue, Outputs, RunError, Spec,
    Value, integer, json, message, number, output, reach, secret, text,
};
use serde::Deserialize;
use serde_json::{Map, Value as Json};

use super::provider::{Choice, chosen};
use crate::models::provider::selection;
use crate::protocol::openai::Settings;

/// The node's fields.
#[derive(Deserialize)]
pub(crate) struct EmbeddingModel {
    model: Option<LazyValue>,
    model_name: Option<String>,
    provider: Option<String>,
    api_key: Option<String>,
    api_base: Option<String>,
    ollama_base_url: Option<String>,
    dimensions: Option<u32>,
    chunk_size: usize,
    max_retries: Option<u32>,
    request_timeout: Option<f64>,
    model_kwargs: Option<Map<String, Json>>,
}

impl Component for EmbeddingModel {
    const SPEC: Spec = Spec {
        names: &["EmbeddingModel"],
        about: "Vectors by the selected provider's model.",
        inputs: &[
            message("model", "The selected model, or another node's embedding model."),
            text("model_name", "A model instead of the selected one."),
            text("provider", "The provider of that model."),
            secret("api_key", "Key; the provider's variable if empty."),
            text("api_base", "Base address; the provider's own if empty."),
            text("ollama_base_url", "Ollama's address; the variable OLLAMA_BASE_URL if empty."),
            integer(
                "dimensions",
                "Size of the vectors, where the model can be asked for one; 0 for its own.",
            ),
            integer("chunk_size", "Texts in one request, at most what the provider takes.")
                .or(Default::Integer(1000)),
            integer("max_retries", "Repeats of a failed request, 0 to 10.").or(Default::Integer(3)),
            number("request_timeout", "Seconds for one request, 1 to 600; 60 if empty."),
            json("model_kwargs", "More fields of the request."),
        ],
        outputs: &[output("embeddings")],
        reaches: &[reach("the provider that model names", "", "api_base")],
        examples: &[Example {
            title: "a selected model",
            inputs: r#"{"model": [{"name": "text-embedding-3-small", "provider": "OpenAI"}], "api_key": "x"}"#,
            output: r#"{"embeddings":
                        {"embedding_model": "openai/api.openai.com/text-embedding-3-small"}}"#,
        }],
        ..Spec::SUPPORTED
    };

    async fn run(self, cx: &Context) -> Result<Outputs, RunError> {
        if let Some(LazyValue(Value::Capability(Capability::Embedder(model)))) = self.model {
            return Ok(Outputs::one("embeddings", Value::Capability(Capability::Embedder(model))));
        }
        let (selected, selected_provider) = selection(self.model.map(|model| model.0.to_json()));
        let provider = self.provider.or(selected_provider).unwrap_or_else(|| "OpenAI".to_owned());
        let Some(model) = self.model_name.or(selected) else {
            return Err(RunError::new(ErrorKind::Flow, "field 'model': no model is selected"));
        };
        let ollama = self.ollama_base_url.filter(|_| provider.eq_ignore_ascii_case("ollama"));
        let settings = Settings {
            base: ollama.or(self.api_base),
            key: self.api_key,
            timeout: self.request_timeout,
            retries: self.max_retries,
            ..Settings::default()
        };
        let choice = Choice {
            provider,
            model,
            dimensions: self.dimensions,
            chunk_size: Some(self.chunk_size),
            more: self.model_kwargs,
            settings,
        };
        let embedder = chosen(cx, "EmbeddingModel", choice).await?;
        Ok(Outputs::one("embeddings", Value::Capability(Capability::Embedder(embedder))))
    }
}

pub(crate) const ENTRY: Entry = Entry::of::<EmbeddingModel>();
