//! The component types that flows are made of: one file each, listed once in [`ENTRIES`].
//!
//! **A component reaches the outside only through the engine's `Context` and `outbound`.**

mod chains;
mod chat;
mod memories;
mod models;
mod prompts;
mod protocol;

use millrace_engine::{Entry, Registry};

/// All component types, sorted by name.
pub const ENTRIES: &[&Entry] = &[
    &chat::chat_input::ENTRY,
    &models::chat_openai::ENTRY,
    &chat::chat_output::ENTRY,
    &memories::buffer::ENTRY,
    &memories::window::ENTRY,
    &chains::conversation_chain::ENTRY,
    &models::language_model::ENTRY,
    &chains::llm_chain::ENTRY,
    &memories::message_history::ENTRY,
    &models::openai::ENTRY,
    &models::openai_model::ENTRY,
    &prompts::prompt::ENTRY,
    &prompts::prompt_template::ENTRY,
    &chat::text_input::ENTRY,
    &chat::text_output::ENTRY,
];

/// Hashes of the Python that Langflow's releases embed, as lines of `hash type`: the first 12 hex digits of
/// the code's SHA-256, and the type it was released under.
const STOCK: &str = include_str!("../stock_hashes.txt");

/// The registry of all component types.
pub fn registry() -> Registry {
    Registry::new(ENTRIES, STOCK)
}
