//! Ways in for `tests/fuzz`.

use super::{llm_math, qa};

/// Reads a model's reply in each way that a chain does.
pub(crate) fn reply(text: &str) {
    let _ = llm_math::answer(text);
    let _ = qa::split_sources(text);
}
