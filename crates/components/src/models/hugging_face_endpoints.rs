//! HuggingFaceEndpoints: a text model behind one address (0.x).

use millrace_engine::{
    Component, Context, Default, Entry, Example, Outputs, RunError, Spec, json, output, reach, secret, text,
};
use serde::Deserialize;
use serde_json::{Map, Value as Json};

use super::text_model::capability;
use crate::protocol::hugging_face::{Task, Work, model};
use crate::protocol::openai::Settings;

/// The node's fields.
#[derive(Deserialize)]
pub(crate) struct HuggingFaceEndpoints {
    endpoint_url: String,
    task: String,
    huggingfacehub_api_token: Option<String>,
    model_kwargs: Option<Map<String, Json>>,
}

impl Component for HuggingFaceEndpoints {
    const SPEC: Spec = Spec {
        names: &["HuggingFaceEndpoints"],
        about: "A text model behind an inference endpoint of Hugging Face or a server of one's own.",
        inputs: &[
            text("endpoint_url", "The endpoint's address."),
            text("task", "text-generation, text2text-generation or summarization.")
                .or(Default::Text("text2text-generation")),
            secret(
                "huggingfacehub_api_token",
                "Token; for Hugging Face's own service, the variable HUGGINGFACEHUB_API_TOKEN if empty.",
            ),
            json("model_kwargs", "Parameters of the task, such as temperature and max_new_tokens."),
        ],
        outputs: &[output("model")],
        reaches: &[reach("the address in endpoint_url", "", "endpoint_url")],
        examples: &[Example {
            title: "an endpoint",
            inputs: r#"{"endpoint_url": "https://x.endpoints.huggingface.cloud", "task": "text-generation",
                        "model_kwargs": "{\"temperature\": 0.5}"}"#,
            output: r#"{"model": {"language_model": "x.endpoints.huggingface.cloud"}}"#,
        }],
        ..Spec::SUPPORTED
    };

    async fn run(self, cx: &Context) -> Result<Outputs, RunError> {
        let work = Work::named(&self.task)?;
        let settings = Settings {
            base: Some(self.endpoint_url),
            key: self.huggingfacehub_api_token,
            ..Settings::default()
        };
        let task = Task::at(cx, "HuggingFaceEndpoints", settings).await?;
        let name = task.host();
        Ok(capability(model(task, work, &name, self.model_kwargs.unwrap_or_default())))
    }
}

pub(crate) const ENTRY: Entry = Entry::of::<HuggingFaceEndpoints>();
