//! JsonToolkit: the two tools that look into a JSON file (0.x).

use millrace_engine::{
    Capability, Component, Context, Entry, Example, Outputs, RunError, Spec, Value, handles, message, output,
};
use serde::Deserialize;

use super::json_spec::JsonSpec;
use super::json_tools::{get_value, list_keys};

/// The node's fields.
#[derive(Deserialize)]
pub(crate) struct JsonToolkit {
    spec: handles::Object<JsonSpec>,
}

impl Component for JsonToolkit {
    const SPEC: Spec = Spec {
        names: &["JsonToolkit"],
        about: "The tools that list the keys and show the values of a JSON file.",
        inputs: &[message("spec", "The file.")],
        outputs: &[output("toolkit")],
        examples: &[Example {
            title: "two tools over one file",
            inputs: r#"{"spec": {"$component": "JsonSpec", "inputs": {"path": "flow/petstore.json"}}}"#,
            output: r#"{"toolkit": [{"tool": "json_spec_list_keys"}, {"tool": "json_spec_get_value"}]}"#,
        }],
        ..Spec::SUPPORTED
    };

    async fn run(self, _cx: &Context) -> Result<Outputs, RunError> {
        let tools = [list_keys(self.spec.0.clone()), get_value(self.spec.0)];
        let tools = tools.map(|tool| Value::Capability(Capability::Tool(tool)));
        Ok(Outputs::one("toolkit", Value::List(tools.into())))
    }
}

pub(crate) const ENTRY: Entry = Entry::of::<JsonToolkit>();
