//! OpenAI: the 1.x chat model component of OpenAI alone.

use millrace_engine::{
    Component, Context, Default, Entry, Example, Outputs, RunError, Spec, flag, integer, json, number,
    output, reach, secret, text,
};
use serde::Deserialize;
use serde_json::{Map, Value as Json};

use super::text_model;
use crate::protocol::openai::Settings;
use crate::protocol::openai_family::{Fields, OPENAI, chat};

/// The node's fields.
#[derive(Deserialize)]
pub(crate) struct OpenAiModel {
    model_name: String,
    api_key: Option<String>,
    openai_api_base: Option<String>,
    input_value: Option<String>,
    system_message: Option<String>,
    temperature: f64,
    max_tokens: Option<u32>,
    seed: Option<i64>,
    json_mode: bool,
    model_kwargs: Option<Map<String, Json>>,
    max_retries: Option<u32>,
    timeout: Option<f64>,
    #[serde(rename = "stream")]
    _stream: bool,
}

impl Component for OpenAiModel {
    const SPEC: Spec = Spec {
        names: &["OpenAIModel"],
        about: "One chat completion by a model of OpenAI or of any server that speaks its protocol.",
        inputs: &[
            text("model_name", "Model.").or(Default::Text("gpt-4o-mini")),
            secret("api_key", "Key; the variable OPENAI_API_KEY if empty."),
            text(
                "openai_api_base",
                "Base address; the variable OPENAI_BASE_URL, else OpenAI's own if empty.",
            ),
            text("input_value", "The person's text."),
            text("system_message", "Instructions."),
            number("temperature", "Randomness.").or(Default::Number(0.1)),
            integer("max_tokens", "Tokens of an answer at most; 0 for the provider's limit."),
            integer("seed", "For answers that can be repeated."),
            flag("json_mode", "Whether the answer must be a JSON object.").or(Default::Flag(false)),
            json("model_kwargs", "More fields of the request."),
            integer("max_retries", "Repeats of a failed request, 0 to 10; 2 if empty."),
            number("timeout", "Seconds for one request, 1 to 600; 60 if empty."),
            flag("stream", "Accepted; the answer comes whole.").or(Default::Flag(false)),
        ],
        outputs: &[output("text_output"), output("model_output")],
        reaches: &[reach("OpenAI", "https://api.openai.com/v1", "openai_api_base")],
        examples: &[Example {
            title: "the model as a handle",
            inputs: r#"{"model_name": "gpt-4o", "api_key": "sk-x", "max_tokens": ""}"#,
            output: r#"{"model_output": {"language_model": "gpt-4o"}}"#,
        }],
        ..Spec::SUPPORTED
    };

    async fn run(self, cx: &Context) -> Result<Outputs, RunError> {
        let settings = Settings {
            base: self.openai_api_base,
            key: self.api_key,
            timeout: self.timeout,
            retries: self.max_retries,
            base_variables: &["OPENAI_BASE_URL", "OPENAI_API_BASE"],
        };
        let fields = Fields {
            model: self.model_name,
            temperature: Some(self.temperature),
            max_tokens: self.max_tokens,
            seed: self.seed,
            json_mode: self.json_mode,
            more: self.model_kwargs,
            ..Fields::default()
        };
        let model = chat(cx, "OpenAIModel", &OPENAI, settings, fields).await?;
        text_model::outputs(cx, model, self.system_message, self.input_value).await
    }
}

pub(crate) const ENTRY: Entry = Entry::of::<OpenAiModel>();
