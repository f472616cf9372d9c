//! Toolkits: tools over one thing, a table, a document, an interface.

mod openapi;
pub(crate) mod vector_store_info;
mod vector_store_router_toolkit;
mod vector_store_toolkit;
pub(crate) mod vector_store_tools;

use millrace_engine::Entry;

/// Its component types, by file.
pub(crate) const ENTRIES: &[&Entry] = &[
    &openapi::ENTRY,
    &vector_store_info::ENTRY,
    &vector_store_router_toolkit::ENTRY,
    &vector_store_toolkit::ENTRY,
];
