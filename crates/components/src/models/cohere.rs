//! Cohere: a model of Cohere (0.x). The node names none, and the API it was made for is no longer: version 2
//! is asked for one of its models.

use millrace_engine::{
    Component, Context, Default, Entry, Example, Outputs, RunError, Spec, integer, number, output, reach,
    secret,
};
use serde::Deserialize;
use serde_json::{Map, json};

use super::text_model::capability;
use crate::protocol::cohere::{Cohere as Service, MODEL, model};
use crate::protocol::openai::Settings;

/// The node's fields.
#[derive(Deserialize)]
pub(crate) struct Cohere {
    cohere_api_key: Option<String>,
    max_tokens: u32,
    temperature: f64,
}

impl Component for Cohere {
    const SPEC: Spec = Spec {
        names: &["Cohere"],
        about: "A model of Cohere: command-a-03-2025, since the node names none.",
        inputs: &[
            secret("cohere_api_key", "Key; the variable COHERE_API_KEY if empty."),
            integer("max_tokens", "Tokens of an answer at most.").or(Default::Integer(256)),
            number("temperature", "Randomness.").or(Default::Number(0.75)),
        ],
        outputs: &[output("model")],
        reaches: &[reach("Cohere", "https://api.cohere.com", "")],
        examples: &[Example {
            title: "a key is all it takes",
            inputs: r#"{"cohere_api_key": "x"}"#,
            output: r#"{"model": {"language_model": "command-a-03-2025"}}"#,
        }],
        ..Spec::SUPPORTED
    };

    async fn run(self, cx: &Context) -> Result<Outputs, RunError> {
        let settings = Settings { key: self.cohere_api_key, ..Settings::default() };
        let fields = Map::from_iter([
            ("model".to_owned(), json!(MODEL)),
            ("max_tokens".to_owned(), json!(self.max_tokens)),
            ("temperature".to_owned(), json!(self.temperature)),
        ]);
        Ok(capability(model(Service::of(cx, "Cohere", settings).await?, fields)))
    }
}

pub(crate) const ENTRY: Entry = Entry::of::<Cohere>();
