//! Prompts.

mod prompt;
mod prompt_template;

use millrace_engine::Entry;

/// Its component types, by file.
pub(crate) const ENTRIES: &[&Entry] = &[&prompt::ENTRY, &prompt_template::ENTRY];
