//! Turns of a 0.x conversation, as they are kept and as a prompt reads them.

use millrace_engine::{ChatMessage, Role};
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

/// One exchange.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Exchange {
    pub input: String,
    pub output: String,
}

/// How a history is shown in a prompt.
#[derive(Debug, Clone)]
pub(crate) struct Shown {
    pub human: String,
    pub ai: String,
    /// As messages rather than as lines of text.
    pub messages: bool,
}

impl Default for Shown {
    fn default() -> Self {
        Self { human: "Human".to_owned(), ai: "AI".to_owned(), messages: false }
    }
}

impl Exchange {
    /// What was said, oldest first.
    pub fn into_messages(self) -> [ChatMessage; 2] {
        [ChatMessage::new(Role::User, self.input), ChatMessage::new(Role::Assistant, self.output)]
    }
}

impl Shown {
    /// The history as the value of a prompt's variable.
    pub fn history(&self, messages: &[ChatMessage]) -> Json {
        if self.messages { json!(messages) } else { Json::String(self.lines(messages)) }
    }

    /// The history as lines of text.
    pub fn lines(&self, messages: &[ChatMessage]) -> String {
        let who = |role| match role {
            Role::User => self.human.as_str(),
            Role::Assistant => self.ai.as_str(),
            Role::System => "System",
            Role::Tool => "Tool",
        };
        let lines = messages.iter().map(|message| format!("{}: {}", who(message.role), message.content));
        lines.collect::<Vec<_>>().join("\n")
    }

    /// Texts that the memory says by itself, as the value of a prompt's variable.
    pub fn notes(&self, notes: Vec<String>) -> Json {
        if self.messages {
            let messages = notes.into_iter().map(|note| ChatMessage::new(Role::System, note));
            return json!(messages.collect::<Vec<_>>());
        }
        Json::String(notes.join("\n"))
    }
}
