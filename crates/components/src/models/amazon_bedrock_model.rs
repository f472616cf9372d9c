//! Amazon Bedrock: the 1.x component, in both its forms; each is called over the Converse API.

use millrace_engine::{
    Component, Context, Default, Entry, Example, Outputs, RunError, Spec, integer, json, number, reach,
    secret, text,
};
use serde::Deserialize;
use serde_json::{Map, Value as Json};

use super::text_model::{INPUT, OUTPUTS, SYSTEM, outputs};
use crate::protocol::bedrock::{Bedrock, Settings, model};

/// The node's fields.
#[derive(Deserialize)]
pub(crate) struct AmazonBedrockModel {
    model_id: String,
    aws_access_key_id: Option<String>,
    aws_secret_access_key: Option<String>,
    aws_session_token: Option<String>,
    credentials_profile_name: Option<String>,
    region_name: Option<String>,
    endpoint_url: Option<String>,
    input_value: Option<String>,
    system_message: Option<String>,
    temperature: Option<f64>,
    max_tokens: Option<u32>,
    top_p: Option<f64>,
    top_k: Option<u32>,
    model_kwargs: Option<Map<String, Json>>,
    additional_model_fields: Option<Map<String, Json>>,
}

impl Component for AmazonBedrockModel {
    const SPEC: Spec = Spec {
        names: &["AmazonBedrockModel", "AmazonBedrockConverseModel"],
        about: "One chat completion by a model of Amazon Bedrock, over its Converse API.",
        inputs: &[
            text("model_id", "Model, inference profile, or the ARN of one.")
                .or(Default::Text("anthropic.claude-3-haiku-20240307-v1:0")),
            secret("aws_access_key_id", "Access key id; this installation's role signs if empty."),
            secret("aws_secret_access_key", "Secret access key that belongs to it."),
            secret("aws_session_token", "Session token, for keys that were lent for a while."),
            text("credentials_profile_name", "Refused: there are no AWS profiles here."),
            text("region_name", "AWS region; the variable AWS_REGION, else us-east-1 if empty."),
            text("endpoint_url", "Address in place of the region's own; only with keys of the node's own."),
            INPUT,
            SYSTEM,
            number("temperature", "Randomness."),
            integer("max_tokens", "Tokens of an answer at most."),
            number("top_p", "Share of likely tokens considered."),
            integer("top_k", "Likely tokens considered; a field of the model's own."),
            json("model_kwargs", "The model's own fields."),
            json("additional_model_fields", "The same, as the Converse node names them."),
        ],
        outputs: OUTPUTS,
        reaches: &[reach(
            "Amazon Bedrock",
            "https://bedrock-runtime.us-east-1.amazonaws.com",
            "endpoint_url",
        )],
        examples: &[Example {
            title: "the model as a handle",
            inputs: r#"{"model_id": "amazon.nova-lite-v1:0"}"#,
            output: r#"{"model_output": {"language_model": "amazon.nova-lite-v1:0"}}"#,
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
        let bedrock = Bedrock::of(cx, "AmazonBedrockModel", settings).await?;
        let given = [
            ("temperature", self.temperature.map(Json::from)),
            ("max_tokens", self.max_tokens.filter(|tokens| *tokens > 0).map(Json::from)),
            ("top_p", self.top_p.map(Json::from)),
            ("top_k", self.top_k.map(Json::from)),
        ];
        let mut fields: Map<String, Json> =
            given.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect();
        fields.extend(self.model_kwargs.into_iter().chain(self.additional_model_fields).flatten());
        let model = model(bedrock, &self.model_id, fields);
        outputs(cx, model, self.system_message, self.input_value).await
    }
}

pub(crate) const ENTRY: Entry = Entry::of::<AmazonBedrockModel>();
