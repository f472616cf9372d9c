//! Nodes that hold Python of their own.

mod echo;
pub(crate) mod fuzzing;
pub(crate) mod python_function;
mod python_function_tool;

use millrace_engine::Entry;

/// Its component types, by file.
pub(crate) const ENTRIES: &[&Entry] = &[&python_function::ENTRY, &python_function_tool::ENTRY];
