//! Conversation memories.

pub(crate) mod buffer;
mod entities;
pub(crate) mod entity;
pub(crate) mod fuzzing;
mod knowledge_graph;
mod message_history;
mod postgres;
mod state;
pub(crate) mod summary;
pub(crate) mod turns;
mod vector_store;
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
    &vector_store::ENTRY,
    &window::ENTRY,
];
