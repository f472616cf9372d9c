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
    /// The history as the value of a prompt's variable. Entries that are no exchange are passed over.
    pub fn history(&self, turns: &[Json]) -> Json {
        let exchanges = turns.iter().filter_map(|turn| serde_json::from_value::<Exchange>(turn.clone()).ok());
        if self.messages {
            let message = |role, content: String| ChatMessage::new(role, content);
            let pairs =
                exchanges.flat_map(|e| [message(Role::User, e.input), message(Role::Assistant, e.output)]);
            return json!(pairs.collect::<Vec<_>>());
        }
        let lines = exchanges.map(|e| format!("{}: {}\n{}: {}", self.human, e.input, self.ai, e.output));
        Json::String(lines.collect::<Vec<_>>().join("\n"))
    }
}
