//! OpenAIEmbeddings: vectors over the OpenAI protocol, in 0.5, 0.6 and 1.x.
//!
//! 0.5 dropped the field `model`; its exports carry `text-embedding-ada-002` there all the same, which is what
//! it sent (contract 5.1). Texts are sent as they are: the lists of tokens that Langflow sends stand for the
//! same texts.

use millrace_engine::{
    Component, Context, Default, Entry, Example, Outputs, RunError, Spec, integer, json, number, output,
    reach, secret, text,
};
use serde::Deserialize;
use serde_json::{Map, Value as Json};

use crate::protocol::openai::{Endpoint, Settings};
use crate::protocol::openai_family::OPENAI;
use crate::protocol::openai_vectors::{OpenAiVectors, fitting};
use crate::protocol::vectors::outputs;

/// The node's fields.
#[derive(Deserialize)]
pub(crate) struct OpenAiEmbeddings {
    model: String,
    dimensions: Option<u32>,
    chunk_size: usize,
    openai_api_key: Option<String>,
    openai_api_base: Option<String>,
    model_kwargs: Option<Map<String, Json>>,
    max_retries: Option<u32>,
    request_timeout: Option<f64>,
}

impl Component for OpenAiEmbeddings {
    const SPEC: Spec = Spec {
        names: &["OpenAIEmbeddings"],
        about: "Vectors by a model of OpenAI or of any server that speaks its protocol.",
        inputs: &[
            text("model", "Model.").or(Default::Text("text-embedding-3-small")),
            integer(
                "dimensions",
                "Size of the vectors, where the model can be asked for one; 0 for its own.",
            ),
            integer("chunk_size", "Texts in one request, 1000 at most; fewer where they would be too large.")
                .or(Default::Integer(1000)),
            secret("openai_api_key", "Key; the variable OPENAI_API_KEY if empty."),
            text(
                "openai_api_base",
                "Base address; the variable OPENAI_API_BASE, else OpenAI's own if empty.",
            ),
            json("model_kwargs", "More fields of the request."),
            integer("max_retries", "Repeats of a failed request, 0 to 10; 2 if empty."),
            number("request_timeout", "Seconds for one request, 1 to 600; 60 if empty."),
        ],
        outputs: &[output("embeddings")],
        reaches: &[reach("OpenAI", "https://api.openai.com/v1", "openai_api_base")],
        examples: &[Example {
            title: "vectors of a size",
            inputs: r#"{"model": "text-embedding-3-large", "dimensions": 256, "openai_api_key": "x"}"#,
            output: r#"{"embeddings":
                        {"embedding_model": "openai/api.openai.com/text-embedding-3-large/256"}}"#,
        }],
        ..Spec::SUPPORTED
    };

    async fn run(self, cx: &Context) -> Result<Outputs, RunError> {
        let settings = Settings {
            base: self.openai_api_base,
            key: self.openai_api_key,
            timeout: self.request_timeout,
            retries: self.max_retries,
            base_variables: &["OPENAI_API_BASE", "OPENAI_BASE_URL"],
        };
        let endpoint = Endpoint::resolve(cx, "OpenAIEmbeddings", settings).await?;
        let dimensions = self.dimensions.filter(|size| *size > 0);
        Ok(outputs(OpenAiVectors {
            provider: OPENAI.id(),
            endpoint,
            batch: fitting(&self.model, dimensions, self.chunk_size),
            model: self.model,
            dimensions,
            kinds: None,
            more: self.model_kwargs.unwrap_or_default(),
        }))
    }
}

pub(crate) const ENTRY: Entry = Entry::of::<OpenAiEmbeddings>();
