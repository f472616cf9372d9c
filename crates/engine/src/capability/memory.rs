//! Conversation memories of the 0.x dialect.

use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Map, Value as Json};

use crate::context::Context;
use crate::error::RunError;

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

/// An exchange, as a chain hands it to its memory.
#[derive(Debug, Clone, Copy)]
pub struct Turn<'a> {
    /// What the person said.
    pub input: &'a str,
    /// What the model said.
    pub output: &'a str,
    /// What the chain was called with, by name.
    pub inputs: &'a Map<String, Json>,
    /// What the chain answers, by name.
    pub outputs: &'a Map<String, Json>,
    /// What [`Memory::recall`] gave for this exchange.
    pub recalled: &'a Map<String, Json>,
}

/// A conversation memory of the 0.x dialect.
///
/// Chains and agents call [`Memory::recall`] and [`Memory::keep`]; a memory that is nothing but a history
/// writes [`Memory::load`] and [`Memory::save`] and leaves those as they are.
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

    /// All variables that it fills: the history, and what else it knows.
    fn variables(&self) -> Vec<String> {
        vec![self.keys().memory.clone()]
    }

    /// The values of its variables, in view of what the person says now.
    async fn recall(&self, cx: &Context, _input: &str) -> Result<Map<String, Json>, RunError> {
        Ok(Map::from_iter([(self.keys().memory.clone(), self.load(cx).await?)]))
    }

    /// Keeps an exchange.
    async fn keep(&self, cx: &Context, turn: Turn<'_>) -> Result<(), RunError> {
        self.save(cx, turn.input, turn.output).await
    }
}
