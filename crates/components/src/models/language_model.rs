//! Language Model: the 1.x model component that picks its provider (1.13 contract 3.4).

use millrace_engine::{
    Capability, Component, Context, Default, Entry, ErrorKind, Example, LazyValue, Outputs, RunError, Spec,
    Value, flag, integer, message, number, output, reach, secret, text,
};
use serde::Deserialize;

use super::provider::{Choice, chosen, selection};
use super::text_model;
use crate::protocol::openai::Settings;

/// The node's fields.
#[derive(Deserialize)]
pub(crate) struct LanguageModel {
    model: Option<LazyValue>,
    model_name: Option<String>,
    provider: Option<String>,
    api_key: Option<String>,
    ollama_base_url: Option<String>,
    input_value: Option<String>,
    system_message: Option<String>,
    temperature: f64,
    max_tokens: Option<u32>,
    #[serde(rename = "stream")]
    _stream: bool,
}

impl Component for LanguageModel {
    const SPEC: Spec = Spec {
        names: &["LanguageModelComponent"],
        about: "One chat completion by the selected provider's model.",
        inputs: &[
            message("model", "The selected model, or another node's language model."),
            text("model_name", "A model instead of the selected one."),
            text("provider", "The provider of that model."),
            secret("api_key", "Key; the provider's variable if empty."),
            text("ollama_base_url", "Ollama's address; the variable OLLAMA_BASE_URL if empty."),
            text("input_value", "The person's text."),
            text("system_message", "Instructions."),
            number("temperature", "Randomness.").or(Default::Number(0.1)),
            integer("max_tokens", "Tokens of an answer at most; 0 for the provider's limit."),
            flag("stream", "Accepted; the answer comes whole.").or(Default::Flag(false)),
        ],
        outputs: &[output("text_output"), output("model_output")],
        reaches: &[reach("the provider that model names", "", "ollama_base_url")],
        examples: &[Example {
            title: "the model as a handle",
            inputs: r#"{"model": [{"name": "gpt-4o-mini", "provider": "OpenAI"}], "api_key": "sk-x"}"#,
            output: r#"{"model_output": {"language_model": "gpt-4o-mini"}}"#,
        }],
        ..Spec::SUPPORTED
    };

    async fn run(self, cx: &Context) -> Result<Outputs, RunError> {
        if let Some(LazyValue(Value::Capability(Capability::ChatModel(model)))) = self.model {
            return text_model::outputs(cx, model, self.system_message, self.input_value).await;
        }
        let (selected, selected_provider) = selection(self.model.map(|model| model.0.to_json()));
        let provider = self.provider.or(selected_provider).unwrap_or_else(|| "OpenAI".to_owned());
        let Some(name) = self.model_name.or(selected) else {
            return Err(RunError::new(ErrorKind::Flow, "field 'model': no model is selected"));
        };
        let base = self.ollama_base_url.filter(|_| provider.eq_ignore_ascii_case("ollama"));
        let choice = Choice {
            provider,
            model: name,
            temperature: Some(self.temperature),
            max_tokens: self.max_tokens,
            settings: Settings { key: self.api_key, base, ..Settings::default() },
            ..Choice::default()
        };
        let model = chosen(cx, "LanguageModelComponent", choice).await?;
        text_model::outputs(cx, model, self.system_message, self.input_value).await
    }
}

pub(crate) const ENTRY: Entry = Entry::of::<LanguageModel>();
