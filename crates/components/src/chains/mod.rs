//! Chains of the 0.x dialect.

mod combine;
mod combine_docs_chain;
mod combine_prompts;
#[cfg(test)]
mod combine_tests;
mod conversation;
mod conversation_chain;
mod conversational_retrieval_chain;
pub(crate) mod fuzzing;
mod llm_chain;
mod llm_checker_chain;
pub(crate) mod llm_math;
mod llm_math_chain;
mod midjourney_prompt_chain;
pub(crate) mod own_prompt;
mod prompt_chain;
mod prompt_runner;
pub(crate) mod qa;
pub(crate) mod recall;
#[cfg(test)]
mod recorded_tests;
mod retrieval_qa;
mod retrieval_qa_with_sources_chain;
mod series_character_chain;
mod sql_database_chain;
mod time_travel_guide_chain;

use millrace_engine::Entry;

/// Its component types, by file.
pub(crate) const ENTRIES: &[&Entry] = &[
    &combine_docs_chain::ENTRY,
    &conversation_chain::ENTRY,
    &conversational_retrieval_chain::ENTRY,
    &llm_chain::ENTRY,
    &llm_checker_chain::ENTRY,
    &llm_math_chain::ENTRY,
    &midjourney_prompt_chain::ENTRY,
    &prompt_runner::ENTRY,
    &retrieval_qa::ENTRY,
    &retrieval_qa_with_sources_chain::ENTRY,
    &series_character_chain::ENTRY,
    &sql_database_chain::ENTRY,
    &time_travel_guide_chain::ENTRY,
];
