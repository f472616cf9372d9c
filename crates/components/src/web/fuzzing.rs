//! Ways in for `tests/fuzz`.

use super::{fetch, html};

/// The text of a page.
pub(crate) fn page(bytes: &[u8], declared: Option<&str>) -> String {
    fetch::shown(html::text(&fetch::decode(bytes, declared)).text)
}
