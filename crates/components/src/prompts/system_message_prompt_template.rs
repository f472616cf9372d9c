//! SystemMessagePromptTemplate: the instructions of a conversation, with variables (0.x).

use millrace_engine::{
    Component, Context, Entry, Example, LazyValue, Outputs, Role, RunError, Spec, output, rest, text,
};
use serde::Deserialize;

use super::variables;

/// The node's fields.
#[derive(Deserialize)]
pub(crate) struct SystemMessagePromptTemplate {
    prompt: String,
    variables: Vec<(String, LazyValue)>,
}

impl Component for SystemMessagePromptTemplate {
    const SPEC: Spec = Spec {
        names: &["SystemMessagePromptTemplate"],
        about: "Instructions at the head of a conversation, with variables.",
        inputs: &[
            text("prompt", "The text, with variables in braces; twice a brace is the character."),
            rest(
                "variables",
                "A field for each variable: text, documents or an output parser. The caller's input goes first.",
            ),
        ],
        outputs: &[output("prompt")],
        examples: &[Example {
            title: "a variable with a value need not be given",
            inputs: r#"{"prompt": "You are {who}. Say {what}.", "who": "a miller", "what": ""}"#,
            output: r#"{"prompt": {"prompt": ["what"]}}"#,
        }],
        ..Spec::SUPPORTED
    };

    async fn run(self, _cx: &Context) -> Result<Outputs, RunError> {
        variables::message(Role::System, &self.prompt, self.variables)
    }
}

pub(crate) const ENTRY: Entry = Entry::of::<SystemMessagePromptTemplate>();
