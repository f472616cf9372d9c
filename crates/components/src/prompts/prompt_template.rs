//! PromptTemplate: a text with variables (0.x). What is wired or typed into a variable's field fills it;
//! the rest stays open for the caller.

use std::sync::Arc;

use millrace_engine::{
    Capability, Component, Context, Entry, Example, LazyValue, Outputs, Prompt, RunError, Spec, Value,
    output, rest, text,
};
use serde::Deserialize;

use super::variables;

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
                title: "a parser fills a variable with its instructions",
                inputs: r#"{
                    "template": "{text} {format}",
                    "format": {"$component": "StructuredOutputParser", "inputs": {"response_schemas": []}}
                }"#,
                output: r#"{"prompt": {"prompt": ["text"]}}"#,
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
        let mut prompt = Prompt::plain(variables::template("template", &self.template)?);
        (prompt.filled, prompt.wired) = variables::values(&prompt, self.variables);
        Ok(Outputs::one("prompt", Value::Capability(Capability::Prompt(Arc::new(prompt)))))
    }
}

pub(crate) const ENTRY: Entry = Entry::of::<PromptTemplate>();
