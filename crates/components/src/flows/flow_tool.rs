//! Flow as Tool: another flow of the same owner, as a tool that an agent may call.

use std::sync::Arc;

use async_trait::async_trait;
use millrace_engine::{
    Capability, Component, Context, Default, Entry, Example, Outputs, ProcessInputs, RunError, Spec, Tool,
    ToolInput, Value, flag, output, text,
};
use serde::Deserialize;
use serde_json::Map;

/// The node's fields.
#[derive(Deserialize)]
pub(crate) struct FlowTool {
    flow_name: String,
    tool_name: Option<String>,
    tool_description: Option<String>,
    return_direct: bool,
}

impl Component for FlowTool {
    const SPEC: Spec = Spec {
        names: &["FlowTool"],
        about: "Another flow of the same owner, as a tool that an agent may call.",
        inputs: &[
            text("flow_name", "The flow, by name or id."),
            text("tool_name", "The tool's name; that of the flow if empty."),
            text("tool_description", "What it is for, to the model."),
            flag("return_direct", "Whether its answer is the agent's.").or(Default::Flag(false)),
        ],
        outputs: &[output("api_build_tool")],
        examples: &[Example {
            title: "named after its flow",
            inputs: r#"{"flow_name": "Answer politely"}"#,
            output: r#"{"api_build_tool": {"tool": "Answer politely"}}"#,
        }],
        ..Spec::SUPPORTED
    };

    async fn run(self, _cx: &Context) -> Result<Outputs, RunError> {
        let name = self.tool_name.unwrap_or_else(|| self.flow_name.clone());
        let description =
            self.tool_description.unwrap_or_else(|| format!("Runs the flow {}.", self.flow_name));
        let tool = Callable { flow: self.flow_name, name, description, return_direct: self.return_direct };
        Ok(Outputs::one("api_build_tool", Value::Capability(Capability::Tool(Arc::new(tool)))))
    }
}

#[derive(Debug)]
struct Callable {
    flow: String,
    name: String,
    description: String,
    return_direct: bool,
}

#[async_trait]
impl Tool for Callable {
    fn name(&self) -> &str {
        &self.name
    }

    fn description(&self) -> &str {
        &self.description
    }

    fn return_direct(&self) -> bool {
        self.return_direct
    }

    async fn call(&self, cx: &Context, input: ToolInput) -> Result<String, RunError> {
        let inputs = match input {
            ToolInput::Fields(fields) if fields.len() > 1 => ProcessInputs::One(fields),
            one => ProcessInputs::Text(one.into_text()),
        };
        Ok(super::as_text(&cx.run_flow(&self.flow, inputs, &Map::new()).await?))
    }
}

pub(crate) const ENTRY: Entry = Entry::of::<FlowTool>();
