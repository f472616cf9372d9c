//! The names of things, checked once when they enter.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::{Builder, Uuid};

use crate::host::Host;

/// The text is not an id of the named kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a valid {kind}")]
pub struct InvalidId {
    /// What it should have been, for example `task id`.
    pub kind: &'static str,
}

/// Who owns a key, and through it flows, tasks and sessions: 1 to 64 characters of `[a-z0-9_-]`.
///
/// The alphabet has no `#`, so that a tenant can never reach into another part of a row's key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct TenantId(String);

impl TenantId {
    /// The tenant as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<&str> for TenantId {
    type Error = InvalidId;

    fn try_from(text: &str) -> Result<Self, InvalidId> {
        let allowed = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'_' || c == b'-';
        if (1..=64).contains(&text.len()) && text.bytes().all(allowed) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidId { kind: "tenant" })
        }
    }
}

impl TryFrom<String> for TenantId {
    type Error = InvalidId;

    fn try_from(text: String) -> Result<Self, InvalidId> {
        Self::try_from(text.as_str())
    }
}

impl FromStr for TenantId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        Self::try_from(text)
    }
}

impl fmt::Display for TenantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident, $kind:literal) => {
        $(#[$doc])*
        ///
        /// Read with or without hyphens, in any case; shown hyphenated in lower case.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(pub Uuid);

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                parse_uuid(text).map(Self).ok_or(InvalidId { kind: $kind })
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;

            fn try_from(text: String) -> Result<Self, InvalidId> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.to_string()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}", self.0.as_hyphenated())
            }
        }
    };
}

uuid_id! {
    /// One run of a flow. Version 7, so that ids sort by the time of their making.
    TaskId, "task id"
}

uuid_id! {
    /// An uploaded flow. Version 4 in shape.
    FlowId, "flow id"
}

impl TaskId {
    /// A new id from the host's time and randomness.
    pub fn new(host: &dyn Host) -> Self {
        Self(time_ordered_uuid(host))
    }

    /// When the id was made, to the millisecond. `None` when it is not of version 7.
    pub fn made_at(&self) -> Option<Timestamp> {
        let (seconds, nanos) = self.0.get_timestamp()?.to_unix();
        Timestamp::new(i64::try_from(seconds).ok()?, i32::try_from(nanos).ok()?).ok()
    }
}

impl FlowId {
    /// A new id from the host's randomness.
    pub fn new(host: &dyn Host) -> Self {
        let mut bytes = [0; 16];
        host.random(&mut bytes);
        Self(Builder::from_random_bytes(bytes).into_uuid())
    }
}

/// A UUID of version 7.
pub(crate) fn time_ordered_uuid(host: &dyn Host) -> Uuid {
    let mut bytes = [0; 10];
    host.random(&mut bytes);
    let millis = u64::try_from(host.now().as_millisecond()).unwrap_or_default();
    Builder::from_unix_timestamp_millis(millis, &bytes).into_uuid()
}

/// `Uuid`'s own parser also takes braces and `urn:uuid:`, which no client of ours sends.
fn parse_uuid(text: &str) -> Option<Uuid> {
    matches!(text.len(), 32 | 36).then(|| Uuid::try_parse(text).ok()).flatten()
}

/// A conversation, named by the client: 1 to 512 bytes of any text.
///
/// It stands hashed in keys of the table, so that no character in it has a meaning there.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct SessionId(String);

impl SessionId {
    /// The session as the client named it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<&str> for SessionId {
    type Error = InvalidId;

    fn try_from(text: &str) -> Result<Self, InvalidId> {
        if (1..=512).contains(&text.len()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidId { kind: "session id (1 to 512 bytes)" })
        }
    }
}

impl TryFrom<String> for SessionId {
    type Error = InvalidId;

    fn try_from(text: String) -> Result<Self, InvalidId> {
        Self::try_from(text.as_str())
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenant_is_checked_when_it_enters() {
        let long = "a".repeat(64);
        for good in ["a", "team-1", "a_b", long.as_str()] {
            assert_eq!(TenantId::try_from(good).unwrap().as_str(), good);
        }
        let too_long = "a".repeat(65);
        for bad in ["", "A", "x#list", "a b", "ä", too_long.as_str()] {
            assert!(TenantId::try_from(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_flow_id_is_read_in_any_common_form() {
        let canonical = "67e55044-10b1-426f-9247-bb680e5fe0c8";
        for text in [canonical, "67E55044-10B1-426F-9247-BB680E5FE0C8", "67e5504410b1426f9247bb680e5fe0c8"] {
            assert_eq!(text.parse::<FlowId>().unwrap().to_string(), canonical);
        }
        for bad in [
            "",
            "67e55044",
            "{67e55044-10b1-426f-9247-bb680e5fe0c8}",
            "not-a-uuid-not-a-uuid-not-a-uuid-nota",
        ] {
            assert!(bad.parse::<FlowId>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_session_may_be_any_text_of_bounded_length() {
        let long = "s".repeat(512);
        assert!(SessionId::try_from("a#b/ü").is_ok());
        assert!(SessionId::try_from(long.as_str()).is_ok());
        assert!(SessionId::try_from("").is_err());
        assert!(SessionId::try_from(format!("{long}s")).is_err());
    }
}
