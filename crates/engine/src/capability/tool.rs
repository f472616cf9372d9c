//! Tools that an agent may call.

use std::fmt::Debug;

use async_trait::async_trait;
use serde_json::{Map, Value as Json, json};

use crate::context::Context;
use crate::error::RunError;
use crate::python_text::python_str;

/// What a tool is called with.
#[derive(Debug, Clone, PartialEq)]
pub enum ToolInput {
    /// One text.
    Text(String),
    /// Arguments by name.
    Fields(Map<String, Json>),
}

impl ToolInput {
    /// The input of a tool that takes one text: that text, or the only argument, or all of them as JSON.
    pub fn into_text(self) -> String {
        match self {
            Self::Text(text) => text,
            Self::Fields(fields) => match fields.values().next() {
                Some(only) if fields.len() == 1 => python_str(only),
                _ => Json::Object(fields).to_string(),
            },
        }
    }
}

/// Something that an agent may call.
///
/// What a model can do something about (arguments that do not fit, a page that is not there, SQL that is
/// wrong) is an answer in words; an error ends the agent's run.
#[async_trait]
pub trait Tool: Debug + Send + Sync {
    /// The name that calls it.
    fn name(&self) -> &str;
    /// What it is for, to a model.
    fn description(&self) -> &str;
    /// Its arguments as a JSON schema of an object; `None` for one text.
    fn parameters(&self) -> Option<Json> {
        None
    }
    /// Whether its answer is the agent's.
    fn return_direct(&self) -> bool {
        false
    }
    /// One call.
    async fn call(&self, cx: &Context, input: ToolInput) -> Result<String, RunError>;
}

/// The arguments of a tool that takes one text, as OpenAI's functions are told of it (contract 5.1).
pub fn one_text_parameters() -> Json {
    json!({
        "type": "object",
        "properties": {"__arg1": {"title": "__arg1", "type": "string"}},
        "required": ["__arg1"],
    })
}
