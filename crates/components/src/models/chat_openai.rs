//! ChatOpenAI: a chat model of the OpenAI protocol, in both generations of the 0.x node.
//!
//! 0.5 wired LangChain's class itself: no `max_tokens` unless set. 0.6 wires a component whose default is
//! 256; its exports carry that value, so the two need no telling apart here.

use millrace_engine::{
    Capability, Component, Context, Default, Entry, Example, Outputs, RunError, Spec, Value, integer, json,
    number, output, reach, secret, text,
};
use serde::Deserialize;
use serde_json::{Map, Value as Json};

use crate::protocol::openai::{Endpoint, Form, Settings, model};

/// The node's fields.
#[derive(Deserialize)]
pub(crate) struct ChatOpenAi {
    model_name: String,
    temperature: f64,
    max_tokens: Option<u32>,
    openai_api_key: Option<String>,
    openai_api_base: Option<String>,
    model_kwargs: Option<Map<String, Json>>,
    max_retries: Option<u32>,
    request_timeout: Option<f64>,
}

impl Component for ChatOpenAi {
    const SPEC: Spec = Spec {
        names: &["ChatOpenAI"],
        about: "A chat model of OpenAI or of any server that speaks its protocol.",
        inputs: &[
            text("model_name", "Model.").or(Default::Text("gpt-3.5-turbo")),
            number("temperature", "Randomness, 0 to 2.").or(Default::Number(0.7)),
            integer("max_tokens", "Tokens of an answer at most; the provider's limit if empty."),
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
            title: "temperature may be written as text",
            inputs: r#"{"model_name": "gpt-4", "temperature": "0", "openai_api_key": "sk-x"}"#,
            output: r#"{"model": {"language_model": "gpt-4"}}"#,
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
        let endpoint = Endpoint::resolve(cx, "ChatOpenAI", settings).await?;
        let mut fields = Map::from_iter([
            ("model".to_owned(), Json::from(self.model_name)),
            ("n".to_owned(), 1.into()),
            ("stream".to_owned(), false.into()),
            ("temperature".to_owned(), self.temperature.into()),
        ]);
        if let Some(tokens) = self.max_tokens {
            fields.insert("max_tokens".into(), tokens.into());
        }
        fields.extend(self.model_kwargs.unwrap_or_default());
        Ok(Outputs::one(
            "model",
            Value::Capability(Capability::ChatModel(model(endpoint, Form::Chat, fields))),
        ))
    }
}

pub(crate) const ENTRY: Entry = Entry::of::<ChatOpenAi>();
