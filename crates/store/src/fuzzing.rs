//! Ways in for `tests/fuzz`. Nothing that is deployed calls them.

use crate::keys::public_id;

/// The public id in the text of a key, if it can be one.
pub fn key(text: &str, plain: bool) -> Option<String> {
    public_id(text, plain)
}
