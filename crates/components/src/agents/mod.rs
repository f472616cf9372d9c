//! Agents: a model that calls tools until it has an answer.

mod agent_initializer;
mod conversational_agent;
mod executor;
mod functions;
pub(crate) mod fuzzing;
#[cfg(test)]
mod golden_tests;
mod json_text;
mod kinds;
mod parse;
mod parse_blobs;
mod parse_lines;
pub(crate) mod react;
mod vector_store_agent;
mod vector_store_router_agent;
#[cfg(test)]
mod vector_store_tests;
mod wording;
mod zero_shot_agent;

use millrace_engine::Entry;

/// Its component types, by file.
pub(crate) const ENTRIES: &[&Entry] = &[
    &agent_initializer::ENTRY,
    &conversational_agent::ENTRY,
    &vector_store_agent::ENTRY,
    &vector_store_router_agent::ENTRY,
    &zero_shot_agent::ENTRY,
];
