//! Prompts.

pub(crate) mod prompt;
pub(crate) mod prompt_template;
