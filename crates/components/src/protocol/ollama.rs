//! Ollama's own API.

use std::sync::Arc;

use async_trait::async_trait;
use millrace_engine::{
    ChatMessage, ChatModel, ChatReply, ChatRequest, Context, RunError, ToolCall, ToolSpec, Usage,
};
use serde::Deserialize;
use serde_json::{Map, Value as Json, json};

use super::account::House;
use super::openai::Settings;
use super::service::Service;
use super::turns::arguments;

/// It has no keys. Its usual address is the machine that it runs on, which is reached only where the
/// operator allows it.
pub(crate) const HOUSE: House = House {
    base: "http://localhost:11434",
    base_variables: &["OLLAMA_BASE_URL", "OLLAMA_HOST"],
    key_variables: &[],
};

/// Where Ollama answers.
#[derive(Debug, Clone)]
pub(crate) struct Ollama {
    base: String,
    service: Service,
}

impl Ollama {
    /// Resolves what a node leaves open.
    pub async fn of(cx: &Context, kind: &str, settings: Settings) -> Result<Self, RunError> {
        let account = HOUSE.account(cx, settings.base, None).await?;
        let service =
            Service::new(cx, kind, "Ollama's protocol").timeout(settings.timeout)?.retries(settings.retries);
        Ok(Self { base: account.base.trim_end_matches("/v1").to_owned(), service })
    }

    /// The service, and the address of one of its paths.
    pub fn at(&self, path: &str) -> (&Service, String) {
        (&self.service, format!("{}{path}", self.base))
    }

    /// Who is called: for what must tell one from another.
    pub fn host(&self) -> String {
        super::service::host(&self.base)
    }
}

/// How a model is sampled: the options of the API by their names.
#[derive(Debug, Default)]
pub(crate) struct Fields {
    pub model: String,
    /// `json` for an answer that is JSON.
    pub format: Option<String>,
    /// Instructions for conversations that have none of their own.
    pub system: Option<String>,
    pub stop: Vec<String>,
    /// `Disabled`, `Mirostat` or `Mirostat 2.0`.
    pub mirostat: Option<String>,
    /// Only sent with a mirostat.
    pub mirostat_eta: Option<f64>,
    /// Only sent with a mirostat.
    pub mirostat_tau: Option<f64>,
    /// More options, those that are not null.
    pub options: Vec<(&'static str, Option<Json>)>,
    /// More options still, which replace those.
    pub more: Option<Map<String, Json>>,
}

impl Fields {
    fn options(&self) -> Map<String, Json> {
        let version = match self.mirostat.as_deref() {
            Some("Mirostat") => Some(1),
            Some("Mirostat 2.0") => Some(2),
            _ => None,
        };
        let with = |number: Option<f64>| version.and(number).map(Json::from);
        let mirostat = [
            ("mirostat", version.map(Json::from)),
            ("mirostat_eta", with(self.mirostat_eta)),
            ("mirostat_tau", with(self.mirostat_tau)),
        ];
        let all = self.options.iter().cloned().chain(mirostat);
        let given = all.filter_map(|(name, value)| Some((name.to_owned(), value?)));
        given.chain(self.more.iter().flatten().map(|(name, value)| (name.clone(), value.clone()))).collect()
    }
}

/// A chat model.
pub(crate) fn model(ollama: Ollama, fields: Fields) -> Arc<dyn ChatModel> {
    let options = fields.options();
    Arc::new(OllamaChat { ollama, fields, options })
}

#[derive(Debug)]
struct OllamaChat {
    ollama: Ollama,
    fields: Fields,
    options: Map<String, Json>,
}

#[async_trait]
impl ChatModel for OllamaChat {
    fn name(&self) -> &str {
        &self.fields.model
    }

    async fn generate(&self, cx: &Context, request: ChatRequest) -> Result<ChatReply, RunError> {
        let mut messages: Vec<Json> = request.messages.iter().map(message).collect();
        let instructed = request.messages.iter().any(|message| message.role == millrace_engine::Role::System);
        if let Some(system) = self.fields.system.as_ref().filter(|_| !instructed) {
            messages.insert(0, json!({"role": "system", "content": system}));
        }
        let mut options = self.options.clone();
        let stop = if request.stop.is_empty() { &self.fields.stop } else { &request.stop };
        if !stop.is_empty() {
            options.insert("stop".to_owned(), json!(stop));
        }
        let mut body =
            json!({"model": self.fields.model, "messages": messages, "stream": false, "options": options});
        if let Some(format) = &self.fields.format {
            body["format"] = json!(format);
        }
        if !request.tools.is_empty() {
            let tool = |tool: &ToolSpec| json!({"type": "function", "function": tool});
            body["tools"] = request.tools.iter().map(tool).collect();
        }
        let (service, url) = self.ollama.at("/api/chat");
        service.post(cx, "model", &url, &body, Reply::read).await
    }
}

fn message(message: &ChatMessage) -> Json {
    if let Some(call) = &message.answers {
        return json!({"role": "tool", "tool_name": call.name, "content": message.content});
    }
    let mut sent = json!({"role": message.role, "content": message.content});
    if !message.tool_calls.is_empty() {
        let call = |call: &ToolCall| json!({"function": {"name": call.name, "arguments": arguments(call)}});
        sent["tool_calls"] = message.tool_calls.iter().map(call).collect();
    }
    sent
}

#[derive(Deserialize)]
struct Reply {
    message: ReplyMessage,
    #[serde(default)]
    prompt_eval_count: u64,
    #[serde(default)]
    eval_count: u64,
}

#[derive(Deserialize)]
struct ReplyMessage {
    #[serde(default)]
    content: String,
    #[serde(default)]
    tool_calls: Vec<ReplyToolCall>,
}

#[derive(Deserialize)]
struct ReplyToolCall {
    function: ReplyFunction,
}

#[derive(Deserialize)]
struct ReplyFunction {
    name: String,
    #[serde(default)]
    arguments: Json,
}

impl Reply {
    fn read(self) -> Option<(ChatReply, Usage)> {
        let usage = Usage { input: self.prompt_eval_count, output: self.eval_count };
        let call = |call: ReplyToolCall| {
            let arguments = call.function.arguments;
            let arguments = if arguments.is_null() { "{}".to_owned() } else { arguments.to_string() };
            // The protocol has no ids.
            ToolCall { id: String::new(), name: call.function.name, arguments }
        };
        let tool_calls = self.message.tool_calls.into_iter().map(call).collect();
        Some((ChatReply { text: self.message.content, tool_calls, usage }, usage))
    }
}
