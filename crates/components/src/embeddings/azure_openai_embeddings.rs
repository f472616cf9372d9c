//! AzureOpenAIEmbeddings: vectors by a deployment of Azure's OpenAI service, in both dialects.

use millrace_engine::{
    Component, Context, Default, Entry, Example, Outputs, RunError, Spec, integer, output, reach, secret,
    text,
};
use serde::Deserialize;
use serde_json::Map;

use crate::protocol::openai::{Endpoint, Settings};
use crate::protocol::openai_family::{AZURE, azure_base};
use crate::protocol::openai_vectors::{OpenAiVectors, fitting};
use crate::protocol::vectors::outputs;

/// The node's fields.
#[derive(Deserialize)]
pub(crate) struct AzureOpenAiEmbeddings {
    azure_endpoint: Option<String>,
    azure_deployment: String,
    api_version: String,
    api_key: Option<String>,
    dimensions: Option<u32>,
}

impl Component for AzureOpenAiEmbeddings {
    const SPEC: Spec = Spec {
        names: &["AzureOpenAIEmbeddings"],
        about: "Vectors by a model that is deployed in Azure's OpenAI service.",
        inputs: &[
            text(
                "azure_endpoint",
                "The resource's address, such as https://example.openai.azure.com; the variable \
                 AZURE_OPENAI_ENDPOINT if empty.",
            ),
            text("azure_deployment", "Name of the deployment."),
            text("api_version", "Version of the API.").or(Default::Text("2023-08-01-preview")),
            secret("api_key", "Key; the variable AZURE_OPENAI_API_KEY if empty."),
            integer(
                "dimensions",
                "Size of the vectors, where the model can be asked for one; 0 for its own.",
            ),
        ],
        outputs: &[output("embeddings")],
        reaches: &[reach("Azure OpenAI", "", "azure_endpoint")],
        examples: &[Example {
            title: "a deployment",
            inputs: r#"{"azure_endpoint": "https://example.openai.azure.com", "azure_deployment": "embed",
                        "api_key": "x"}"#,
            output: r#"{"embeddings": {"embedding_model": "azure/example.openai.azure.com/embed"}}"#,
        }],
        ..Spec::SUPPORTED
    };

    async fn run(self, cx: &Context) -> Result<Outputs, RunError> {
        let settings = Settings { base: self.azure_endpoint, key: self.api_key, ..Settings::default() };
        let endpoint = Endpoint::of(cx, "AzureOpenAIEmbeddings", &AZURE, settings).await?;
        let dimensions = self.dimensions.filter(|size| *size > 0);
        Ok(outputs(OpenAiVectors {
            provider: AZURE.id(),
            endpoint: endpoint.below(azure_base(&self.azure_deployment, &self.api_version)),
            batch: fitting(&self.azure_deployment, dimensions, 480),
            model: self.azure_deployment,
            dimensions,
            kinds: None,
            more: Map::new(),
        }))
    }
}

pub(crate) const ENTRY: Entry = Entry::of::<AzureOpenAiEmbeddings>();
