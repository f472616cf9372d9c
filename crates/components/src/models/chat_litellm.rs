//! ChatLiteLLM: a model by the name that LiteLLM gives it, `provider/model`.

use millrace_engine::{
    Component, Context, Default, Entry, Example, Outputs, RunError, Spec, integer, json, number, output,
    reach, secret, text,
};
use serde::Deserialize;
use serde_json::{Map, Value as Json};

use super::provider::{Choice, chosen};
use super::text_model::capability;
use crate::protocol::openai::Settings;

/// The node's fields.
#[derive(Deserialize)]
pub(crate) struct ChatLiteLlm {
    model: String,
    api_key: Option<String>,
    temperature: f64,
    max_tokens: Option<u32>,
    top_p: Option<f64>,
    top_k: Option<u32>,
    model_kwargs: Option<Map<String, Json>>,
    max_retries: Option<u32>,
}

impl Component for ChatLiteLlm {
    const SPEC: Spec = Spec {
        names: &["ChatLiteLLM"],
        about: "A chat model of the provider that its name begins with, as in `groq/llama-3.1-8b-instant`; a \
                name without one is OpenAI's, Anthropic's, Google's or Cohere's by how it begins.",
        inputs: &[
            text("model", "Model, after its provider and a slash."),
            secret("api_key", "Key; the provider's variable if empty."),
            number("temperature", "Randomness.").or(Default::Number(0.7)),
            integer("max_tokens", "Tokens of an answer at most.").or(Default::Integer(256)),
            number("top_p", "Share of likely tokens considered."),
            integer(
                "top_k",
                "Likely tokens considered; providers of the OpenAI protocol have no such field.",
            ),
            json("model_kwargs", "More fields of the request."),
            integer("max_retries", "Repeats of a failed request, 0 to 10.").or(Default::Integer(6)),
        ],
        outputs: &[output("model")],
        reaches: &[reach("the provider that model names", "", "")],
        examples: &[
            Example {
                title: "a provider's model",
                inputs: r#"{"model": "groq/llama-3.1-8b-instant", "api_key": "x"}"#,
                output: r#"{"model": {"language_model": "llama-3.1-8b-instant"}}"#,
            },
            Example {
                title: "a name without a provider",
                inputs: r#"{"model": "claude-3-haiku-20240307", "api_key": "x"}"#,
                output: r#"{"model": {"language_model": "claude-3-haiku-20240307"}}"#,
            },
        ],
        ..Spec::SUPPORTED
    };

    async fn run(self, cx: &Context) -> Result<Outputs, RunError> {
        let (provider, model) = parts(&self.model);
        let choice = Choice {
            provider: provider.to_owned(),
            model: model.to_owned(),
            temperature: Some(self.temperature),
            max_tokens: self.max_tokens,
            top_p: self.top_p,
            top_k: self.top_k,
            more: self.model_kwargs,
            settings: Settings { key: self.api_key, retries: self.max_retries, ..Settings::default() },
        };
        Ok(capability(chosen(cx, "ChatLiteLLM", choice).await?))
    }
}

/// Provider and model. What is left after the provider may have slashes of its own.
fn parts(name: &str) -> (&str, &str) {
    let name = name.trim();
    if let Some((provider, model)) = name.split_once('/') {
        return (provider, model);
    }
    let begins = [("claude", "anthropic"), ("gemini", "gemini"), ("command", "cohere")];
    let provider = begins.iter().find(|(begin, _)| name.starts_with(begin));
    (provider.map_or("openai", |(_, provider)| provider), name)
}

pub(crate) const ENTRY: Entry = Entry::of::<ChatLiteLlm>();

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_tells_its_provider() {
        let cases = [
            ("gpt-4", ("openai", "gpt-4")),
            ("claude-2", ("anthropic", "claude-2")),
            ("gemini-pro", ("gemini", "gemini-pro")),
            ("openrouter/meta/llama-3", ("openrouter", "meta/llama-3")),
            ("azure/my-deployment", ("azure", "my-deployment")),
        ];
        for (name, expected) in cases {
            assert_eq!(parts(name), expected);
        }
    }
}
