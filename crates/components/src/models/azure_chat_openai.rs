//! AzureChatOpenAI: a deployment of Azure's OpenAI service (0.x).

use millrace_engine::{
    Component, Context, Default, Entry, Example, Outputs, RunError, Spec, integer, number, output, reach,
    secret, text,
};
use serde::Deserialize;
use serde_json::{Map, json};

use super::text_model::capability;
use crate::protocol::openai::{Endpoint, Form, Settings, model};
use crate::protocol::openai_family::{AZURE, Fields, azure_base};

/// The node's fields.
#[derive(Deserialize)]
pub(crate) struct AzureChatOpenAi {
    azure_endpoint: Option<String>,
    azure_deployment: String,
    api_version: String,
    api_key: Option<String>,
    model: String,
    temperature: f64,
    max_tokens: Option<u32>,
}

impl Component for AzureChatOpenAi {
    const SPEC: Spec = Spec {
        names: &["AzureChatOpenAI"],
        about: "A chat model that is deployed in Azure's OpenAI service.",
        inputs: &[
            text(
                "azure_endpoint",
                "The resource's address, such as https://example.openai.azure.com; the variable \
                 AZURE_OPENAI_ENDPOINT if empty.",
            ),
            text("azure_deployment", "Name of the deployment."),
            text("api_version", "Version of the API.").or(Default::Text("2023-12-01-preview")),
            secret("api_key", "Key; the variable AZURE_OPENAI_API_KEY if empty."),
            text("model", "What is deployed; Azure goes by the deployment.")
                .or(Default::Text("gpt-35-turbo")),
            number("temperature", "Randomness, 0 to 2.").or(Default::Number(0.7)),
            integer("max_tokens", "Tokens of an answer at most.").or(Default::Integer(1000)),
        ],
        outputs: &[output("model")],
        reaches: &[reach("Azure OpenAI", "", "azure_endpoint")],
        examples: &[Example {
            title: "a deployment",
            inputs: r#"{"azure_endpoint": "https://example.openai.azure.com/", "azure_deployment": "chat",
                        "api_key": "x"}"#,
            output: r#"{"model": {"language_model": "gpt-35-turbo"}}"#,
        }],
        ..Spec::SUPPORTED
    };

    async fn run(self, cx: &Context) -> Result<Outputs, RunError> {
        let settings = Settings { base: self.azure_endpoint, key: self.api_key, ..Settings::default() };
        let endpoint = Endpoint::of(cx, "AzureChatOpenAI", &AZURE, settings).await?;
        let endpoint = endpoint.below(azure_base(&self.azure_deployment, &self.api_version));
        let fields = Fields {
            model: self.model,
            temperature: Some(self.temperature),
            max_tokens: self.max_tokens,
            more: Some(Map::from_iter([("n".to_owned(), json!(1))])),
            ..Fields::default()
        };
        Ok(capability(model(endpoint, Form::Chat, fields.into_map())))
    }
}

pub(crate) const ENTRY: Entry = Entry::of::<AzureChatOpenAi>();
