//! HuggingFaceHub: a model of the Hugging Face hub (0.x). The hub's inference service serves texts no longer:
//! its router passes a chat on to whoever serves the model.

use millrace_engine::{
    Component, Context, Entry, ErrorKind, Example, Outputs, RunError, Spec, json, output, reach, secret, text,
};
use serde::Deserialize;
use serde_json::{Map, Value as Json};

use super::text_model::capability;
use crate::protocol::openai::Settings;
use crate::protocol::openai_family::{Fields, HUGGING_FACE, chat};

/// The node's fields.
#[derive(Deserialize)]
pub(crate) struct HuggingFaceHub {
    repo_id: Option<String>,
    huggingfacehub_api_token: Option<String>,
    model_kwargs: Option<Map<String, Json>>,
}

impl Component for HuggingFaceHub {
    const SPEC: Spec = Spec {
        names: &["HuggingFaceHub"],
        about: "A model of the Hugging Face hub, as a chat over Hugging Face's router.",
        inputs: &[
            text("repo_id", "The model's name on the hub."),
            secret("huggingfacehub_api_token", "Token; the variable HUGGINGFACEHUB_API_TOKEN if empty."),
            json(
                "model_kwargs",
                "More fields of the request, such as temperature; max_length is max_tokens.",
            ),
        ],
        outputs: &[output("model")],
        reaches: &[reach("Hugging Face", "https://router.huggingface.co", "")],
        examples: &[Example {
            title: "a model of the hub",
            inputs: r#"{"repo_id": "meta-llama/Llama-3.1-8B-Instruct", "huggingfacehub_api_token": "x"}"#,
            output: r#"{"model": {"language_model": "meta-llama/Llama-3.1-8B-Instruct"}}"#,
        }],
        ..Spec::SUPPORTED
    };

    async fn run(self, cx: &Context) -> Result<Outputs, RunError> {
        let Some(model) = self.repo_id.filter(|name| !name.trim().is_empty()) else {
            return Err(RunError::new(ErrorKind::Flow, "field 'repo_id': no model is named"));
        };
        let settings = Settings { key: self.huggingfacehub_api_token, ..Settings::default() };
        let fields = Fields { model, more: self.model_kwargs.map(as_chat), ..Fields::default() };
        Ok(capability(chat(cx, "HuggingFaceHub", &HUGGING_FACE, settings, fields).await?))
    }
}

/// Parameters of a task as fields of a chat: those limits that have another name there.
fn as_chat(parameters: Map<String, Json>) -> Map<String, Json> {
    let rename = |(name, value): (String, Json)| match name.as_str() {
        "max_length" | "max_new_tokens" => ("max_tokens".to_owned(), value),
        _ => (name, value),
    };
    parameters.into_iter().map(rename).collect()
}

pub(crate) const ENTRY: Entry = Entry::of::<HuggingFaceHub>();
