//! Prompts, and parsers that say in which form a model answers.

mod chat_message_prompt_template;
mod chat_prompt_template;
pub(crate) mod fuzzing;
mod human_message_prompt_template;
mod prompt;
mod prompt_template;
mod response_schema;
mod structured_output_parser;
mod system_message_prompt_template;
mod variables;

use millrace_engine::Entry;

/// Its component types, by file.
pub(crate) const ENTRIES: &[&Entry] = &[
    &chat_message_prompt_template::ENTRY,
    &chat_prompt_template::ENTRY,
    &human_message_prompt_template::ENTRY,
    &prompt::ENTRY,
    &prompt_template::ENTRY,
    &response_schema::ENTRY,
    &structured_output_parser::ENTRY,
    &system_message_prompt_template::ENTRY,
];
