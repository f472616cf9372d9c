//! Nodes that hold Python of their own, and flows called by flows.

use millrace_engine::Entry;

/// Its component types, by file.
pub(crate) const ENTRIES: &[&Entry] = &[];
