//! ConversationBufferWindowMemory: the newest exchanges of a conversation (0.x).

use std::sync::Arc;

use millrace_engine::{
    Capability, Component, Context, Default, Entry, Example, MemoryKeys, Outputs, RunError, Spec, Value,
    flag, handles, integer, message, output, text,
};
use serde::Deserialize;

use super::buffer::TurnMemory;
use super::postgres::PostgresHistory;
use super::turns::Shown;

/// The node's fields.
#[derive(Deserialize)]
pub(crate) struct WindowMemory {
    chat_memory: Option<handles::Object<PostgresHistory>>,
    k: u32,
    memory_key: String,
    input_key: Option<String>,
    output_key: Option<String>,
    return_messages: bool,
    human_prefix: String,
    ai_prefix: String,
}

impl Component for WindowMemory {
    const SPEC: Spec = Spec {
        names: &["ConversationBufferWindowMemory"],
        about: "Remembers the newest exchanges of a session.",
        inputs: &[
            message("chat_memory", "Where the messages are kept; with the session if nothing is wired."),
            integer("k", "How many exchanges.").or(Default::Integer(10)),
            text("memory_key", "The prompt variable that it fills.").or(Default::Text("chat_history")),
            text("input_key", "The input that is the person's turn, where there are several."),
            text("output_key", "The output that is the model's turn, where there are several."),
            flag("return_messages", "As messages rather than as text.").or(Default::Flag(false)),
            text("human_prefix", "The person's name in the text.").or(Default::Text("Human")),
            text("ai_prefix", "The model's name in the text.").or(Default::Text("AI")),
        ],
        outputs: &[output("memory")],
        examples: &[Example {
            title: "k may be written as text",
            inputs: r#"{"k": "3", "memory_key": "history"}"#,
            output: r#"{"memory": {"memory": "history"}}"#,
        }],
        ..Spec::SUPPORTED
    };

    async fn run(self, cx: &Context) -> Result<Outputs, RunError> {
        let keys = MemoryKeys { memory: self.memory_key, input: self.input_key, output: self.output_key };
        let shown = Shown { human: self.human_prefix, ai: self.ai_prefix, messages: self.return_messages };
        let kept = self.chat_memory.map(|history| history.0);
        let memory = TurnMemory::new(cx.vertex_id(), keys).shown(shown, Some(self.k)).kept_in(kept);
        Ok(Outputs::one("memory", Value::Capability(Capability::Memory(Arc::new(memory)))))
    }
}

pub(crate) const ENTRY: Entry = Entry::of::<WindowMemory>();
