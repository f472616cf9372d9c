//! Ways in for `tests/fuzz`.

use super::parse::Parser;
use super::{parse_blobs, parse_lines};

/// The parser of each kind of agent.
pub(crate) const PARSERS: &[Parser] = &[
    parse_lines::zero_shot,
    parse_lines::conversational,
    parse_lines::docstore,
    parse_lines::self_ask,
    parse_blobs::chat,
    parse_blobs::structured,
    parse_blobs::conversational_chat,
];
