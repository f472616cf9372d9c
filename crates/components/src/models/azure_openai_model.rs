//! Azure OpenAI: the 1.x component.

use millrace_engine::{
    Component, Context, Default, Entry, Example, Outputs, RunError, Spec, integer, number, reach, secret,
    text,
};
use serde::Deserialize;

use super::text_model::{INPUT, OUTPUTS, SYSTEM, outputs};
use crate::protocol::openai::{Endpoint, Form, Settings, model};
use crate::protocol::openai_family::{AZURE, Fields, azure_base};

/// The node's fields.
#[derive(Deserialize)]
pub(crate) struct AzureOpenAiModel {
    azure_endpoint: Option<String>,
    azure_deployment: String,
    api_version: String,
    api_key: Option<String>,
    input_value: Option<String>,
    system_message: Option<String>,
    temperature: f64,
    max_tokens: Option<u32>,
}

impl Component for AzureOpenAiModel {
    const SPEC: Spec = Spec {
        names: &["AzureOpenAIModel"],
        about: "One chat completion by a model that is deployed in Azure's OpenAI service.",
        inputs: &[
            text(
                "azure_endpoint",
                "The resource's address, such as https://example.openai.azure.com; the variable \
                 AZURE_OPENAI_ENDPOINT if empty.",
            ),
            text("azure_deployment", "Name of the deployment."),
            text("api_version", "Version of the API.").or(Default::Text("2024-06-01")),
            secret("api_key", "Key; the variable AZURE_OPENAI_API_KEY if empty."),
            INPUT,
            SYSTEM,
            number("temperature", "Randomness, 0 to 2.").or(Default::Number(0.7)),
            integer("max_tokens", "Tokens of an answer at most; 0 for the provider's limit."),
        ],
        outputs: OUTPUTS,
        reaches: &[reach("Azure OpenAI", "", "azure_endpoint")],
        examples: &[Example {
            title: "the model as a handle",
            inputs: r#"{"azure_endpoint": "https://example.openai.azure.com", "azure_deployment": "chat",
                        "api_key": "x"}"#,
            output: r#"{"model_output": {"language_model": "chat"}}"#,
        }],
        ..Spec::SUPPORTED
    };

    async fn run(self, cx: &Context) -> Result<Outputs, RunError> {
        let settings = Settings { base: self.azure_endpoint, key: self.api_key, ..Settings::default() };
        let endpoint = Endpoint::of(cx, "AzureOpenAIModel", &AZURE, settings).await?;
        let endpoint = endpoint.below(azure_base(&self.azure_deployment, &self.api_version));
        let fields = Fields {
            model: self.azure_deployment,
            temperature: Some(self.temperature),
            max_tokens: self.max_tokens,
            ..Fields::default()
        };
        let model = model(endpoint, Form::Chat, fields.into_map());
        outputs(cx, model, self.system_message, self.input_value).await
    }
}

pub(crate) const ENTRY: Entry = Entry::of::<AzureOpenAiModel>();
