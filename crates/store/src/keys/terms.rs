//! On what terms a key is good, as both of its rows have them.

use jiff::Timestamp;

use super::scopes::Scopes;
use crate::after;
use crate::error::StoreError;
use crate::item::{Item, Row, epoch_seconds, number, text, time};
use crate::schema::{EXPIRES, attr};

/// What a key may be used for, how long, and how often.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyTerms {
    /// What for.
    pub scopes: Scopes,
    /// From when on it is as good as unknown. `None`: never.
    pub expires_at: Option<Timestamp>,
    /// How many requests a minute are served. `None`: as many as [`crate::StoreConfig::requests_per_minute`] says.
    pub requests_per_minute: Option<u32>,
}

impl Default for KeyTerms {
    /// Everything, for ever.
    fn default() -> Self {
        Self { scopes: Scopes::ALL, expires_at: None, requests_per_minute: None }
    }
}

impl KeyTerms {
    /// Whether the key is over. **The moment that is named is the first at which it is.**
    pub fn are_over(&self, now: Timestamp) -> bool {
        self.expires_at.is_some_and(|end| end <= now)
    }

    /// The terms of a row. A row from before there were scopes has all of them.
    pub(super) fn read(row: &Row<'_>) -> Result<Self, StoreError> {
        let scopes = match row.has(attr::SCOPES) {
            true => Scopes::from_words(row.text(attr::SCOPES)?),
            false => Scopes::ALL,
        };
        let expires_at = row.has(attr::UNTIL).then(|| row.time(attr::UNTIL)).transpose()?;
        let rate = row.has(attr::RATE).then(|| row.count(attr::RATE)).transpose()?;
        let requests_per_minute = rate.map(u32::try_from).transpose().map_err(|_| row.corrupt())?;
        Ok(Self { scopes, expires_at, requests_per_minute })
    }

    /// Adds the terms to a row. It goes some time after the key's end, so that lists show for a while what
    /// has become of it.
    pub(super) fn add_to(&self, item: Item, retention: std::time::Duration) -> Item {
        item.with(attr::SCOPES, text(self.scopes.words()))
            .with_some(attr::UNTIL, self.expires_at.map(time))
            .with_some(EXPIRES, self.expires_at.map(|end| epoch_seconds(after(end, retention))))
            .with_some(attr::RATE, self.requests_per_minute.map(number))
    }
}
