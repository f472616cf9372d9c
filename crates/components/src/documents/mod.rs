//! Documents: files and pages read, and cut to pieces.

mod character_text_splitter;
mod language_recursive_text_splitter;
mod languages;
mod plain_text;
mod recursive_character_text_splitter;
mod split;

use millrace_engine::Entry;

/// Its component types, by file.
pub(crate) const ENTRIES: &[&Entry] = &[
    &character_text_splitter::ENTRY,
    &language_recursive_text_splitter::ENTRY,
    &recursive_character_text_splitter::ENTRY,
];
