//! What a vertex can offer instead of data.

mod chain;
mod memory;
mod model;
mod retrieval;
mod tool;

use std::any::Any;
use std::fmt::Debug;
use std::sync::Arc;

use serde_json::{Value as Json, json};

pub use chain::{Chain, ChainCall};
pub use memory::{Memory, MemoryKeys, Turn};
pub use model::{
    ChatMessage, ChatModel, ChatReply, ChatRequest, Embedder, Role, ToolCall, ToolForm, ToolSpec, Usage,
};
pub use retrieval::{DEFAULT_K, Found, Nearest, Retriever, Search, SearchKind, VectorStore};
pub use tool::{Tool, ToolInput, one_text_parameters};

use crate::prompt::Prompt;

/// Something that can be called later, by the vertex it is wired into or at the end of a 0.x run.
#[derive(Debug, Clone)]
pub enum Capability {
    /// A language model.
    ChatModel(Arc<dyn ChatModel>),
    /// A model that turns texts into vectors.
    Embedder(Arc<dyn Embedder>),
    /// A conversation memory.
    Memory(Arc<dyn Memory>),
    /// A prompt with open variables.
    Prompt(Arc<Prompt>),
    /// A chain: inputs by name in, outputs by name out. An agent is one.
    Chain(Arc<dyn Chain>),
    /// A tool that an agent may call.
    Tool(Arc<dyn Tool>),
    /// Finds documents.
    Retriever(Arc<dyn Retriever>),
    /// Keeps documents by their vectors, and finds them.
    VectorStore(Arc<dyn VectorStore>),
    /// What only components know.
    Object(Arc<dyn Object>),
}

/// Something that one component hands to another and the engine knows nothing about: a database, a schema.
pub trait Object: Any + Debug + Send + Sync {
    /// The kind, for an error message, such as `a database`.
    fn kind(&self) -> &'static str;
    /// What can be said of it as data, without secrets.
    fn describe(&self) -> Json;
}

impl Capability {
    /// The kind, for an error message.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::ChatModel(_) => "a language model",
            Self::Embedder(_) => "an embedding model",
            Self::Memory(_) => "a memory",
            Self::Prompt(_) => "a prompt",
            Self::Chain(_) => "a chain",
            Self::Tool(_) => "a tool",
            Self::Retriever(_) => "a retriever",
            Self::VectorStore(_) => "a vector store",
            Self::Object(object) => object.kind(),
        }
    }

    /// What can be said of it as data.
    pub fn describe(&self) -> Json {
        match self {
            Self::ChatModel(model) => json!({"language_model": model.name()}),
            Self::Embedder(embedder) => json!({"embedding_model": embedder.identity()}),
            Self::Memory(memory) => json!({"memory": memory.keys().memory}),
            Self::Prompt(prompt) => json!({"prompt": prompt.variables()}),
            Self::Chain(chain) => {
                json!({"chain": {"inputs": chain.input_keys(), "outputs": chain.output_keys()}})
            }
            Self::Tool(tool) => json!({"tool": tool.name()}),
            Self::Retriever(_) => json!({"retriever": {}}),
            Self::VectorStore(_) => json!({"vector_store": {}}),
            Self::Object(object) => object.describe(),
        }
    }
}
