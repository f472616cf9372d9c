//! MistralAI Embeddings: the 1.x component, under the name that Langflow misspelt.

use millrace_engine::{
    Component, Context, Default, Entry, Example, Outputs, RunError, Spec, integer, number, output, reach,
    secret, text,
};
use serde::Deserialize;
use serde_json::Map;

use crate::protocol::openai::{Endpoint, Settings};
use crate::protocol::openai_family::MISTRAL;
use crate::protocol::openai_vectors::OpenAiVectors;
use crate::protocol::vectors::outputs;

/// The node's fields.
#[derive(Deserialize)]
pub(crate) struct MistralEmbeddings {
    model: String,
    mistral_api_key: Option<String>,
    endpoint: Option<String>,
    max_retries: Option<u32>,
    timeout: Option<f64>,
}

impl Component for MistralEmbeddings {
    const SPEC: Spec = Spec {
        names: &["MistalAIEmbeddings"],
        about: "Vectors by a model of Mistral.",
        inputs: &[
            text("model", "Model.").or(Default::Text("mistral-embed")),
            secret("mistral_api_key", "Key; the variable MISTRAL_API_KEY if empty."),
            text("endpoint", "Base address; Mistral's own if empty."),
            integer("max_retries", "Repeats of a failed request, 0 to 10.").or(Default::Integer(5)),
            number("timeout", "Seconds for one request, 1 to 600.").or(Default::Integer(120)),
        ],
        outputs: &[output("embeddings")],
        reaches: &[reach("Mistral", "https://api.mistral.ai/v1", "endpoint")],
        examples: &[Example {
            title: "the default model",
            inputs: r#"{"mistral_api_key": "x", "endpoint": "https://api.mistral.ai/v1/"}"#,
            output: r#"{"embeddings": {"embedding_model": "mistral/api.mistral.ai/mistral-embed"}}"#,
        }],
        ..Spec::SUPPORTED
    };

    async fn run(self, cx: &Context) -> Result<Outputs, RunError> {
        let settings = Settings {
            base: self.endpoint,
            key: self.mistral_api_key,
            timeout: self.timeout,
            retries: self.max_retries,
            ..Settings::default()
        };
        let endpoint = Endpoint::of(cx, "MistalAIEmbeddings", &MISTRAL, settings).await?;
        Ok(outputs(OpenAiVectors {
            provider: MISTRAL.id(),
            endpoint,
            model: self.model,
            dimensions: None,
            batch: MISTRAL.batch,
            kinds: None,
            more: Map::new(),
        }))
    }
}

pub(crate) const ENTRY: Entry = Entry::of::<MistralEmbeddings>();
