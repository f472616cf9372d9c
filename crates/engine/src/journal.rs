//! The effects that a task has already had.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::capability::Usage;
use crate::effect::EffectKey;
use crate::error::RunError;

/// One effect that happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// The kind, such as `model` or `session.turns`.
    pub kind: String,
    /// SHA-256 of kind and request, hex: a replayed request must match its record.
    pub request_hash: String,
    /// What came back.
    pub response: Json,
    /// Tokens that the effect cost.
    #[serde(default)]
    pub usage: Usage,
    /// When it was over.
    pub at: Timestamp,
    /// How long it took, in milliseconds.
    pub ms: u64,
}

/// Where records are kept.
#[async_trait]
pub trait Journal: Send + Sync {
    /// The record under this key, if the effect already happened.
    async fn recorded(&self, key: &EffectKey) -> Result<Option<Record>, RunError>;
    /// Keeps a record if there is none and answers the one that stands.
    async fn record(&self, key: &EffectKey, record: Record) -> Result<Record, RunError>;
}

/// A journal that lives as long as the run: enough where a run is not repeated.
#[derive(Debug, Default)]
pub struct MemoryJournal(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    /// In the order in which they were made.
    records: Vec<(String, Record)>,
    places: HashMap<String, usize>,
}

impl Kept {
    fn put(&mut self, key: &str, record: Record) -> Record {
        let place = *self.places.entry(key.to_owned()).or_insert(self.records.len());
        if place == self.records.len() {
            self.records.push((key.to_owned(), record));
        }
        self.records[place].1.clone()
    }
}

impl MemoryJournal {
    /// A journal that starts with these records, by key.
    pub fn of(records: impl IntoIterator<Item = (String, Record)>) -> Self {
        let mut kept = Kept::default();
        for (key, record) in records {
            kept.put(&key, record);
        }
        Self(Mutex::new(kept))
    }

    /// The record that was made `place`-th, from 0.
    pub fn nth(&self, place: usize) -> Option<(String, Record)> {
        self.kept().records.get(place).cloned()
    }

    /// The records by key, sorted.
    pub fn records(&self) -> Vec<(String, Record)> {
        let mut all = self.kept().records.clone();
        all.sort_by(|a, b| a.0.cmp(&b.0));
        all
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Journal for MemoryJournal {
    async fn recorded(&self, key: &EffectKey) -> Result<Option<Record>, RunError> {
        let kept = self.kept();
        Ok(kept.places.get(key.as_str()).and_then(|place| kept.records.get(*place)).map(|(_, r)| r.clone()))
    }

    async fn record(&self, key: &EffectKey, record: Record) -> Result<Record, RunError> {
        Ok(self.kept().put(key.as_str(), record))
    }
}
