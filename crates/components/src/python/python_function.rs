//! PythonFunction: a function for a tool (0.x). Only the one that Langflow puts into a fresh node runs.

use std::sync::Arc;

use millrace_engine::{
    Capability, Component, Context, Entry, Example, Object, Outputs, RunError, Spec, Value, output, text,
};
use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::echo;

/// The node's fields.
#[derive(Deserialize)]
pub(crate) struct PythonFunction {
    code: Option<String>,
}

impl Component for PythonFunction {
    const SPEC: Spec = Spec {
        names: &["PythonFunction"],
        about: "The function that gives back the text it gets; any other Python is refused.",
        inputs: &[text("code", "The function. It is compared, never executed.")],
        outputs: &[output("function")],
        examples: &[Example {
            title: "what stands in a fresh node",
            inputs: r#"{"code": "def python_function(text: str) -> str:\n    \"\"\"Echo\"\"\"\n    return text\n"}"#,
            output: r#"{"function": {"function": "echo"}}"#,
        }],
        understands: Some(echo::echoes),
        ..Spec::SUPPORTED
    };

    async fn run(self, _cx: &Context) -> Result<Outputs, RunError> {
        echo::require(self.code.as_deref())?;
        let function = Capability::Object(Arc::new(EchoFunction));
        Ok(Outputs::one("function", Value::Capability(function)))
    }
}

/// A function that gives back what it gets.
#[derive(Debug)]
pub(crate) struct EchoFunction;

impl Object for EchoFunction {
    fn kind(&self) -> &'static str {
        "a function"
    }

    fn describe(&self) -> Json {
        json!({"function": "echo"})
    }
}

pub(crate) const ENTRY: Entry = Entry::of::<PythonFunction>();
