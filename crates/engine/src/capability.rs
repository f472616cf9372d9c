//! What a vertex can offer instead of data.

use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json, json};

use crate::context::Context;
use crate::error::RunError;
use crate::prompt::Prompt;

/// Something that can be called later, by the vertex it is wired into or at the end of a 0.x run.
#[derive(Debug, Clone)]
pub enum Capability {
    /// A language model.
    ChatModel(Arc<dyn ChatModel>),
    /// A conversation memory.
    Memory(Arc<dyn Memory>),
    /// A prompt with open variables.
    Prompt(Arc<Prompt>),
    /// A chain: inputs by name in, outputs by name out.
    Chain(Arc<dyn Chain>),
}

impl Capability {
    /// The kind, for an error message.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::ChatModel(_) => "a language model",
            Self::Memory(_) => "a memory",
            Self::Prompt(_) => "a prompt",
            Self::Chain(_) => "a chain",
        }
    }

    /// What can be said of it as data.
    pub fn describe(&self) -> Json {
        match self {
            Self::ChatModel(model) => json!({"language_model": model.name()}),
            Self::Memory(memory) => json!({"memory": memory.keys().memory}),
            Self::Prompt(prompt) => json!({"prompt": prompt.variables()}),
            Self::Chain(chain) => {
                json!({"chain": {"inputs": chain.input_keys(), "outputs": chain.output_keys()}})
            }
        }
    }
}

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
}

/// One message to or from a model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChatMessage {
    /// Who speaks.
    pub role: Role,
    /// The text.
    pub content: String,
}

/// A call of a model.
#[derive(Debug, Clone, Default)]
pub struct ChatRequest {
    /// The conversation, oldest first.
    pub messages: Vec<ChatMessage>,
    /// Texts at which the model stops.
    pub stop: Vec<String>,
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

/// The names a memory reads and writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemoryKeys {
    /// The prompt variable that the history fills.
    pub memory: String,
    /// The chain input that is the person's turn; found by elimination when absent.
    pub input: Option<String>,
    /// The chain output that is the model's turn; the only one when absent.
    pub output: Option<String>,
}

/// A conversation memory of the 0.x dialect.
#[async_trait]
pub trait Memory: Debug + Send + Sync {
    /// The names it reads and writes.
    fn keys(&self) -> &MemoryKeys;
    /// The same memory under other names (Langflow repairs `history` and `chat_history`, contract 2.7).
    fn with_keys(&self, keys: MemoryKeys) -> Arc<dyn Memory>;
    /// The history, as the prompt variable's value: text, or a list of `{role, content}` messages.
    async fn load(&self, cx: &Context) -> Result<Json, RunError>;
    /// Adds a turn.
    async fn save(&self, cx: &Context, input: &str, output: &str) -> Result<(), RunError>;
}

/// What a chain answers.
#[derive(Debug, Clone, Default)]
pub struct ChainCall {
    /// What the memory put in. Answered only for a list of inputs (contract 1.5).
    pub memory: Map<String, Json>,
    /// The outputs by name.
    pub outputs: Map<String, Json>,
}

/// A chain of the 0.x dialect.
#[async_trait]
pub trait Chain: Debug + Send + Sync {
    /// The inputs that a caller has to give: without what memory and wiring fill.
    fn input_keys(&self) -> Vec<String>;
    /// The outputs by name.
    fn output_keys(&self) -> Vec<String>;
    /// One call with these inputs.
    async fn call(&self, cx: &Context, inputs: Map<String, Json>) -> Result<ChainCall, RunError>;
}
