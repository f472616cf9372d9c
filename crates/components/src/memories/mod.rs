//! Conversation memories.

pub(crate) mod buffer;
mod message_history;
pub(crate) mod turns;
mod window;

use millrace_engine::Entry;

/// Its component types, by file.
pub(crate) const ENTRIES: &[&Entry] = &[&buffer::ENTRY, &message_history::ENTRY, &window::ENTRY];
