//! Chains of the 0.x dialect.

pub(crate) mod conversation_chain;
pub(crate) mod llm_chain;
mod prompt_chain;
