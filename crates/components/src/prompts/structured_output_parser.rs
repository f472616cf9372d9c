//! StructuredOutputParser: tells a model in which form to answer (0.x). Wired into a prompt's variable it is
//! the instructions; the answer itself is not parsed (contract 5.1).

use std::sync::Arc;

use millrace_engine::{
    Capability, Component, Context, Entry, Example, Object, Outputs, RunError, Spec, Value, message, output,
};
use serde::Deserialize;
use serde_json::{Value as Json, json};

/// The node's fields.
#[derive(Deserialize)]
pub(crate) struct StructuredOutputParser {
    response_schemas: Vec<Schema>,
}

/// One value, as the node ResponseSchema gives it.
#[derive(Debug, Deserialize)]
pub(crate) struct Schema {
    name: String,
    description: String,
    r#type: String,
}

impl Component for StructuredOutputParser {
    const SPEC: Spec = Spec {
        names: &["StructuredOutputParser"],
        about: "Instructions for a model to answer with JSON of named values, for a prompt's variable.",
        inputs: &[message("response_schemas", "The values, in the order in which they are connected.")],
        outputs: &[output("output_parser")],
        examples: &[Example {
            title: "one value",
            inputs: r#"{"response_schemas": {
                "$component": "ResponseSchema", "inputs": {"name": "city", "description": "where it is"}
            }}"#,
            output: r#"{"output_parser": {"output_parser": ["city"]}}"#,
        }],
        ..Spec::SUPPORTED
    };

    async fn run(self, _cx: &Context) -> Result<Outputs, RunError> {
        let parser = Arc::new(StructuredParser { schemas: self.response_schemas });
        Ok(Outputs::one("output_parser", Value::Capability(Capability::Object(parser))))
    }
}

/// The form of an answer: JSON with these values.
#[derive(Debug)]
pub(crate) struct StructuredParser {
    schemas: Vec<Schema>,
}

impl StructuredParser {
    /// What a model is told.
    pub fn instructions(&self) -> String {
        let line = |s: &Schema| format!("\t\"{}\": {}  // {}", s.name, s.r#type, s.description);
        let lines: Vec<String> = self.schemas.iter().map(line).collect();
        format!(
            "Answer with one Markdown code block that holds a JSON object of this form. Write its first line \
             \"```json\" and its last line \"```\" as well:\n\n```json\n{{\n{}\n}}\n```",
            lines.join("\n")
        )
    }
}

impl Object for StructuredParser {
    fn kind(&self) -> &'static str {
        "an output parser"
    }

    fn describe(&self) -> Json {
        json!({"output_parser": self.schemas.iter().map(|schema| &schema.name).collect::<Vec<_>>()})
    }
}

pub(crate) const ENTRY: Entry = Entry::of::<StructuredOutputParser>();

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_values_stand_in_order_in_a_code_block() {
        let schema = |name: &str, kind: &str| Schema {
            name: name.to_owned(),
            description: format!("the {name}"),
            r#type: kind.to_owned(),
        };
        let parser = StructuredParser { schemas: vec![schema("title", "string"), schema("tags", "list")] };
        let block = "```json\n{\n\t\"title\": string  // the title\n\t\"tags\": list  // the tags\n}\n```";
        assert!(parser.instructions().ends_with(&format!("\n\n{block}")));
    }
}
