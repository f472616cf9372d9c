//! Ways in for `tests/fuzz`.

use super::{entities, knowledge_graph};

/// Reads a model's reply in each way that a memory does.
pub(crate) fn reply(text: &str) {
    let _ = entities::listed(text);
    let _ = knowledge_graph::triples(text);
}
