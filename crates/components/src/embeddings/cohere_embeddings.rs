//! CohereEmbeddings: vectors by a model of Cohere, in both dialects.

use millrace_engine::{
    Component, Context, Entry, ErrorKind, Example, Outputs, RunError, Spec, integer, number, output, reach,
    secret, text,
};
use serde::Deserialize;

use crate::protocol::cohere::Cohere;
use crate::protocol::cohere_vectors::CohereVectors;
use crate::protocol::openai::Settings;
use crate::protocol::vectors::outputs;

/// What both dialects are drawn with.
const MODEL: &str = "embed-english-v2.0";

/// The node's fields: 0.x has `cohere_api_key` and `model`, 1.x `api_key` and `model_name`.
#[derive(Deserialize)]
pub(crate) struct CohereEmbeddings {
    cohere_api_key: Option<String>,
    api_key: Option<String>,
    model: Option<String>,
    model_name: Option<String>,
    truncate: Option<String>,
    max_retries: Option<u32>,
    request_timeout: Option<f64>,
}

impl Component for CohereEmbeddings {
    const SPEC: Spec = Spec {
        names: &["CohereEmbeddings"],
        about: "Vectors by a model of Cohere.",
        inputs: &[
            secret("cohere_api_key", "Key (0.x); the variable COHERE_API_KEY if empty."),
            secret("api_key", "Key (1.x); the variable COHERE_API_KEY if empty."),
            text("model", "Model (0.x); embed-english-v2.0 if empty."),
            text("model_name", "Model (1.x); embed-english-v2.0 if empty."),
            text("truncate", "What becomes of a text that is too long: NONE, START or END."),
            integer("max_retries", "Repeats of a failed request, 0 to 10; 2 if empty."),
            number("request_timeout", "Seconds for one request, 1 to 600; 60 if empty."),
        ],
        outputs: &[output("embeddings")],
        reaches: &[reach("Cohere", "https://api.cohere.com", "")],
        examples: &[Example {
            title: "the fields of 1.x",
            inputs: r#"{"model_name": "embed-v4.0", "api_key": "x"}"#,
            output: r#"{"embeddings": {"embedding_model": "cohere/api.cohere.com/embed-v4.0"}}"#,
        }],
        ..Spec::SUPPORTED
    };

    async fn run(self, cx: &Context) -> Result<Outputs, RunError> {
        let truncate = self.truncate.filter(|way| !way.trim().is_empty());
        let known = |way: &String| ["NONE", "START", "END"].contains(&way.to_uppercase().as_str());
        if truncate.as_ref().is_some_and(|way| !known(way)) {
            return Err(RunError::new(ErrorKind::Flow, "field 'truncate' must be NONE, START or END"));
        }
        let settings = Settings {
            key: self.cohere_api_key.or(self.api_key),
            timeout: self.request_timeout,
            retries: self.max_retries,
            ..Settings::default()
        };
        let cohere = Cohere::of(cx, "CohereEmbeddings", settings).await?;
        let model = self.model_name.or(self.model).unwrap_or_else(|| MODEL.to_owned());
        Ok(outputs(CohereVectors { cohere, model, truncate }))
    }
}

pub(crate) const ENTRY: Entry = Entry::of::<CohereEmbeddings>();
