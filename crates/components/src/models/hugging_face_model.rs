//! Hugging Face: the 1.x component. A model of the hub is a chat over Hugging Face's router; a server of
//! one's own is sent a text.

use std::sync::Arc;

use millrace_engine::{
    ChatModel, Component, Context, Default, Entry, Example, Outputs, RunError, Spec, integer, json, number,
    reach, secret, text,
};
use serde::Deserialize;
use serde_json::{Map, Value as Json};

use super::text_model::{INPUT, OUTPUTS, SYSTEM, outputs};
use crate::protocol::hugging_face::{Task, Work, is_the_service, model};
use crate::protocol::openai::Settings;
use crate::protocol::openai_family::{Fields, HUGGING_FACE, chat};

/// The node's fields.
#[derive(Deserialize)]
pub(crate) struct HuggingFaceModel {
    model_id: String,
    custom_model: Option<String>,
    endpoint_url: Option<String>,
    task: String,
    huggingfacehub_api_token: Option<String>,
    input_value: Option<String>,
    system_message: Option<String>,
    temperature: f64,
    max_new_tokens: u32,
    top_k: Option<u32>,
    top_p: f64,
    typical_p: Option<f64>,
    repetition_penalty: Option<f64>,
    model_kwargs: Option<Map<String, Json>>,
}

impl Component for HuggingFaceModel {
    const SPEC: Spec = Spec {
        names: &["HuggingFaceModel"],
        about: "One answer by a model of the Hugging Face hub, or by a text generation server of one's own.",
        inputs: &[
            text("model_id", "The model's name on the hub; `custom` for the one in custom_model.")
                .or(Default::Text("meta-llama/Llama-3.3-70B-Instruct")),
            text("custom_model", "A model that is not in the list."),
            text("endpoint_url", "Address of a server of one's own; Hugging Face's service if empty."),
            text("task", "For a server: text-generation, text2text-generation or summarization.")
                .or(Default::Text("text-generation")),
            secret("huggingfacehub_api_token", "Token; the variable HUGGINGFACEHUB_API_TOKEN if empty."),
            INPUT,
            SYSTEM,
            number("temperature", "Randomness.").or(Default::Number(0.8)),
            integer("max_new_tokens", "Tokens of an answer at most.").or(Default::Integer(512)),
            integer("top_k", "Likely tokens considered; for a server."),
            number("top_p", "Share of likely tokens considered.").or(Default::Number(0.95)),
            number("typical_p", "Typical decoding mass; for a server."),
            number("repetition_penalty", "Against repetition; for a server."),
            json("model_kwargs", "More fields of the request."),
        ],
        outputs: OUTPUTS,
        reaches: &[reach("Hugging Face", "https://router.huggingface.co", "endpoint_url")],
        examples: &[Example {
            title: "a model of the hub",
            inputs: r#"{"model_id": "Qwen/Qwen2.5-Coder-32B-Instruct", "huggingfacehub_api_token": "x",
                        "endpoint_url": "https://api-inference.huggingface.co/models/"}"#,
            output: r#"{"model_output": {"language_model": "Qwen/Qwen2.5-Coder-32B-Instruct"}}"#,
        }],
        ..Spec::SUPPORTED
    };

    async fn run(mut self, cx: &Context) -> Result<Outputs, RunError> {
        let (input, system) = (self.input_value.take(), self.system_message.take());
        let server = self.endpoint_url.take().filter(|url| !is_the_service(url));
        let model = match server {
            Some(url) => self.served(cx, url).await?,
            None => self.routed(cx).await?,
        };
        outputs(cx, model, system, input).await
    }
}

impl HuggingFaceModel {
    async fn routed(self, cx: &Context) -> Result<Arc<dyn ChatModel>, RunError> {
        let custom = self.custom_model.filter(|_| self.model_id == "custom");
        let settings = Settings { key: self.huggingfacehub_api_token, ..Settings::default() };
        let fields = Fields {
            model: custom.unwrap_or(self.model_id),
            temperature: Some(self.temperature),
            max_tokens: Some(self.max_new_tokens),
            top_p: Some(self.top_p),
            more: self.model_kwargs,
            ..Fields::default()
        };
        chat(cx, "HuggingFaceModel", &HUGGING_FACE, settings, fields).await
    }

    async fn served(self, cx: &Context, url: String) -> Result<Arc<dyn ChatModel>, RunError> {
        let work = Work::named(&self.task)?;
        let settings =
            Settings { base: Some(url), key: self.huggingfacehub_api_token, ..Settings::default() };
        let task = Task::at(cx, "HuggingFaceModel", settings).await?;
        let given = [
            ("temperature", Some(Json::from(self.temperature))),
            ("max_new_tokens", Some(self.max_new_tokens.into())),
            ("top_k", self.top_k.map(Json::from)),
            ("top_p", Some(self.top_p.into())),
            ("typical_p", self.typical_p.map(Json::from)),
            ("repetition_penalty", self.repetition_penalty.map(Json::from)),
        ];
        let mut parameters: Map<String, Json> =
            given.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect();
        parameters.extend(self.model_kwargs.unwrap_or_default());
        let name = task.host();
        Ok(model(task, work, &name, parameters))
    }
}

pub(crate) const ENTRY: Entry = Entry::of::<HuggingFaceModel>();
