//! Toolkits: tools over one thing, a table, a document, an interface.

mod openapi;

use millrace_engine::Entry;

/// Its component types, by file.
pub(crate) const ENTRIES: &[&Entry] = &[&openapi::ENTRY];
