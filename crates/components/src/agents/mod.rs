//! Agents: a model that calls tools until it has an answer.

mod executor;
mod json_text;
mod parse;
mod parse_blobs;
mod parse_lines;
pub(crate) mod react;
mod wording;
mod zero_shot_agent;

use millrace_engine::Entry;

/// Its component types, by file.
pub(crate) const ENTRIES: &[&Entry] = &[&zero_shot_agent::ENTRY];
