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

impl Shown {
    /// The history as the value of a prompt's variable.
    pub fn history(&self, exchanges: &[Exchange]) -> Json {
        if self.messages {
            let message = |role, content: &String| ChatMessage::new(role, content.as_str());
            let pairs = exchanges
                .iter()
                .flat_map(|e| [message(Role::User, &e.input), message(Role::Assistant, &e.output)]);
            return json!(pairs.collect::<Vec<_>>());
        }
        Json::String(self.lines(exchanges))
    }

    /// The history as lines of text.
    pub fn lines(&self, exchanges: &[Exchange]) -> String {
        let lines =
            exchanges.iter().map(|e| format!("{}: {}\n{}: {}", self.human, e.input, self.ai, e.output));
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
