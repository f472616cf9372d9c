//! OpenAI: a completion model of the OpenAI protocol (0.x).

use millrace_engine::{
    Capability, Component, Context, Default, Entry, Example, Outputs, RunError, Spec, Value, integer, json,
    number, output, reach, secret, text,
};
use serde::Deserialize;
use serde_json::{Map, Value as Json, json as value};

use crate::protocol::openai::{Endpoint, Form, Settings, model};

/// The node's fields.
#[derive(Deserialize)]
pub(crate) struct OpenAi {
    model_name: String,
    temperature: f64,
    max_tokens: u32,
    top_p: f64,
    frequency_penalty: f64,
    presence_penalty: f64,
    openai_api_key: Option<String>,
    openai_api_base: Option<String>,
    model_kwargs: Option<Map<String, Json>>,
    max_retries: Option<u32>,
    request_timeout: Option<f64>,
}

impl Component for OpenAi {
    const SPEC: Spec = Spec {
        names: &["OpenAI"],
        about: "A completion model of OpenAI: one text in, its continuation out.",
        inputs: &[
            text("model_name", "Model.").or(Default::Text("text-davinci-003")),
            number("temperature", "Randomness, 0 to 2.").or(Default::Number(0.7)),
            integer("max_tokens", "Tokens of an answer at most.").or(Default::Integer(256)),
            number("top_p", "Share of likely tokens considered.").or(Default::Integer(1)),
            number("frequency_penalty", "Against repetition.").or(Default::Integer(0)),
            number("presence_penalty", "For new topics.").or(Default::Integer(0)),
            secret("openai_api_key", "Key; the variable OPENAI_API_KEY if empty."),
            text(
                "openai_api_base",
                "Base address; the variable OPENAI_API_BASE, else OpenAI's own if empty.",
            ),
            json("model_kwargs", "More fields of the request."),
            integer("max_retries", "Repeats of a failed request, 0 to 10; 2 if empty."),
            number("request_timeout", "Seconds for one request, 1 to 600; 60 if empty."),
        ],
        outputs: &[output("model")],
        reaches: &[reach("OpenAI", "https://api.openai.com/v1", "openai_api_base")],
        examples: &[Example {
            title: "the default model",
            inputs: r#"{"openai_api_key": "sk-x"}"#,
            output: r#"{"model": {"language_model": "text-davinci-003"}}"#,
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
        let endpoint = Endpoint::resolve(cx, "OpenAI", settings).await?;
        let mut settings = Map::from_iter([
            ("model".to_owned(), value!(self.model_name)),
            ("frequency_penalty".to_owned(), value!(self.frequency_penalty)),
            ("logit_bias".to_owned(), value!({})),
            ("max_tokens".to_owned(), value!(self.max_tokens)),
            ("n".to_owned(), value!(1)),
            ("presence_penalty".to_owned(), value!(self.presence_penalty)),
            ("temperature".to_owned(), value!(self.temperature)),
            ("top_p".to_owned(), value!(self.top_p)),
        ]);
        settings.extend(self.model_kwargs.unwrap_or_default());
        let model = Capability::ChatModel(model(endpoint, Form::Completion, settings));
        Ok(Outputs::one("model", Value::Capability(model)))
    }
}

pub(crate) const ENTRY: Entry = Entry::of::<OpenAi>();
