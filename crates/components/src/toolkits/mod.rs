//! Toolkits: tools over one thing, a table, a document, an interface.

use millrace_engine::Entry;

/// Its component types, by file.
pub(crate) const ENTRIES: &[&Entry] = &[];
