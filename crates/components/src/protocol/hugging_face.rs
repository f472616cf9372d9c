//! Hugging Face's own protocol of tasks: text generation, summaries and features, as its inference service
//! and servers of one's own speak it. Chats go over the OpenAI protocol of its router.

use std::sync::Arc;

use async_trait::async_trait;
use millrace_engine::{ChatModel, ChatReply, ChatRequest, Context, ErrorKind, RunError, Usage};
use serde::Deserialize;
use serde_json::{Map, Value as Json, json};

use super::account::House;
use super::openai::{Settings, as_text};
use super::service::Service;

/// Where the inference service serves models. The older address of it is no longer.
pub(crate) const HOUSE: House = House {
    base: "https://router.huggingface.co/hf-inference/models",
    base_variables: &[],
    key_variables: &["HUGGINGFACEHUB_API_TOKEN", "HF_TOKEN", "HUGGINGFACE_API_KEY"],
};

/// The inference service's older address, which flows still have.
const OLDER: &[&str] = &[
    "https://api-inference.huggingface.co/models",
    "https://api-inference.huggingface.co/pipeline/feature-extraction",
];

/// One address of a task.
#[derive(Debug, Clone)]
pub(crate) struct Task {
    pub url: String,
    pub service: Service,
}

impl Task {
    /// A server of one's own.
    pub async fn at(cx: &Context, kind: &str, settings: Settings) -> Result<Self, RunError> {
        let base = settings.base.as_deref().map(current);
        let (of_the_service, base) = match base {
            Some(url) if url.starts_with(HOUSE.base) => (Some(url), None),
            base => (None, base),
        };
        let account = HOUSE.open_account(cx, base, settings.key).await?;
        let service = Service::new(cx, kind, "Hugging Face's protocol")
            .timeout(settings.timeout)?
            .retries(settings.retries);
        let service = match &account.key {
            Some(key) => service.secret("authorization", "Bearer ", key),
            None => service,
        };
        Ok(Self { url: of_the_service.unwrap_or(account.base), service })
    }

    /// A task of the inference service: this model, by its path on the hub.
    ///
    /// # Errors
    /// [`ErrorKind::Flow`] where that is none.
    pub async fn of_model(
        cx: &Context,
        kind: &str,
        model: &str,
        pipeline: &str,
        settings: Settings,
    ) -> Result<Self, RunError> {
        let mut task = Self::at(cx, kind, Settings { base: None, ..settings }).await?;
        task.url = format!("{}/{}/pipeline/{pipeline}", HOUSE.base, hub_name(model)?);
        Ok(task)
    }

    /// Who is called: for what must tell one from another.
    pub fn host(&self) -> String {
        super::service::host(&self.url)
    }
}

/// An address of the inference service as it is today; any other as it is.
fn current(url: &str) -> String {
    let url = url.trim().trim_end_matches('/');
    let moved = OLDER.iter().find_map(|older| url.strip_prefix(older));
    moved.map_or_else(|| url.to_owned(), |model| format!("{}{model}", HOUSE.base))
}

/// Whether an address is the inference service's, at which a model is named and no server.
pub(crate) fn is_the_service(url: &str) -> bool {
    current(url).starts_with(HOUSE.base)
}

/// A model's path on the hub: `owner/name`, or a name of the older kind.
fn hub_name(model: &str) -> Result<&str, RunError> {
    let model = model.trim();
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let part = |part: &str| !part.is_empty() && !part.starts_with('.') && part.chars().all(plain);
    if model.split('/').count() <= 2 && model.split('/').all(part) {
        return Ok(model);
    }
    Err(RunError::new(ErrorKind::Flow, "the model is no name of the Hugging Face hub, such as owner/name"))
}

/// What a model is to do with its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Work {
    /// Continues it.
    Generation,
    /// Answers it.
    Text2Text,
    /// Sums it up.
    Summary,
}

impl Work {
    /// By the name of the task.
    ///
    /// # Errors
    /// [`ErrorKind::Flow`] for others.
    pub fn named(name: &str) -> Result<Self, RunError> {
        match name {
            "text-generation" => Ok(Self::Generation),
            "text2text-generation" => Ok(Self::Text2Text),
            "summarization" => Ok(Self::Summary),
            other => {
                let message = format!(
                    "field 'task': {other} is none of text-generation, text2text-generation, summarization"
                );
                Err(RunError::new(ErrorKind::Flow, message))
            }
        }
    }
}

/// A model that takes one text.
pub(crate) fn model(task: Task, work: Work, name: &str, parameters: Map<String, Json>) -> Arc<dyn ChatModel> {
    Arc::new(TextModel { task, work, name: name.to_owned(), parameters })
}

#[derive(Debug)]
struct TextModel {
    task: Task,
    work: Work,
    name: String,
    parameters: Map<String, Json>,
}

#[async_trait]
impl ChatModel for TextModel {
    fn name(&self) -> &str {
        &self.name
    }

    async fn generate(&self, cx: &Context, request: ChatRequest) -> Result<ChatReply, RunError> {
        if !request.tools.is_empty() {
            let message =
                "this model takes one text and cannot call tools: choose a chat model for the agent";
            return Err(RunError::new(ErrorKind::Flow, message));
        }
        let mut parameters = self.parameters.clone();
        if self.work == Work::Generation {
            parameters.insert("return_full_text".to_owned(), false.into());
        }
        if !request.stop.is_empty() {
            parameters.insert("stop".to_owned(), json!(request.stop));
        }
        let body = json!({"inputs": as_text(request.messages), "parameters": parameters});
        self.task.service.post(cx, "model", &self.task.url, &body, Reply::read).await
    }
}

/// A list of one, from the inference service; the thing itself, from a server.
#[derive(Deserialize)]
#[serde(untagged)]
enum Reply {
    List(Vec<Text>),
    One(Text),
}

#[derive(Deserialize)]
struct Text {
    generated_text: Option<String>,
    summary_text: Option<String>,
}

impl Reply {
    /// The text. The protocol counts no tokens.
    fn read(self) -> Option<(ChatReply, Usage)> {
        let only = match self {
            Self::List(list) => list.into_iter().next()?,
            Self::One(only) => only,
        };
        let text = only.generated_text.or(only.summary_text)?;
        let usage = Usage::default();
        Some((ChatReply { text, tool_calls: Vec::new(), usage }, usage))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn older_addresses_are_todays() {
        let today = "https://router.huggingface.co/hf-inference/models";
        let cases = [
            ("https://api-inference.huggingface.co/models/", today.to_owned()),
            ("https://api-inference.huggingface.co/models/a/b", format!("{today}/a/b")),
            ("https://own.example/", "https://own.example".to_owned()),
        ];
        for (url, expected) in cases {
            assert_eq!(current(url), expected);
        }
    }

    #[test]
    fn names_of_the_hub_are_one_or_two_words() {
        for name in ["gpt2", "BAAI/bge-large-en-v1.5"] {
            assert_eq!(hub_name(name).unwrap(), name);
        }
        for name in ["", "a/b/c", "../x", "a/..", "a b", "a?x"] {
            assert!(hub_name(name).is_err(), "{name}");
        }
    }

    #[test]
    fn tasks_have_names() {
        assert_eq!(Work::named("summarization").unwrap(), Work::Summary);
        assert_eq!(Work::named("translation").unwrap_err().kind, ErrorKind::Flow);
    }
}
