//! The journal of a task: the effects that it has already had.
//!
//! A record is put if absent, and is never changed; whoever loses that race adopts the stored one. Records
//! are rows of their own, so that a task's own row stays small, and lie outside what a poll reads.

mod copy;

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Store;
use crate::error::StoreError;
use crate::ids::{InvalidId, TaskId, TenantId};
use crate::item::{Item, Row, epoch_seconds, json, number, text, time};
use crate::rows::{self, JOURNAL};
use crate::schema::{EXPIRES, SK, attr};
use crate::table::{Range, Sort};

/// What a record is called in errors.
const ROW: &str = "journal record";

/// Where a task's effects are recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JournalMode {
    /// In the table: what was recorded is never done again.
    #[default]
    Effects,
    /// In memory, for as long as one attempt runs.
    Memory,
    /// Nowhere.
    Off,
}

impl JournalMode {
    /// All modes.
    pub const ALL: [Self; 3] = [Self::Effects, Self::Memory, Self::Off];

    /// The mode as it is stored and told.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Effects => "effects",
            Self::Memory => "memory",
            Self::Off => "off",
        }
    }
}

impl FromStr for JournalMode {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let known = Self::ALL.into_iter().find(|mode| mode.as_str() == text);
        known.ok_or(InvalidId { kind: "journal mode" })
    }
}

impl fmt::Display for JournalMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An effect that a task has had.
#[derive(Debug, Clone, PartialEq)]
pub struct JournalRecord {
    /// Names the effect within its task. Any text; above 900 bytes it stands hashed in the row's key.
    pub key: String,
    /// What kind of effect it is, for people.
    pub kind: String,
    /// Tells whether a replayed request is the recorded one.
    pub hash: String,
    /// What came back, opaque to the store.
    pub response: Value,
    /// What it used, a small object, opaque to the store.
    pub usage: Value,
    /// When it was recorded.
    pub at: Timestamp,
    /// How long it took, in milliseconds.
    pub ms: u64,
    /// The fencing token of who recorded it; 0 for one that was copied from another task.
    pub attempt: u64,
}

impl Store {
    /// All records of a task, in the order of their keys: one strongly consistent query.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`], and those of the service.
    pub async fn journal(&self, tenant: &TenantId, id: TaskId) -> Result<Vec<JournalRecord>, StoreError> {
        let range = Range {
            pk: rows::task_partition(tenant, id),
            sort: Sort::Prefix(JOURNAL.to_owned()),
            newest: None,
        };
        let mut records = Vec::new();
        for item in self.query(range).await? {
            records.push(self.record_of(Row::new(ROW, &item)).await?);
        }
        Ok(records)
    }

    /// Records an effect, unless one is recorded under its key already: `Some` is that one.
    ///
    /// A large response is put beside the record that refers to it, and before it.
    ///
    /// # Errors
    /// [`StoreError::TooLarge`] before anything is written, [`StoreError::Corrupt`] when the record that
    /// stands there cannot be read, and those of the service. The record may then stand there or not; the
    /// same call may be made again.
    pub async fn record(
        &self,
        tenant: &TenantId,
        id: TaskId,
        record: &JournalRecord,
    ) -> Result<Option<JournalRecord>, StoreError> {
        let key = rows::journal(tenant, id, &record.key);
        let hashed = key.sk.strip_prefix(JOURNAL) != Some(&record.key);
        let item = Item::new(key)
            .with_some(attr::KEY, hashed.then(|| text(&record.key)))
            .with(attr::KIND, text(&record.kind))
            .with(attr::HASH, text(&record.hash))
            .with(attr::USAGE, json(&record.usage))
            .with(attr::AT, time(record.at))
            .with(attr::MS, number(record.ms))
            .with(attr::ATTEMPT, number(record.attempt))
            .with(EXPIRES, epoch_seconds(self.expiry(self.now())));
        let fitted = self.fit(item, attr::RESPONSE, json(&record.response), ROW)?;
        self.put_beside(fitted.beside).await?;
        match self.put_if_absent(fitted.item.clone()).await? {
            // The very item: it was written by this call, and only the reply had been lost.
            Some(stored) if stored != fitted.item => {
                let stored = self.record_of(Row::new(ROW, &stored)).await?;
                if stored.key == record.key {
                    Ok(Some(stored))
                } else {
                    Err(StoreError::Conflict { what: ROW })
                }
            }
            _ => Ok(None),
        }
    }

    async fn record_of(&self, row: Row<'_>) -> Result<JournalRecord, StoreError> {
        let key = match row.opt_text(attr::KEY) {
            Some(key) => key,
            None => row.text(SK)?.strip_prefix(JOURNAL).ok_or_else(|| row.corrupt())?,
        };
        Ok(JournalRecord {
            key: key.to_owned(),
            kind: row.text(attr::KIND)?.to_owned(),
            hash: row.text(attr::HASH)?.to_owned(),
            response: self.whole(row, attr::RESPONSE).await?,
            usage: row.json(attr::USAGE)?,
            at: row.time(attr::AT)?,
            ms: row.count(attr::MS)?,
            attempt: row.count(attr::ATTEMPT)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mode_is_read_as_written() {
        for mode in JournalMode::ALL {
            assert_eq!(mode.to_string().parse(), Ok(mode));
            assert_eq!(serde_json::to_value(mode).unwrap(), mode.as_str());
        }
        assert!("Effects".parse::<JournalMode>().is_err());
    }
}
