//! Conversation memories.

pub(crate) mod buffer;
pub(crate) mod message_history;
mod turns;
pub(crate) mod window;
