//! ResponseSchema: one value that a model is asked for (0.x).

use millrace_engine::{
    Component, Context, Default, Entry, Example, Outputs, RunError, Spec, Value, output, text,
};
use serde::Deserialize;
use serde_json::{Map, Value as Json};

/// The node's fields.
#[derive(Deserialize)]
pub(crate) struct ResponseSchema {
    name: String,
    description: String,
    r#type: String,
}

impl Component for ResponseSchema {
    const SPEC: Spec = Spec {
        names: &["ResponseSchema"],
        about: "One value that a model is asked for, by name.",
        inputs: &[
            text("name", "Its name in the answer."),
            text("description", "What it is."),
            text("type", "What it is written as, such as `string` or `List[string]`.")
                .or(Default::Text("string")),
        ],
        outputs: &[output("response_schema")],
        examples: &[Example {
            title: "a text",
            inputs: r#"{"name": "city", "description": "where it is"}"#,
            output: r#"{"response_schema": {"name": "city", "description": "where it is", "type": "string"}}"#,
        }],
        ..Spec::SUPPORTED
    };

    async fn run(self, _cx: &Context) -> Result<Outputs, RunError> {
        let fields = [("name", self.name), ("description", self.description), ("type", self.r#type)];
        let schema: Map<String, Json> =
            fields.into_iter().map(|(name, text)| (name.to_owned(), Json::String(text))).collect();
        Ok(Outputs::one("response_schema", Value::Data(schema)))
    }
}

pub(crate) const ENTRY: Entry = Entry::of::<ResponseSchema>();
