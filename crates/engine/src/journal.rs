//! The effects that a task has already had.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::capability::Usage;
use crate::context::EffectKey;
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
pub struct MemoryJournal(Mutex<HashMap<String, Record>>);

impl MemoryJournal {
    /// A journal that starts with these records, by key.
    pub fn of(records: impl IntoIterator<Item = (String, Record)>) -> Self {
        Self(Mutex::new(records.into_iter().collect()))
    }

    /// The records by key, sorted.
    pub fn records(&self) -> Vec<(String, Record)> {
        let map = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut all: Vec<_> = map.iter().map(|(key, record)| (key.clone(), record.clone())).collect();
        all.sort_by(|a, b| a.0.cmp(&b.0));
        all
    }
}

#[async_trait]
impl Journal for MemoryJournal {
    async fn recorded(&self, key: &EffectKey) -> Result<Option<Record>, RunError> {
        Ok(self.0.lock().unwrap_or_else(PoisonError::into_inner).get(key.as_str()).cloned())
    }

    async fn record(&self, key: &EffectKey, record: Record) -> Result<Record, RunError> {
        let mut map = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(map.entry(key.as_str().to_owned()).or_insert(record).clone())
    }
}
