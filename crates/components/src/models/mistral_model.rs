//! Mistral: the 1.x component.

use millrace_engine::{
    Component, Context, Default, Entry, Example, Outputs, RunError, Spec, flag, integer, number, reach,
    secret, text,
};
use serde::Deserialize;
use serde_json::{Map, json};

use super::text_model::{INPUT, OUTPUTS, SYSTEM, outputs};
use crate::protocol::openai::Settings;
use crate::protocol::openai_family::{Fields, MISTRAL, chat};

/// The node's fields.
#[derive(Deserialize)]
pub(crate) struct MistralModel {
    model_name: String,
    api_key: Option<String>,
    mistral_api_base: Option<String>,
    input_value: Option<String>,
    system_message: Option<String>,
    temperature: f64,
    max_tokens: Option<u32>,
    top_p: f64,
    random_seed: Option<i64>,
    safe_mode: bool,
    max_retries: Option<u32>,
    timeout: Option<f64>,
}

impl Component for MistralModel {
    const SPEC: Spec = Spec {
        names: &["MistralModel"],
        about: "One chat completion by a model of Mistral.",
        inputs: &[
            text("model_name", "Model.").or(Default::Text("codestral-latest")),
            secret("api_key", "Key; the variable MISTRAL_API_KEY if empty."),
            text("mistral_api_base", "Base address; Mistral's own if empty."),
            INPUT,
            SYSTEM,
            number("temperature", "Randomness.").or(Default::Number(0.1)),
            integer("max_tokens", "Tokens of an answer at most; 0 for the provider's limit."),
            number("top_p", "Share of likely tokens considered.").or(Default::Integer(1)),
            integer("random_seed", "For answers that can be repeated.").or(Default::Integer(1)),
            flag("safe_mode", "Whether Mistral's own instructions go before.").or(Default::Flag(false)),
            integer("max_retries", "Repeats of a failed request, 0 to 10.").or(Default::Integer(5)),
            number("timeout", "Seconds for one request, 1 to 600.").or(Default::Integer(60)),
        ],
        outputs: OUTPUTS,
        reaches: &[reach("Mistral", "https://api.mistral.ai/v1", "mistral_api_base")],
        examples: &[Example {
            title: "the model as a handle",
            inputs: r#"{"model_name": "mistral-large-latest", "api_key": "x"}"#,
            output: r#"{"model_output": {"language_model": "mistral-large-latest"}}"#,
        }],
        ..Spec::SUPPORTED
    };

    async fn run(self, cx: &Context) -> Result<Outputs, RunError> {
        let settings = Settings {
            base: self.mistral_api_base,
            key: self.api_key,
            timeout: self.timeout,
            retries: self.max_retries,
            ..Settings::default()
        };
        let mut more = Map::new();
        if let Some(seed) = self.random_seed {
            more.insert("random_seed".to_owned(), json!(seed));
        }
        if self.safe_mode {
            more.insert("safe_prompt".to_owned(), json!(true));
        }
        let fields = Fields {
            model: self.model_name,
            temperature: Some(self.temperature),
            max_tokens: self.max_tokens,
            top_p: Some(self.top_p),
            more: Some(more),
            ..Fields::default()
        };
        let model = chat(cx, "MistralModel", &MISTRAL, settings, fields).await?;
        outputs(cx, model, self.system_message, self.input_value).await
    }
}

pub(crate) const ENTRY: Entry = Entry::of::<MistralModel>();
