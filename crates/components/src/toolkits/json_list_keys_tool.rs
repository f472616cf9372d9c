//! JsonListKeysTool: a tool that lists the keys at a path of a JSON file (0.x).

use millrace_engine::{
    Capability, Component, Context, Entry, Example, Outputs, RunError, Spec, Value, handles, message, output,
};
use serde::Deserialize;

use super::json_spec::JsonSpec;
use super::json_tools::list_keys;

/// The node's fields.
#[derive(Deserialize)]
pub(crate) struct JsonListKeysTool {
    spec: handles::Object<JsonSpec>,
}

impl Component for JsonListKeysTool {
    const SPEC: Spec = Spec {
        names: &["JsonListKeysTool"],
        about: "A tool that lists the keys at a path of a JSON file.",
        inputs: &[message("spec", "The file.")],
        outputs: &[output("tool")],
        examples: &[Example {
            title: "the file comes from a JsonSpec",
            inputs: r#"{"spec": {"$component": "JsonSpec", "inputs": {"path": "flow/petstore.json"}}}"#,
            output: r#"{"tool": {"tool": "json_spec_list_keys"}}"#,
        }],
        ..Spec::SUPPORTED
    };

    async fn run(self, _cx: &Context) -> Result<Outputs, RunError> {
        Ok(Outputs::one("tool", Value::Capability(Capability::Tool(list_keys(self.spec.0)))))
    }
}

pub(crate) const ENTRY: Entry = Entry::of::<JsonListKeysTool>();
