//! ConversationBufferMemory: the whole conversation, as text or messages (0.x).

use std::sync::Arc;

use async_trait::async_trait;
use millrace_engine::{
    Capability, ChatMessage, Component, Context, Default, Entry, Example, Memory, MemoryKeys, Outputs,
    RunError, Spec, Value, flag, handles, message, output, text,
};
use serde::Deserialize;
use serde_json::Value as Json;

use super::postgres::PostgresHistory;
use super::turns::{Exchange, Shown};

/// The node's fields.
#[derive(Deserialize)]
pub(crate) struct BufferMemory {
    chat_memory: Option<handles::Object<PostgresHistory>>,
    memory_key: String,
    input_key: Option<String>,
    output_key: Option<String>,
    return_messages: bool,
    human_prefix: String,
    ai_prefix: String,
}

impl Component for BufferMemory {
    const SPEC: Spec = Spec {
        names: &["ConversationBufferMemory"],
        about: "Remembers the whole conversation of a session.",
        inputs: &[
            message("chat_memory", "Where the messages are kept; with the session if nothing is wired."),
            text("memory_key", "The prompt variable that it fills.").or(Default::Text("chat_history")),
            text("input_key", "The input that is the person's turn, where there are several."),
            text("output_key", "The output that is the model's turn, where there are several."),
            flag("return_messages", "As messages rather than as text.").or(Default::Flag(false)),
            text("human_prefix", "The person's name in the text.").or(Default::Text("Human")),
            text("ai_prefix", "The model's name in the text.").or(Default::Text("AI")),
        ],
        outputs: &[output("memory")],
        examples: &[Example {
            title: "the default name",
            inputs: r#"{"input_key": ""}"#,
            output: r#"{"memory": {"memory": "chat_history"}}"#,
        }],
        ..Spec::SUPPORTED
    };

    async fn run(self, cx: &Context) -> Result<Outputs, RunError> {
        let keys = MemoryKeys { memory: self.memory_key, input: self.input_key, output: self.output_key };
        let shown = Shown { human: self.human_prefix, ai: self.ai_prefix, messages: self.return_messages };
        let kept = self.chat_memory.map(|history| history.0);
        let memory = TurnMemory::new(cx.vertex_id(), keys).shown(shown, None).kept_in(kept);
        Ok(Outputs::one("memory", Value::Capability(Capability::Memory(Arc::new(memory)))))
    }
}

/// A memory over the turns of a session: all of them, or the newest.
#[derive(Debug, Clone)]
pub(crate) struct TurnMemory {
    /// The vertex whose memory it is: two memories of one flow keep their turns apart.
    vertex: String,
    keys: MemoryKeys,
    shown: Shown,
    /// Exchanges read at most.
    newest: Option<u32>,
    /// Where the messages are kept, if not with the session.
    elsewhere: Option<Arc<PostgresHistory>>,
}

impl TurnMemory {
    pub fn new(vertex: &str, keys: MemoryKeys) -> Self {
        let (vertex, shown) = (vertex.to_owned(), Shown::default());
        Self { vertex, keys, shown, newest: None, elsewhere: None }
    }

    /// The same memory, shown in this way, of at most so many exchanges.
    pub fn shown(self, shown: Shown, newest: Option<u32>) -> Self {
        Self { shown, newest, ..self }
    }

    /// The same memory, kept there instead of with the session.
    pub fn kept_in(self, elsewhere: Option<Arc<PostgresHistory>>) -> Self {
        Self { elsewhere, ..self }
    }

    /// The messages, oldest first. Entries that are no exchange are passed over.
    pub async fn messages(&self, cx: &Context) -> Result<Vec<ChatMessage>, RunError> {
        if self.newest == Some(0) {
            return Ok(Vec::new());
        }
        let cx = cx.scope(&self.vertex);
        if let Some(elsewhere) = &self.elsewhere {
            return elsewhere.messages(&cx, self.newest).await;
        }
        let turns = cx.turns(&self.vertex, self.newest).await?;
        let exchanges = turns.into_iter().filter_map(|turn| serde_json::from_value::<Exchange>(turn).ok());
        Ok(exchanges.flat_map(Exchange::into_messages).collect())
    }
}

#[async_trait]
impl Memory for TurnMemory {
    fn keys(&self) -> &MemoryKeys {
        &self.keys
    }

    fn with_keys(&self, keys: MemoryKeys) -> Arc<dyn Memory> {
        Arc::new(Self { keys, ..self.clone() })
    }

    async fn load(&self, cx: &Context) -> Result<Json, RunError> {
        Ok(self.shown.history(&self.messages(cx).await?))
    }

    async fn save(&self, cx: &Context, input: &str, output: &str) -> Result<(), RunError> {
        let turn = Exchange { input: input.to_owned(), output: output.to_owned() };
        let cx = cx.scope(&self.vertex);
        match &self.elsewhere {
            Some(elsewhere) => elsewhere.append(&cx, turn).await,
            None => cx.append_turn(&self.vertex, "", serde_json::json!(turn)).await,
        }
    }
}

pub(crate) const ENTRY: Entry = Entry::of::<BufferMemory>();
