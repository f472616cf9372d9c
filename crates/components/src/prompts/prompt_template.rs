//! PromptTemplate: a text with variables (0.x). What is wired or typed into a variable's field fills it;
//! the rest stays open for the caller.

use std::sync::Arc;

use millrace_engine::{
    Capability, Component, Context, Document, Entry, ErrorKind, Example, LazyValue, Outputs, Prompt,
    RunError, Spec, Template, Value, output, rest, text,
};
use serde::Deserialize;
use serde_json::Value as Json;

/// The node's fields.
#[derive(Deserialize)]
pub(crate) struct PromptTemplate {
    template: String,
    variables: Vec<(String, LazyValue)>,
}

impl Component for PromptTemplate {
    const SPEC: Spec = Spec {
        names: &["PromptTemplate"],
        about: "A text with variables in braces; twice a brace is the character.",
        inputs: &[
            text("template", "The text."),
            rest(
                "variables",
                "A field for each variable: text, documents or an output parser. Empty stays open.",
            ),
        ],
        outputs: &[output("prompt")],
        examples: &[
            Example {
                title: "a filled variable is no longer open",
                inputs: r#"{"template": "{greeting}, {name}! {{}}", "greeting": "Hello", "name": ""}"#,
                output: r#"{"prompt": {"prompt": ["name"]}}"#,
            },
            Example {
                title: "fields that are no variable do not matter",
                inputs: r#"{"template": "{text}", "template_format": "f-string"}"#,
                output: r#"{"prompt": {"prompt": ["text"]}}"#,
            },
        ],
        ..Spec::SUPPORTED
    };

    async fn run(self, _cx: &Context) -> Result<Outputs, RunError> {
        let template = Template::parse(&self.template)
            .map_err(|e| RunError::new(ErrorKind::Flow, format!("field 'template': {e}")))?;
        let mut prompt = Prompt::plain(template);
        let open = prompt.variables();
        for (name, value) in self.variables {
            if open.contains(&name)
                && let Some(text) = filling(&value.0)
            {
                prompt.filled.insert(name, text);
            }
        }
        Ok(Outputs::one("prompt", Value::Capability(Capability::Prompt(Arc::new(prompt)))))
    }
}

/// The text of a variable, by Langflow's rules for what may be wired into one (contract 5.1).
fn filling(value: &Value) -> Option<String> {
    match value {
        Value::Document(document) => Some(document_text(document)),
        Value::List(list) => {
            let documents: Vec<&Document> = list.iter().filter_map(as_document).collect();
            match documents.as_slice() {
                [] => None,
                [only] => Some(document_text(only)),
                several => {
                    Some(several.iter().map(|d| d.page_content.as_str()).collect::<Vec<_>>().join("\n"))
                }
            }
        }
        other => other.as_text().filter(|text| !text.is_empty()),
    }
}

fn as_document(value: &Value) -> Option<&Document> {
    match value {
        Value::Document(document) => Some(document),
        _ => None,
    }
}

/// One document: a JSON list reads as its entries, other JSON is indented, text is itself.
fn document_text(document: &Document) -> String {
    let text = &document.page_content;
    match serde_json::from_str(text) {
        Ok(Json::Array(list)) => list.iter().map(millrace_engine::python_str).collect::<Vec<_>>().join(","),
        Ok(json) => serde_json::to_string_pretty(&json).unwrap_or_else(|_| text.clone()),
        Err(_) => text.clone(),
    }
}

pub(crate) const ENTRY: Entry = Entry::of::<PromptTemplate>();
