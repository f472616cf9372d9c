//! ChatMessagePromptTemplate: a message of a conversation whose role is a field (0.x).

use millrace_engine::{
    Component, Context, Entry, ErrorKind, Example, LazyValue, Outputs, Role, RunError, Spec, output, rest,
    text,
};
use serde::Deserialize;

use super::variables;

/// The node's fields.
#[derive(Deserialize)]
pub(crate) struct ChatMessagePromptTemplate {
    prompt: String,
    role: String,
    variables: Vec<(String, LazyValue)>,
}

impl Component for ChatMessagePromptTemplate {
    const SPEC: Spec = Spec {
        names: &["ChatMessagePromptTemplate"],
        about: "What someone says in a conversation, with variables.",
        inputs: &[
            text("prompt", "The text, with variables in braces; twice a brace is the character."),
            text("role", "Who says it: `system`, `user` (or `human`), `assistant` (or `ai`)."),
            rest(
                "variables",
                "A field for each variable: text, documents or an output parser. The caller's input goes first.",
            ),
        ],
        outputs: &[output("prompt")],
        examples: &[Example {
            title: "a variable stays open",
            inputs: r#"{"prompt": "As I said: {text}", "role": "assistant"}"#,
            output: r#"{"prompt": {"prompt": ["text"]}}"#,
        }],
        ..Spec::SUPPORTED
    };

    async fn run(self, _cx: &Context) -> Result<Outputs, RunError> {
        variables::message(role(&self.role)?, &self.prompt, self.variables)
    }
}

/// The role of this name. Models know no others: OpenAI refuses them.
fn role(name: &str) -> Result<Role, RunError> {
    match name.trim().to_ascii_lowercase().as_str() {
        "system" => Ok(Role::System),
        "user" | "human" => Ok(Role::User),
        "assistant" | "ai" => Ok(Role::Assistant),
        _ => {
            let message = format!("field 'role': '{name}' is none of system, user and assistant");
            Err(RunError::new(ErrorKind::Flow, message))
        }
    }
}

pub(crate) const ENTRY: Entry = Entry::of::<ChatMessagePromptTemplate>();

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_have_two_names() {
        let cases = [
            ("system", Some(Role::System)),
            ("Human", Some(Role::User)),
            (" ai ", Some(Role::Assistant)),
            ("pirate", None),
        ];
        for (name, expected) in cases {
            assert_eq!(role(name).ok(), expected, "{name}");
        }
    }
}
