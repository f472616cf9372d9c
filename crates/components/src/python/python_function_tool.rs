//! PythonFunctionTool: a function as a tool (0.x). Only the one that Langflow puts into a fresh node runs.

use std::sync::Arc;

use millrace_engine::{
    Capability, Component, Context, Default, Entry, Example, Outputs, RunError, Spec, Value, flag, output,
    text,
};
use serde::Deserialize;

use super::echo;
use crate::tools::callable::{Callable, NamedTool, without_blanks};

/// The node's fields.
#[derive(Deserialize)]
pub(crate) struct PythonFunctionTool {
    name: String,
    description: String,
    code: Option<String>,
    return_direct: bool,
}

impl Component for PythonFunctionTool {
    const SPEC: Spec = Spec {
        names: &["PythonFunctionTool"],
        about: "The function that gives back the text it gets, as a tool; any other Python is refused.",
        inputs: &[
            text("name", "The name that calls it; blanks become `_`."),
            text("description", "What it is for, to the model."),
            text("code", "The function. It is compared, never executed."),
            flag("return_direct", "Whether its answer is the agent's.").or(Default::Flag(false)),
        ],
        outputs: &[output("tool")],
        examples: &[Example {
            title: "what stands in a fresh node",
            inputs: r#"{
                "name": "Echo",
                "description": "Says it again.",
                "code": "def python_function(text: str) -> str:\n    \"\"\"Echo\"\"\"\n    return text\n"
            }"#,
            output: r#"{"tool": {"tool": "Echo"}}"#,
        }],
        understands: Some(echo::echoes),
        ..Spec::SUPPORTED
    };

    async fn run(self, _cx: &Context) -> Result<Outputs, RunError> {
        echo::require(self.code.as_deref())?;
        let tool = NamedTool {
            name: without_blanks(&self.name),
            description: self.description,
            return_direct: self.return_direct,
            callable: Callable::Echo,
        };
        Ok(Outputs::one("tool", Value::Capability(Capability::Tool(Arc::new(tool)))))
    }
}

pub(crate) const ENTRY: Entry = Entry::of::<PythonFunctionTool>();
