//! FacebookChatLoader: the messages of a conversation (0.x).

use jiff::Timestamp;
use millrace_engine::{Document, Entry, Example, File, Spec, output};
use serde::Deserialize;
use serde_json::Value as Json;

use super::loader::{self, Format, Loader, Unreadable};
use super::plain_text::decode;

/// What Facebook gives of a conversation: a JSON file.
pub(crate) struct FacebookChat;

impl Format for FacebookChat {
    const SPEC: Spec = Spec {
        names: &["FacebookChatLoader"],
        about: "The messages of a conversation that was downloaded from Facebook, as one document. Times are in UTC.",
        inputs: loader::INPUTS,
        outputs: &[output("documents")],
        examples: &[Example {
            title: "a message",
            inputs: r#"{"file_path": "chat.json"}"#,
            output: r#"{"documents": [
                {"page_content": "Ann on 2023-11-14 22:13:20: The mill is open.\n\n",
                 "metadata": {"source": "chat.json"}, "type": "Document"}
            ]}"#,
        }],
        ..Spec::SUPPORTED
    };
    const READ: loader::Read = read;
}

#[derive(Deserialize)]
struct Chat {
    messages: Vec<Message>,
}

#[derive(Deserialize)]
struct Message {
    sender_name: String,
    timestamp_ms: i64,
    #[serde(default)]
    content: Json,
}

/// Messages without a text, such as pictures, are left out.
pub(super) fn read(file: &File) -> Result<Vec<Document>, Unreadable> {
    let chat: Chat = serde_json::from_str(&decode(&file.bytes))
        .map_err(|_| Unreadable::Broken("conversation of Facebook"))?;
    let mut text = String::new();
    for (number, message) in chat.messages.iter().enumerate() {
        let Some(content) = message.content.as_str().filter(|content| !content.is_empty()) else { continue };
        let time = Timestamp::from_millisecond(message.timestamp_ms)
            .map_err(|_| Unreadable::Malformed(format!("messages.{number}.timestamp_ms is no time")))?;
        let time = time.strftime("%Y-%m-%d %H:%M:%S");
        text.push_str(&format!("{} on {time}: {content}\n\n", message.sender_name));
    }
    Ok(loader::whole(text))
}

pub(crate) const ENTRY: Entry = Entry::of::<Loader<FacebookChat>>();

#[cfg(test)]
mod tests {
    use super::*;
    use crate::documents::loader::tests;

    #[test]
    fn messages_are_told_with_who_and_when() {
        let chat = br#"{"participants": [], "messages": [
            {"sender_name": "Ann", "timestamp_ms": 0, "content": "hi"},
            {"sender_name": "Bob", "timestamp_ms": 1, "photos": []},
            {"sender_name": "Bob", "timestamp_ms": 86400000, "content": "ho"}]}"#;
        let text = "Ann on 1970-01-01 00:00:00: hi\n\nBob on 1970-01-02 00:00:00: ho\n\n";
        assert_eq!(tests::texts(read, "a.json", chat), [text]);
        for broken in [&b"[]"[..], b"{\"messages\": [{}]}", b""] {
            let error = tests::read(read, "a.json", broken).unwrap_err();
            assert_eq!(error, "it is no conversation of Facebook that can be read");
        }
        let late =
            br#"{"messages": [{"sender_name": "A", "timestamp_ms": 9223372036854775807, "content": "x"}]}"#;
        assert_eq!(tests::read(read, "a.json", late).unwrap_err(), "messages.0.timestamp_ms is no time");
    }
}
