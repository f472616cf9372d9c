//! Language models and embedding models: what is asked and what comes back, in no provider's own form.

use std::fmt::Debug;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::context::Context;
use crate::error::RunError;

/// Who speaks, as the OpenAI protocol names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Instructions.
    System,
    /// The person.
    User,
    /// The model.
    Assistant,
    /// What a tool gave back.
    Tool,
}

/// One message to or from a model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChatMessage {
    /// Who speaks.
    pub role: Role,
    /// The text.
    pub content: String,
    /// The tools that the model wants called; only in messages of [`Role::Assistant`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tool_calls: Vec<ToolCall>,
    /// The call that this is the result of; only in messages of [`Role::Tool`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answers: Option<ToolCall>,
}

impl ChatMessage {
    /// A text that someone says.
    pub fn new(role: Role, content: impl Into<String>) -> Self {
        Self { role, content: content.into(), tool_calls: Vec::new(), answers: None }
    }

    /// What a tool gave back to a call.
    pub fn tool_result(call: ToolCall, content: impl Into<String>) -> Self {
        Self { answers: Some(call), ..Self::new(Role::Tool, content) }
    }
}

/// A tool as a model is told of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ToolSpec {
    /// The name that calls it.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// Its arguments, as a JSON schema of an object.
    pub parameters: Json,
}

/// A model's wish to call a tool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolCall {
    /// The provider's id for it; empty where the protocol has none (OpenAI's older function calls).
    #[serde(default)]
    pub id: String,
    /// The tool.
    pub name: String,
    /// The arguments as the model wrote them: JSON, it is hoped.
    pub arguments: String,
}

/// In which of OpenAI's two forms tools are offered; other protocols have one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ToolForm {
    /// `tools` and `tool_calls`.
    #[default]
    Tools,
    /// `functions` and `function_call`, which the agents of 0.x use.
    Functions,
}

/// A call of a model.
#[derive(Debug, Clone, Default)]
pub struct ChatRequest {
    /// The conversation, oldest first.
    pub messages: Vec<ChatMessage>,
    /// Texts at which the model stops.
    pub stop: Vec<String>,
    /// Tools that the model may call.
    pub tools: Vec<ToolSpec>,
    /// How they are offered.
    pub tool_form: ToolForm,
}

impl ChatRequest {
    /// A conversation and nothing else.
    pub fn of(messages: Vec<ChatMessage>) -> Self {
        Self { messages, ..Self::default() }
    }
}

/// Tokens of one or more calls.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Tokens read.
    pub input: u64,
    /// Tokens written.
    pub output: u64,
}

impl std::ops::AddAssign for Usage {
    fn add_assign(&mut self, other: Self) {
        self.input += other.input;
        self.output += other.output;
    }
}

/// A model's answer.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ChatReply {
    /// The text.
    pub text: String,
    /// The tools that the model wants called.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tool_calls: Vec<ToolCall>,
    /// What the provider counted; zero where it said nothing.
    #[serde(default)]
    pub usage: Usage,
}

/// A language model, chat or completion.
#[async_trait]
pub trait ChatModel: Debug + Send + Sync {
    /// The model's name as the provider knows it.
    fn name(&self) -> &str;
    /// One call. Goes through [`Context::effect`].
    async fn generate(&self, cx: &Context, request: ChatRequest) -> Result<ChatReply, RunError>;
}

/// A model that turns texts into vectors.
#[async_trait]
pub trait Embedder: Debug + Send + Sync {
    /// What two embedders share exactly if their vectors can be compared: provider, address, model, size.
    /// Without secrets: indexes are filed under it.
    fn identity(&self) -> String;
    /// The vectors of documents, in order. Goes through [`Context::effect`], one effect for each request.
    async fn embed_documents(&self, cx: &Context, texts: &[String]) -> Result<Vec<Vec<f32>>, RunError>;
    /// The vector of a question.
    async fn embed_query(&self, cx: &Context, text: &str) -> Result<Vec<f32>, RunError>;
}
