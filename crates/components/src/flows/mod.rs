//! Flows called by flows.

mod flow_runner;
mod flow_tool;

use millrace_engine::{Entry, python_str};
use serde_json::Value as Json;

/// Its component types, by file.
pub(crate) const ENTRIES: &[&Entry] = &[&flow_runner::ENTRY, &flow_tool::ENTRY];

/// A flow's result as text: a single output is itself.
fn as_text(result: &Json) -> String {
    match result {
        Json::Object(outputs) if outputs.len() == 1 => outputs.values().map(python_str).collect(),
        other => python_str(other),
    }
}
