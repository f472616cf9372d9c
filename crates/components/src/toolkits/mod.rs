//! Toolkits: tools over one thing, a table, a document, an interface.

mod csv_agent;
pub(crate) mod fuzzing;
mod json_agent;
mod json_get_value_tool;
#[cfg(test)]
mod json_golden_tests;
mod json_list_keys_tool;
mod json_path;
mod json_spec;
mod json_toolkit;
mod json_tools;
mod openapi;
mod table;
pub(crate) mod vector_store_info;
mod vector_store_router_toolkit;
mod vector_store_toolkit;
pub(crate) mod vector_store_tools;

use millrace_engine::Entry;

/// Its component types, by file.
pub(crate) const ENTRIES: &[&Entry] = &[
    &csv_agent::ENTRY,
    &json_agent::ENTRY,
    &json_get_value_tool::ENTRY,
    &json_list_keys_tool::ENTRY,
    &json_spec::ENTRY,
    &json_toolkit::ENTRY,
    &openapi::ENTRY,
    &vector_store_info::ENTRY,
    &vector_store_router_toolkit::ENTRY,
    &vector_store_toolkit::ENTRY,
];
