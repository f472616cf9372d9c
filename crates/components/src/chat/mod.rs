//! Where a 1.x flow takes its input and gives its answer.

mod chat_input;
mod chat_output;
mod text_input;
mod text_output;

use millrace_engine::Entry;

/// Its component types, by file.
pub(crate) const ENTRIES: &[&Entry] =
    &[&chat_input::ENTRY, &chat_output::ENTRY, &text_input::ENTRY, &text_output::ENTRY];

use millrace_engine::{Context, Message, RunError};

/// The scope of a session under which the messages of a 1.x conversation are kept.
pub(crate) const MESSAGES: &str = "messages";

/// Gives a message its id, time and origin, and keeps it if it belongs to a session.
pub(crate) async fn store(cx: &Context, mut message: Message, keep: bool) -> Result<Message, RunError> {
    message.id = cx.uuid();
    message.run_id = cx.task_id().to_owned();
    message.flow_id = cx.flow_id().to_owned();
    message.timestamp = cx.now().await?.strftime("%Y-%m-%d %H:%M:%S.%6f UTC").to_string();
    if keep && !message.session_id.is_empty() {
        let turn = serde_json::Value::Object(message.data());
        cx.append_turn(MESSAGES, &message.timestamp, turn).await?;
        cx.emit(message.clone());
    }
    Ok(message)
}
