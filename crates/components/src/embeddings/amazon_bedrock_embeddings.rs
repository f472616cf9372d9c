//! AmazonBedrockEmbeddings: vectors by a model of Amazon Bedrock, in both dialects.

use millrace_engine::{
    Component, Context, Default, Entry, Example, Outputs, RunError, Spec, output, reach, secret, text,
};
use serde::Deserialize;

use crate::protocol::bedrock::{Bedrock, Settings};
use crate::protocol::bedrock_vectors::BedrockVectors;
use crate::protocol::vectors::outputs;

/// The node's fields; 0.x has none for keys.
#[derive(Deserialize)]
pub(crate) struct AmazonBedrockEmbeddings {
    model_id: String,
    aws_access_key_id: Option<String>,
    aws_secret_access_key: Option<String>,
    aws_session_token: Option<String>,
    credentials_profile_name: Option<String>,
    region_name: Option<String>,
    endpoint_url: Option<String>,
}

impl Component for AmazonBedrockEmbeddings {
    const SPEC: Spec = Spec {
        names: &["AmazonBedrockEmbeddings"],
        about: "Vectors by a Titan or Cohere model of Amazon Bedrock.",
        inputs: &[
            text("model_id", "Model.").or(Default::Text("amazon.titan-embed-text-v1")),
            secret("aws_access_key_id", "Access key id; this installation's role signs if empty."),
            secret("aws_secret_access_key", "Secret access key that belongs to it."),
            secret("aws_session_token", "Session token, for keys that were lent for a while."),
            text("credentials_profile_name", "Refused: there are no AWS profiles here."),
            text("region_name", "AWS region; the variable AWS_REGION, else us-east-1 if empty."),
            text("endpoint_url", "Address in place of the region's own; only with keys of the node's own."),
        ],
        outputs: &[output("embeddings")],
        reaches: &[reach(
            "Amazon Bedrock",
            "https://bedrock-runtime.us-east-1.amazonaws.com",
            "endpoint_url",
        )],
        examples: &[Example {
            title: "the default model in another region",
            inputs: r#"{"region_name": "eu-west-1"}"#,
            output: r#"{"embeddings": {"embedding_model":
                        "bedrock/bedrock-runtime.eu-west-1.amazonaws.com/amazon.titan-embed-text-v1"}}"#,
        }],
        ..Spec::SUPPORTED
    };

    async fn run(self, cx: &Context) -> Result<Outputs, RunError> {
        let settings = Settings {
            region: self.region_name,
            endpoint: self.endpoint_url,
            key_id: self.aws_access_key_id,
            secret: self.aws_secret_access_key,
            session: self.aws_session_token,
            profile: self.credentials_profile_name,
        };
        let bedrock = Bedrock::of(cx, "AmazonBedrockEmbeddings", settings).await?;
        Ok(outputs(BedrockVectors { bedrock, model: self.model_id }))
    }
}

pub(crate) const ENTRY: Entry = Entry::of::<AmazonBedrockEmbeddings>();
