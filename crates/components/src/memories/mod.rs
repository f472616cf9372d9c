//! Conversation memories.

pub(crate) mod buffer;
mod entities;
mod entity;
mod knowledge_graph;
mod message_history;
mod postgres;
mod state;
mod summary;
pub(crate) mod turns;
mod window;

use millrace_engine::Entry;

/// Its component types, by file.
pub(crate) const ENTRIES: &[&Entry] = &[
    &buffer::ENTRY,
    &entity::ENTRY,
    &knowledge_graph::ENTRY,
    &message_history::ENTRY,
    &postgres::ENTRY,
    &summary::ENTRY,
    &window::ENTRY,
];
