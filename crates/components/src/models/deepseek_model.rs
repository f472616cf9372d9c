//! DeepSeek: the 1.x component.

use millrace_engine::{
    Component, Context, Default, Entry, Example, Outputs, RunError, Spec, flag, integer, json, number, reach,
    secret, text,
};
use serde::Deserialize;
use serde_json::{Map, Value as Json};

use super::text_model::{INPUT, OUTPUTS, SYSTEM, outputs};
use crate::protocol::openai::Settings;
use crate::protocol::openai_family::{DEEPSEEK, Fields, chat};

/// The node's fields.
#[derive(Deserialize)]
pub(crate) struct DeepSeekModel {
    model_name: String,
    api_key: Option<String>,
    api_base: Option<String>,
    input_value: Option<String>,
    system_message: Option<String>,
    temperature: f64,
    max_tokens: Option<u32>,
    seed: Option<i64>,
    json_mode: bool,
    model_kwargs: Option<Map<String, Json>>,
}

impl Component for DeepSeekModel {
    const SPEC: Spec = Spec {
        names: &["DeepSeekModelComponent"],
        about: "One chat completion by a model of DeepSeek.",
        inputs: &[
            text("model_name", "Model.").or(Default::Text("deepseek-chat")),
            secret("api_key", "Key; the variable DEEPSEEK_API_KEY if empty."),
            text("api_base", "Base address; DeepSeek's own if empty."),
            INPUT,
            SYSTEM,
            number("temperature", "Randomness, 0 to 2.").or(Default::Number(1.0)),
            integer("max_tokens", "Tokens of an answer at most; 0 for the provider's limit."),
            integer("seed", "For answers that can be repeated."),
            flag("json_mode", "Whether the answer must be a JSON object.").or(Default::Flag(false)),
            json("model_kwargs", "More fields of the request."),
        ],
        outputs: OUTPUTS,
        reaches: &[reach("DeepSeek", "https://api.deepseek.com", "api_base")],
        examples: &[Example {
            title: "the model as a handle",
            inputs: r#"{"api_key": "x", "api_base": "https://api.deepseek.com"}"#,
            output: r#"{"model_output": {"language_model": "deepseek-chat"}}"#,
        }],
        ..Spec::SUPPORTED
    };

    async fn run(self, cx: &Context) -> Result<Outputs, RunError> {
        let settings = Settings { base: self.api_base, key: self.api_key, ..Settings::default() };
        let fields = Fields {
            model: self.model_name,
            temperature: Some(self.temperature),
            max_tokens: self.max_tokens,
            seed: self.seed,
            json_mode: self.json_mode,
            more: self.model_kwargs,
            ..Fields::default()
        };
        let model = chat(cx, "DeepSeekModelComponent", &DEEPSEEK, settings, fields).await?;
        outputs(cx, model, self.system_message, self.input_value).await
    }
}

pub(crate) const ENTRY: Entry = Entry::of::<DeepSeekModel>();
