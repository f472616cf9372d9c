//! Calculator: a tool that answers questions of arithmetic (0.x).

use std::sync::Arc;

use async_trait::async_trait;
use millrace_engine::{
    Capability, Component, Context, Entry, Example, Outputs, RunError, Spec, Tool, ToolInput, Value, handles,
    message, output,
};
use serde::Deserialize;

use crate::chains::llm_math::Translator;

/// The node's fields.
#[derive(Deserialize)]
pub(crate) struct Calculator {
    llm: handles::ChatModel,
}

impl Component for Calculator {
    const SPEC: Spec = Spec {
        names: &["Calculator"],
        about: "A tool that has a model write a question of arithmetic as an expression, and calculates it.",
        inputs: &[message("llm", "The model.")],
        outputs: &[output("tool")],
        examples: &[Example {
            title: "the name that calls it",
            inputs: r#"{"llm": {"$component": "ChatOpenAI", "inputs": {"openai_api_key": "sk-x"}}}"#,
            output: r#"{"tool": {"tool": "Calculator"}}"#,
        }],
        ..Spec::SUPPORTED
    };

    async fn run(self, _cx: &Context) -> Result<Outputs, RunError> {
        let tool = CalculatorTool(Translator::Model(self.llm.0));
        Ok(Outputs::one("tool", Value::Capability(Capability::Tool(Arc::new(tool)))))
    }
}

#[derive(Debug)]
struct CalculatorTool(Translator);

#[async_trait]
impl Tool for CalculatorTool {
    fn name(&self) -> &str {
        "Calculator"
    }

    fn description(&self) -> &str {
        "Calculates: for every question whose answer is a number that has to be worked out."
    }

    async fn call(&self, cx: &Context, input: ToolInput) -> Result<String, RunError> {
        // What the calculator cannot calculate, the agent may put in other words.
        Ok(self.0.solve(cx, &input.into_text()).await?.unwrap_or_else(|why| why.to_string()))
    }
}

pub(crate) const ENTRY: Entry = Entry::of::<Calculator>();
