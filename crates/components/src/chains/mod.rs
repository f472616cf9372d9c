//! Chains of the 0.x dialect.

mod conversation_chain;
mod llm_chain;
pub(crate) mod llm_math;
mod llm_math_chain;
mod prompt_chain;
mod sql_database_chain;

use millrace_engine::Entry;

/// Its component types, by file.
pub(crate) const ENTRIES: &[&Entry] =
    &[&conversation_chain::ENTRY, &llm_chain::ENTRY, &llm_math_chain::ENTRY, &sql_database_chain::ENTRY];
