//! Anthropic's Messages API, version 2023-06-01.

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
use super::turns::{Turn, arguments, call_id, turns};

pub(crate) const HOUSE: House = House {
    base: "https://api.anthropic.com",
    base_variables: &["ANTHROPIC_API_URL", "ANTHROPIC_BASE_URL"],
    key_variables: &["ANTHROPIC_API_KEY"],
};

/// The version of the API that requests are written for.
const VERSION: &str = "2023-06-01";

/// Tokens of an answer where a node names no limit: the API demands one.
const MAX_TOKENS: u32 = 1024;

/// The fields of a call; what is `None` is left to the provider.
#[derive(Debug, Default)]
pub(crate) struct Fields {
    pub model: String,
    /// 0 and `None` for 1024.
    pub max_tokens: Option<u32>,
    pub temperature: Option<f64>,
    pub top_k: Option<u32>,
    pub top_p: Option<f64>,
    /// How the answer begins.
    pub prefill: Option<String>,
    /// More fields, which replace those above.
    pub more: Option<Map<String, Json>>,
}

#[derive(Debug)]
struct Anthropic {
    url: String,
    service: Service,
    model: String,
    fields: Map<String, Json>,
    prefill: Option<String>,
}

/// A model for a node of this type.
pub(crate) async fn model(
    cx: &Context,
    kind: &str,
    settings: Settings,
    fields: Fields,
) -> Result<Arc<dyn ChatModel>, RunError> {
    // The address is the API's root; some write the version behind it.
    let base = settings.base.map(|base| base.trim().trim_end_matches('/').trim_end_matches("/v1").to_owned());
    let account = HOUSE.account(cx, base, settings.key).await?;
    let service = Service::new(cx, kind, "Anthropic's protocol")
        .timeout(settings.timeout)?
        .retries(settings.retries)
        .header("anthropic-version", VERSION);
    let service = match &account.key {
        Some(key) => service.secret("x-api-key", "", key),
        None => service,
    };
    let limit = fields.max_tokens.filter(|tokens| *tokens > 0).unwrap_or(MAX_TOKENS);
    let optional = [
        ("model", Some(json!(fields.model))),
        ("max_tokens", Some(json!(limit))),
        ("temperature", fields.temperature.map(Json::from)),
        ("top_k", fields.top_k.map(Json::from)),
        ("top_p", fields.top_p.map(Json::from)),
    ];
    let mut sent: Map<String, Json> =
        optional.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect();
    sent.extend(fields.more.unwrap_or_default());
    let model = sent.get("model").and_then(Json::as_str).unwrap_or_default().to_owned();
    let url = format!("{}/v1/messages", account.base);
    Ok(Arc::new(Anthropic { url, service, model, fields: sent, prefill: fields.prefill }))
}

#[async_trait]
impl ChatModel for Anthropic {
    fn name(&self) -> &str {
        &self.model
    }

    async fn generate(&self, cx: &Context, request: ChatRequest) -> Result<ChatReply, RunError> {
        let mut body = self.fields.clone();
        let (system, turns) = turns(&request.messages);
        let mut messages: Vec<Json> = turns.iter().map(message).collect();
        if let Some(prefill) = &self.prefill {
            messages.push(json!({"role": "assistant", "content": [{"type": "text", "text": prefill}]}));
        }
        body.insert("messages".to_owned(), messages.into());
        if let Some(system) = system {
            body.insert("system".to_owned(), system.into());
        }
        if !request.stop.is_empty() {
            body.insert("stop_sequences".to_owned(), json!(request.stop));
        }
        if !request.tools.is_empty() {
            let tool = |tool: &ToolSpec| json!({"name": tool.name, "description": tool.description, "input_schema": tool.parameters});
            body.insert("tools".to_owned(), request.tools.iter().map(tool).collect());
        }
        self.service.post(cx, "model", &self.url, &Json::Object(body), Reply::read).await
    }
}

fn message(turn: &Turn<'_>) -> Json {
    let role = if turn.model { "assistant" } else { "user" };
    json!({"role": role, "content": turn.messages.iter().flat_map(|message| blocks(message)).collect::<Vec<_>>()})
}

/// A message as blocks: a text without anything in it is none, the API refuses it.
fn blocks(message: &ChatMessage) -> Vec<Json> {
    if let Some(call) = &message.answers {
        return vec![
            json!({"type": "tool_result", "tool_use_id": call_id(call), "content": message.content}),
        ];
    }
    let text = Some(&message.content).filter(|text| !text.is_empty());
    let text = text.map(|text| json!({"type": "text", "text": text}));
    let call = |call: &ToolCall| json!({"type": "tool_use", "id": call_id(call), "name": call.name, "input": arguments(call)});
    text.into_iter().chain(message.tool_calls.iter().map(call)).collect()
}

#[derive(Deserialize)]
struct Reply {
    content: Vec<Block>,
    usage: Option<TokenUsage>,
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Block {
    Text {
        text: String,
    },
    ToolUse {
        id: String,
        name: String,
        input: Json,
    },
    /// What is not asked for: thoughts, searches.
    #[serde(other)]
    Other,
}

#[derive(Default, Deserialize)]
struct TokenUsage {
    #[serde(default)]
    input_tokens: u64,
    #[serde(default)]
    cache_creation_input_tokens: Option<u64>,
    #[serde(default)]
    cache_read_input_tokens: Option<u64>,
    #[serde(default)]
    output_tokens: u64,
}

impl Reply {
    /// The answer; `None` where it has no content at all.
    fn read(self) -> Option<(ChatReply, Usage)> {
        let counted = self.usage.unwrap_or_default();
        let cached =
            counted.cache_creation_input_tokens.unwrap_or(0) + counted.cache_read_input_tokens.unwrap_or(0);
        let usage = Usage { input: counted.input_tokens + cached, output: counted.output_tokens };
        let mut reply = ChatReply { text: String::new(), tool_calls: Vec::new(), usage };
        for block in self.content {
            match block {
                Block::Text { text } => reply.text.push_str(&text),
                Block::ToolUse { id, name, input } => {
                    reply.tool_calls.push(ToolCall { id, name, arguments: input.to_string() });
                }
                Block::Other => {}
            }
        }
        Some((reply, usage))
    }
}
