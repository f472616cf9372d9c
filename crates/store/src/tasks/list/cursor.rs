//! A place in the list of a tenant's tasks.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;

use crate::ids::TaskId;
use crate::rows;
use crate::schema::sortable;

/// The text is no cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the cursor is not one that this list has given out")]
pub struct InvalidCursor;

/// A task's place in the list; a page begins with the next older one. Opaque to clients: base64url.
///
/// It names no tenant: whatever a client makes of it, it can only move within its own tasks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    created: Timestamp,
    pub(super) task: TaskId,
}

impl Cursor {
    /// Reads a sort key of the index, in exactly the form in which it is written.
    pub(super) fn from_sort_key(text: &str) -> Option<Self> {
        let (created, task) = text.split_once('#')?;
        let place = Self { created: created.parse().ok()?, task: task.parse().ok()? };
        (created.len() == 24 && sortable(place.created) == created && place.sort_key() == text)
            .then_some(place)
    }

    pub(super) fn sort_key(&self) -> String {
        rows::list_sort(self.created, self.task)
    }
}

impl FromStr for Cursor {
    type Err = InvalidCursor;

    fn from_str(text: &str) -> Result<Self, InvalidCursor> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| InvalidCursor)?;
        let sort_key = std::str::from_utf8(&bytes).map_err(|_| InvalidCursor)?;
        Self::from_sort_key(sort_key).ok_or(InvalidCursor)
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(self.sort_key()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SORT_KEY: &str = "2025-06-15T15:06:40.007Z#01977412-1d07-7a00-8000-00000000000a";

    #[test]
    fn a_cursor_comes_back_as_it_went_out() {
        let cursor = Cursor::from_sort_key(SORT_KEY).unwrap();
        let text = cursor.to_string();
        assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'));
        assert_eq!(text.parse::<Cursor>(), Ok(cursor));
        assert_eq!(cursor.sort_key(), SORT_KEY);
    }

    #[test]
    fn anything_else_is_refused() {
        let task = &SORT_KEY[25..];
        let upper = SORT_KEY.to_uppercase();
        let tampered = [
            "",
            "#",
            &SORT_KEY[..24],
            &SORT_KEY[..60],
            task,
            upper.as_str(),
            &SORT_KEY.replace("007Z", "007z"),
            &SORT_KEY.replace(".007Z", "Z"),
            &SORT_KEY.replace('T', " "),
            &SORT_KEY.replace("007Z", "007+00:00"),
            &SORT_KEY.replace("06-15", "06-31"),
            &SORT_KEY.replace("1d07-", "1d07"),
            &format!("{SORT_KEY}#"),
            &format!(" {SORT_KEY}"),
            "other#2025-06-15T15:06:40.007Z",
        ];
        for text in tampered {
            assert_eq!(URL_SAFE_NO_PAD.encode(text).parse::<Cursor>(), Err(InvalidCursor), "{text}");
        }
        let good = URL_SAFE_NO_PAD.encode(SORT_KEY);
        assert!(good.parse::<Cursor>().is_ok());
        for text in [SORT_KEY, &format!("{good}=="), &format!("{good} "), "_", "ä", "%00"] {
            assert_eq!(text.parse::<Cursor>(), Err(InvalidCursor), "{text}");
        }
        assert_eq!(URL_SAFE_NO_PAD.encode([0xff; 61]).parse::<Cursor>(), Err(InvalidCursor));
    }
}
