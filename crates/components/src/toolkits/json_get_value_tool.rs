//! JsonGetValueTool: a tool that shows the value at a path of a JSON file (0.x).

use millrace_engine::{
    Capability, Component, Context, Entry, Example, Outputs, RunError, Spec, Value, handles, message, output,
};
use serde::Deserialize;

use super::json_spec::JsonSpec;
use super::json_tools::get_value;

/// The node's fields.
#[derive(Deserialize)]
pub(crate) struct JsonGetValueTool {
    spec: handles::Object<JsonSpec>,
}

impl Component for JsonGetValueTool {
    const SPEC: Spec = Spec {
        names: &["JsonGetValueTool"],
        about: "A tool that shows the value at a path of a JSON file.",
        inputs: &[message("spec", "The file.")],
        outputs: &[output("tool")],
        examples: &[Example {
            title: "the file comes from a JsonSpec",
            inputs: r#"{"spec": {"$component": "JsonSpec", "inputs": {"path": "flow/petstore.json"}}}"#,
            output: r#"{"tool": {"tool": "json_spec_get_value"}}"#,
        }],
        ..Spec::SUPPORTED
    };

    async fn run(self, _cx: &Context) -> Result<Outputs, RunError> {
        Ok(Outputs::one("tool", Value::Capability(Capability::Tool(get_value(self.spec.0)))))
    }
}

pub(crate) const ENTRY: Entry = Entry::of::<JsonGetValueTool>();
