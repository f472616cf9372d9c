//! Text Input: where a 1.x flow takes a text that is no chat message.

use millrace_engine::{
    Component, Context, Default, Entry, Example, Kind, Message, Outputs, RunError, Spec, Value, output, text,
};
use serde::Deserialize;

/// The node's fields.
#[derive(Deserialize)]
pub(crate) struct TextInput {
    input_value: String,
}

impl Component for TextInput {
    const SPEC: Spec = Spec {
        names: &["TextInput"],
        about: "Gives a text on; takes the caller's `input_value` with `input_type` text.",
        inputs: &[text("input_value", "The text.").or(Default::Text(""))],
        outputs: &[output("text")],
        kind: Kind::TextInput,
        examples: &[Example {
            title: "the text as it is",
            inputs: r#"{"input_value": "a b"}"#,
            output: r#"{"text": "a b"}"#,
        }],
        ..Spec::SUPPORTED
    };

    async fn run(self, _cx: &Context) -> Result<Outputs, RunError> {
        Ok(Outputs::one("text", Value::Message(Box::new(Message::of(self.input_value)))))
    }
}

pub(crate) const ENTRY: Entry = Entry::of::<TextInput>();
