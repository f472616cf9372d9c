//! Chains of the 0.x dialect.

mod combine;
mod combine_prompts;
mod conversation_chain;
mod llm_chain;
pub(crate) mod own_prompt;
mod prompt_chain;
pub(crate) mod qa;

use millrace_engine::Entry;

/// Its component types, by file.
pub(crate) const ENTRIES: &[&Entry] = &[&conversation_chain::ENTRY, &llm_chain::ENTRY];
