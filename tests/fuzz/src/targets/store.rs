//! Names: messages of the queue, ids, cursors, references, keys.

use std::fmt::Display;
use std::str::FromStr;

use millrace_store::{
    Cursor, FlowId, IdempotencyKey, SessionId, TaskId, TaskMessage, TenantId, UploadRef, fuzzing,
};

use crate::Target;

pub(super) const NAMES: Target = Target::of("names", names).words(&[
    "{\"v\":1,\"tenant\":\"",
    "\",\"task\":\"",
    "\"}",
    "01976a2b-93c4-7d41-8e2f-0123456789ab",
    "default",
    "millrace:upload/",
    ".csv",
    "sk-",
    "#",
    "0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f",
    "2025-06-15T15:06:40.007Z",
]);

/// What is read is read again from what is shown of it.
fn names(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    if let Ok(message) = TaskMessage::parse(text) {
        assert_eq!(TaskMessage::parse(&message.body()), Ok(message));
    }
    again::<TaskId>(text);
    again::<FlowId>(text);
    again::<TenantId>(text);
    again::<Cursor>(text);
    again::<IdempotencyKey>(text);
    if let Some(reference) = again::<UploadRef>(text) {
        assert!(
            UploadRef::is_meant_by(text)
                && reference.to_string() == text
                && !reference.file_name().contains(['/', '\\'])
        );
    }
    assert_eq!(SessionId::try_from(text).is_ok(), (1..=512).contains(&text.len()));
    assert_eq!(fuzzing::key(text, true).is_some(), !text.is_empty());
    if let Some(id) = fuzzing::key(text, false) {
        assert!(text.contains(&id) && text.len() == 69);
    }
}

fn again<T: FromStr + Display + PartialEq>(text: &str) -> Option<T> {
    let read = text.parse::<T>().ok()?;
    let shown = read.to_string();
    assert!(shown.parse::<T>().ok().as_ref() == Some(&read), "{shown} is another one");
    Some(read)
}
