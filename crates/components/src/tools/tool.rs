//! Tool: a chain, an agent or a function as a tool (0.x).

use std::any::Any;
use std::sync::Arc;

use millrace_engine::{
    Capability, Component, Context, Default, Entry, ErrorKind, Example, LazyValue, Outputs, RunError, Spec,
    Value, flag, message, output, text,
};
use serde::Deserialize;

use super::callable::{Callable, NamedTool, without_blanks};
use crate::python::python_function::EchoFunction;

/// The node's fields.
#[derive(Deserialize)]
pub(crate) struct ToolNode {
    func: LazyValue,
    name: String,
    description: String,
    return_direct: bool,
}

impl Component for ToolNode {
    const SPEC: Spec = Spec {
        names: &["Tool"],
        about: "Makes a tool of a chain, an agent or a function that takes one text.",
        inputs: &[
            message("func", "The chain, agent or function."),
            text("name", "The name that calls it; blanks become `_`."),
            text("description", "What it is for, to the model."),
            flag("return_direct", "Whether its answer is the agent's.").or(Default::Flag(false)),
        ],
        outputs: &[output("tool")],
        examples: &[Example {
            title: "a chain as a tool",
            inputs: r#"{
                "func": {"$component": "LLMChain", "inputs": {
                    "prompt": {"$component": "PromptTemplate", "inputs": {"template": "Joke about {topic}"}},
                    "llm": {"$component": "ChatOpenAI", "inputs": {"openai_api_key": "sk-x"}}
                }},
                "name": "Joker",
                "description": "Tells a joke about a topic."
            }"#,
            output: r#"{"tool": {"tool": "Joker"}}"#,
        }],
        ..Spec::SUPPORTED
    };

    async fn run(self, _cx: &Context) -> Result<Outputs, RunError> {
        let tool = NamedTool {
            name: without_blanks(&self.name),
            description: self.description,
            return_direct: self.return_direct,
            callable: callable(self.func.0)?,
        };
        Ok(Outputs::one("tool", Value::Capability(Capability::Tool(Arc::new(tool)))))
    }
}

fn callable(value: Value) -> Result<Callable, RunError> {
    match value {
        Value::Capability(Capability::Chain(chain)) => Callable::chain(chain),
        Value::Capability(Capability::Object(object))
            if (object.as_ref() as &dyn Any).is::<EchoFunction>() =>
        {
            Ok(Callable::Echo)
        }
        other => {
            let message =
                format!("field 'func': expected a chain, an agent or a function, found {}", other.kind());
            Err(RunError::new(ErrorKind::Flow, message))
        }
    }
}

pub(crate) const ENTRY: Entry = Entry::of::<ToolNode>();
