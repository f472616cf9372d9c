//! ChatPromptTemplate: messages put together to a conversation (0.x).

use std::sync::Arc;

use millrace_engine::{
    Capability, Component, Context, Entry, ErrorKind, Example, Outputs, Prompt, PromptPart, Role, RunError,
    Spec, Value, handles, message, output,
};
use serde::Deserialize;

/// The node's fields.
#[derive(Deserialize)]
pub(crate) struct ChatPromptTemplate {
    messages: Vec<handles::Prompt>,
}

impl Component for ChatPromptTemplate {
    const SPEC: Spec = Spec {
        names: &["ChatPromptTemplate"],
        about: "A conversation of messages with variables, in the order in which they are connected.",
        inputs: &[message("messages", "The messages; a plain prompt is the person's.")],
        outputs: &[output("prompt")],
        examples: &[Example {
            title: "the variables of all messages are the prompt's",
            inputs: r#"{"messages": {
                "$component": "SystemMessagePromptTemplate", "inputs": {"prompt": "You are {who}, {how}."}
            }}"#,
            output: r#"{"prompt": {"prompt": ["who", "how"]}}"#,
        }],
        ..Spec::SUPPORTED
    };

    async fn run(self, _cx: &Context) -> Result<Outputs, RunError> {
        if self.messages.is_empty() {
            return Err(RunError::new(ErrorKind::Flow, "field 'messages': connect at least one message"));
        }
        let prompt = conversation(&self.messages);
        Ok(Outputs::one("prompt", Value::Capability(Capability::Prompt(Arc::new(prompt)))))
    }
}

/// One prompt of the messages of all. A variable that several have is one variable.
fn conversation(messages: &[handles::Prompt]) -> Prompt {
    let spoken = |part: &PromptPart| PromptPart { role: part.role.or(Some(Role::User)), ..part.clone() };
    let mut prompt = Prompt::of(messages.iter().flat_map(|m| m.parts.iter().map(spoken)).collect());
    for message in messages {
        prompt.filled.extend(message.filled.clone());
        prompt.defaults.extend(message.defaults.clone());
        prompt.wired.extend(message.wired.iter().cloned());
    }
    prompt
}

pub(crate) const ENTRY: Entry = Entry::of::<ChatPromptTemplate>();

#[cfg(test)]
mod tests {
    use millrace_engine::{ChatMessage, Template};
    use serde_json::json;

    use super::*;

    fn part(role: Option<Role>, text: &str) -> Prompt {
        Prompt::of(vec![PromptPart { role, template: Template::parse(text).unwrap() }])
    }

    #[test]
    fn messages_stand_in_edge_order_and_share_their_variables() {
        let mut system = part(Some(Role::System), "You are {who}.");
        system.defaults.insert("who".to_owned(), "a miller".to_owned());
        let person = part(Some(Role::User), "{text}, {who}?");
        let plain = part(None, "Go on.");
        let messages = [person, system, plain].map(|prompt| handles::Prompt(Arc::new(prompt)));
        let prompt = conversation(&messages);
        assert_eq!(prompt.variables(), ["text"]);
        let filled = prompt.fill(json!({"text": "Hi"}).as_object().unwrap()).unwrap();
        let expected = [
            ChatMessage::new(Role::User, "Hi, a miller?"),
            ChatMessage::new(Role::System, "You are a miller."),
            ChatMessage::new(Role::User, "Go on."),
        ];
        assert_eq!(filled.into_messages(), expected);
    }
}
