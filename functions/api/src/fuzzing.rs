//! Ways in for `tests/fuzz`. Nothing that is deployed calls them.

use bytes::Bytes;
use serde_json::Value;

use crate::{form, json, uuid_text};

/// The levels of arrays and objects that a body may have.
pub const MAX_DEPTH: usize = json::MAX_DEPTH;

/// The value of a JSON text.
///
/// # Errors
/// Where it is wrong, in characters.
pub fn json(text: &str) -> Result<Value, usize> {
    json::parse(text).map_err(|error| error.offset)
}

/// The contents of a form's parts; none if it is no form.
pub async fn form(content_type: &str, bytes: Bytes) -> Option<Vec<Bytes>> {
    if !form::is_form(content_type) {
        return None;
    }
    let parts = form::parts(content_type, bytes).await.ok()?;
    Some(parts.into_iter().map(|part| part.bytes).collect())
}

/// What is wrong with the text of a UUID, if anything is.
pub fn uuid(text: &str) -> Option<String> {
    uuid_text::parse(text).err()
}
