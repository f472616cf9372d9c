//! What a model's text asks for: the types that the parsers share.

use millrace_engine::{ToolInput, python_str};
use serde_json::Value as Json;

/// What a text asks for.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Wish {
    /// This is the answer.
    Finish(Json),
    /// A tool with this input: a text, or arguments by name.
    Act { tool: String, input: Json },
}

/// Why a text could not be read, as an observation for the model.
pub(crate) type Unread = String;

/// Reads a model's text.
pub(crate) type Parser = fn(&str) -> Result<Wish, Unread>;

impl Wish {
    /// The end, with this text.
    pub fn finish(text: &str) -> Self {
        Self::Finish(Json::String(text.to_owned()))
    }

    /// A tool and its one text.
    pub fn act(tool: &str, input: &str) -> Self {
        Self::Act { tool: tool.to_owned(), input: Json::String(input.to_owned()) }
    }
}

/// The input of a tool as a model gave it in JSON.
pub(crate) fn tool_input(input: Json) -> ToolInput {
    match input {
        Json::Object(fields) => ToolInput::Fields(fields),
        other => ToolInput::Text(python_str(&other)),
    }
}
