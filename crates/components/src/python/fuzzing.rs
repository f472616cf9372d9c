//! Ways in for `tests/fuzz`.

use super::echo;

/// Whether this code gives its argument back.
pub(crate) fn echoes(code: &str) -> bool {
    echo::echoes(code)
}
