//! Chat Input: where a 1.x flow takes the person's message.

use millrace_engine::{
    Component, Context, Default, Entry, Example, Kind, Message, Outputs, RunError, Spec, Value, flag, json,
    output, text,
};
use serde::Deserialize;

use super::store;

/// The node's fields.
#[derive(Deserialize)]
pub(crate) struct ChatInput {
    input_value: String,
    #[serde(default)]
    files: Vec<String>,
    sender: String,
    sender_name: String,
    session_id: Option<String>,
    context_id: String,
    should_store_message: bool,
}

impl Component for ChatInput {
    const SPEC: Spec = Spec {
        names: &["ChatInput"],
        about: "Takes the caller's `input_value` as a message and keeps it in the conversation.",
        inputs: &[
            text("input_value", "The text.").or(Default::Text("")),
            json("files", "References of attached files."),
            text("sender", "User or Machine.").or(Default::Text("User")),
            text("sender_name", "The name shown.").or(Default::Text("User")),
            text("session_id", "The conversation; that of the run if empty."),
            text("context_id", "A layer below the conversation.").or(Default::Text("")),
            flag("should_store_message", "Whether the message is kept.").or(Default::Flag(true)),
        ],
        outputs: &[output("message")],
        kind: Kind::ChatInput,
        examples: &[Example {
            title: "the text is the message's",
            inputs: r#"{"input_value": "hi", "should_store_message": false}"#,
            output: r#"{"message": "hi"}"#,
        }],
        ..Spec::SUPPORTED
    };

    async fn run(self, cx: &Context) -> Result<Outputs, RunError> {
        let message = Message {
            sender: self.sender,
            sender_name: self.sender_name,
            session_id: self.session_id.unwrap_or_else(|| cx.session_id().to_owned()),
            context_id: self.context_id,
            files: self.files,
            ..Message::of(self.input_value)
        };
        let message = store(cx, message, self.should_store_message).await?;
        Ok(Outputs::one("message", Value::Message(Box::new(message))))
    }
}

pub(crate) const ENTRY: Entry = Entry::of::<ChatInput>();
