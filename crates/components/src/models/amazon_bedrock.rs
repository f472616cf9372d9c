//! AmazonBedrock: a model of Amazon Bedrock (0.x), in the name of the installation's own role.

use millrace_engine::{
    Component, Context, Default, Entry, Example, Outputs, RunError, Spec, json, output, reach, text,
};
use serde::Deserialize;
use serde_json::{Map, Value as Json};

use super::text_model::capability;
use crate::protocol::bedrock::{Bedrock, Settings, model};

/// The node's fields.
#[derive(Deserialize)]
pub(crate) struct AmazonBedrock {
    model_id: String,
    region_name: Option<String>,
    endpoint_url: Option<String>,
    credentials_profile_name: Option<String>,
    model_kwargs: Option<Map<String, Json>>,
}

impl Component for AmazonBedrock {
    const SPEC: Spec = Spec {
        names: &["AmazonBedrock"],
        about: "A model of Amazon Bedrock, called over its Converse API in the name of this installation's role.",
        inputs: &[
            text("model_id", "Model, inference profile, or the ARN of one.")
                .or(Default::Text("anthropic.claude-instant-v1")),
            text("region_name", "AWS region; the variable AWS_REGION, else us-east-1 if empty."),
            text("endpoint_url", "Refused unless it is the region's own: the node has no keys for another."),
            text("credentials_profile_name", "Refused: there are no AWS profiles here."),
            json("model_kwargs", "The model's own fields, such as temperature and max_tokens."),
        ],
        outputs: &[output("model")],
        reaches: &[reach(
            "Amazon Bedrock",
            "https://bedrock-runtime.us-east-1.amazonaws.com",
            "endpoint_url",
        )],
        examples: &[Example {
            title: "a model in a region",
            inputs: r#"{"model_id": "amazon.nova-lite-v1:0", "region_name": "eu-west-1"}"#,
            output: r#"{"model": {"language_model": "amazon.nova-lite-v1:0"}}"#,
        }],
        ..Spec::SUPPORTED
    };

    async fn run(self, cx: &Context) -> Result<Outputs, RunError> {
        let settings = Settings {
            region: self.region_name,
            endpoint: self.endpoint_url,
            profile: self.credentials_profile_name,
            ..Settings::default()
        };
        let bedrock = Bedrock::of(cx, "AmazonBedrock", settings).await?;
        Ok(capability(model(bedrock, &self.model_id, self.model_kwargs.unwrap_or_default())))
    }
}

pub(crate) const ENTRY: Entry = Entry::of::<AmazonBedrock>();
