//! Conversation memories of the 0.x dialect.

use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::Value as Json;

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
