//! Cohere's API, version 2.

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
use super::turns::call_id;

pub(crate) const HOUSE: House = House {
    base: "https://api.cohere.com",
    base_variables: &["CO_API_URL"],
    key_variables: &["COHERE_API_KEY", "CO_API_KEY"],
};

/// The model where a node names none: version 2 of the API demands one.
pub(crate) const MODEL: &str = "command-a-03-2025";

/// Where Cohere answers.
#[derive(Debug, Clone)]
pub(crate) struct Cohere {
    base: String,
    service: Service,
}

impl Cohere {
    /// Resolves what a node leaves open.
    pub async fn of(cx: &Context, kind: &str, settings: Settings) -> Result<Self, RunError> {
        let account = HOUSE.account(cx, settings.base, settings.key).await?;
        let service =
            Service::new(cx, kind, "Cohere's protocol").timeout(settings.timeout)?.retries(settings.retries);
        let service = match &account.key {
            Some(key) => service.secret("authorization", "Bearer ", key),
            None => service,
        };
        Ok(Self { base: account.base, service })
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

/// A chat model that is called with these fields; `model` among them is its name.
pub(crate) fn model(cohere: Cohere, fields: Map<String, Json>) -> Arc<dyn ChatModel> {
    Arc::new(CohereChat { cohere, fields })
}

#[derive(Debug)]
struct CohereChat {
    cohere: Cohere,
    fields: Map<String, Json>,
}

#[async_trait]
impl ChatModel for CohereChat {
    fn name(&self) -> &str {
        self.fields.get("model").and_then(Json::as_str).unwrap_or_default()
    }

    async fn generate(&self, cx: &Context, request: ChatRequest) -> Result<ChatReply, RunError> {
        let mut body = self.fields.clone();
        body.insert("messages".to_owned(), request.messages.iter().map(message).collect());
        body.insert("stream".to_owned(), false.into());
        if !request.stop.is_empty() {
            body.insert("stop_sequences".to_owned(), json!(request.stop));
        }
        if !request.tools.is_empty() {
            let tool = |tool: &ToolSpec| json!({"type": "function", "function": tool});
            body.insert("tools".to_owned(), request.tools.iter().map(tool).collect());
        }
        let (service, url) = self.cohere.at("/v2/chat");
        service.post(cx, "model", &url, &Json::Object(body), Reply::read).await
    }
}

fn message(message: &ChatMessage) -> Json {
    if let Some(call) = &message.answers {
        return json!({"role": "tool", "tool_call_id": call_id(call), "content": message.content});
    }
    if message.tool_calls.is_empty() {
        return json!({"role": message.role, "content": message.content});
    }
    let call = |call: &ToolCall| {
        let function = json!({"name": call.name, "arguments": call.arguments});
        json!({"id": call_id(call), "type": "function", "function": function})
    };
    let calls: Vec<Json> = message.tool_calls.iter().map(call).collect();
    json!({"role": "assistant", "tool_plan": message.content, "tool_calls": calls})
}

#[derive(Deserialize)]
struct Reply {
    message: ReplyMessage,
    usage: Option<ReplyUsage>,
}

#[derive(Deserialize)]
struct ReplyMessage {
    content: Option<Vec<Block>>,
    tool_calls: Option<Vec<ReplyToolCall>>,
    tool_plan: Option<String>,
}

#[derive(Deserialize)]
struct Block {
    text: Option<String>,
}

#[derive(Deserialize)]
struct ReplyToolCall {
    #[serde(default)]
    id: String,
    function: ReplyFunction,
}

#[derive(Deserialize)]
struct ReplyFunction {
    name: String,
    #[serde(default)]
    arguments: String,
}

#[derive(Deserialize)]
struct ReplyUsage {
    tokens: Option<Tokens>,
    billed_units: Option<Tokens>,
}

/// Numbers with a fraction in the API's own schema.
#[derive(Clone, Copy, Default, Deserialize)]
pub(crate) struct Tokens {
    #[serde(default)]
    input_tokens: f64,
    #[serde(default)]
    output_tokens: f64,
}

impl From<Tokens> for Usage {
    fn from(tokens: Tokens) -> Self {
        Self { input: tokens.input_tokens as u64, output: tokens.output_tokens as u64 }
    }
}

impl Reply {
    /// The answer; `None` where there is neither text nor call in it.
    fn read(self) -> Option<(ChatReply, Usage)> {
        let usage =
            self.usage.and_then(|usage| usage.tokens.or(usage.billed_units)).unwrap_or_default().into();
        let calls = self.message.tool_calls.unwrap_or_default();
        let tool_calls: Vec<_> = calls
            .into_iter()
            .map(|call| ToolCall {
                id: call.id,
                name: call.function.name,
                arguments: call.function.arguments,
            })
            .collect();
        let text = match self.message.content {
            Some(blocks) => blocks.into_iter().filter_map(|block| block.text).collect(),
            None if tool_calls.is_empty() => return None,
            None => self.message.tool_plan.unwrap_or_default(),
        };
        Some((ChatReply { text, tool_calls, usage }, usage))
    }
}
