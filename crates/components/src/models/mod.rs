//! Language models.

mod chat_openai;
mod language_model;
mod openai;
mod openai_model;
mod text_model;

use millrace_engine::Entry;

/// Its component types, by file.
pub(crate) const ENTRIES: &[&Entry] =
    &[&chat_openai::ENTRY, &language_model::ENTRY, &openai::ENTRY, &openai_model::ENTRY];
