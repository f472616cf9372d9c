//! The component types that flows are made of: one file each, listed in its category's `ENTRIES`.
//!
//! **A component reaches the outside only through the engine's `Context` and `outbound`.**

mod agents;
mod chains;
mod chat;
mod documents;
mod embeddings;
mod flows;
#[doc(hidden)]
pub mod fuzzing;
mod memories;
mod models;
mod prompts;
mod protocol;
mod python;
mod retrieval;
mod sql;
#[cfg(test)]
mod stand_in;
mod toolkits;
mod tools;
mod unsupported;
mod variables;
mod web;

use std::sync::LazyLock;

use millrace_engine::{Entry, Registry};
pub use unsupported::UNSUPPORTED;
pub use variables::VARIABLES;

/// A category by name, and its component types.
pub type Category = (&'static str, &'static [&'static Entry]);

/// The component types by category, in the order of the reference.
pub const CATEGORIES: &[Category] = &[
    ("Chat", chat::ENTRIES),
    ("Prompts and parsers", prompts::ENTRIES),
    ("Models", models::ENTRIES),
    ("Embeddings", embeddings::ENTRIES),
    ("Chains", chains::ENTRIES),
    ("Agents", agents::ENTRIES),
    ("Tools", tools::ENTRIES),
    ("Toolkits", toolkits::ENTRIES),
    ("Memories", memories::ENTRIES),
    ("Documents", documents::ENTRIES),
    ("Retrieval", retrieval::ENTRIES),
    ("Web", web::ENTRIES),
    ("SQL", sql::ENTRIES),
    ("Flows", flows::ENTRIES),
    ("Python", python::ENTRIES),
];

/// All component types, sorted by name.
pub static ENTRIES: LazyLock<Vec<&'static Entry>> = LazyLock::new(|| {
    let mut all: Vec<&'static Entry> = CATEGORIES.iter().flat_map(|(_, entries)| *entries).copied().collect();
    all.sort_by_key(|entry| entry.spec.names[0].to_lowercase());
    all
});

/// Hashes of the Python that Langflow's releases embed, as lines of `hash type`: the first 12 hex digits of
/// the code's SHA-256, and the type it was released under.
const STOCK: &str = include_str!("../stock_hashes.txt");

/// The registry of all component types.
pub fn registry() -> Registry {
    Registry::new(&ENTRIES, STOCK).without(UNSUPPORTED)
}
