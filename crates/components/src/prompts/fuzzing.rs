//! Ways in for `tests/fuzz`.

use super::variables;

/// Whether a text is a template.
pub(crate) fn template(text: &str) -> bool {
    variables::template("template", text).is_ok()
}
