//! The engine's journal over the store, and the one of a run that may be handed over.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use millrace_engine::{EffectKey, ErrorKind, Journal, MemoryJournal, Record, RunError, Usage};
use millrace_store::{JournalRecord, Store, StoreError, TaskId, TenantId};

use crate::redact::Redactor;
use crate::services::unavailable;
use crate::supervisor::Watch;

/// How long a record whose effect has been paid for is tried to be kept: losing it means paying again.
const KEEP_TRYING: Duration = Duration::from_secs(20);
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// A journal that is given no secret: **what a record holds is what the run goes on with**, so that a run that is
/// resumed sees the same.
pub(crate) struct RedactingJournal {
    pub journal: Arc<dyn Journal>,
    pub redactor: Arc<Redactor>,
}

#[async_trait]
impl Journal for RedactingJournal {
    async fn recorded(&self, key: &EffectKey) -> Result<Option<Record>, RunError> {
        self.journal.recorded(key).await
    }

    async fn record(&self, key: &EffectKey, record: Record) -> Result<Record, RunError> {
        let response = self.redactor.json(record.response);
        self.journal.record(key, Record { response, ..record }).await
    }
}

/// Records in the table.
///
/// What earlier attempts recorded is read once, before the run; nobody else writes records of a task that
/// is leased, but for a worker that woke up late, and then the stored record is adopted.
pub(crate) struct StoredJournal {
    pub store: Store,
    pub tenant: TenantId,
    pub task: TaskId,
    pub attempt: u64,
    known: Mutex<HashMap<String, Record>>,
    watch: Arc<Watch>,
}

impl StoredJournal {
    /// An attempt's journal; `earlier` is what attempts before it recorded.
    pub fn new(
        store: Store,
        (tenant, task): (TenantId, TaskId),
        attempt: u64,
        earlier: Vec<JournalRecord>,
        watch: Arc<Watch>,
    ) -> Self {
        for record in &earlier {
            watch.saw(Duration::from_millis(record.ms));
        }
        watch.counts_ahead(earlier.len());
        let known = earlier.into_iter().map(|record| (record.key.clone(), restored(record))).collect();
        Self { store, tenant, task, attempt, known: Mutex::new(known), watch }
    }

    fn known(&self) -> MutexGuard<'_, HashMap<String, Record>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a record if there is none, and keeps trying while the service is away.
    async fn keep(&self, record: &JournalRecord) -> Result<Option<JournalRecord>, StoreError> {
        let last = tokio::time::Instant::now() + KEEP_TRYING;
        let mut pause = FIRST_PAUSE;
        loop {
            match self.store.record(&self.tenant, self.task, record).await {
                Err(error) if error.is_retryable() && tokio::time::Instant::now() + pause < last => {
                    tracing::warn!(task_id = %self.task, %error, "a record could not be kept yet");
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
                other => return other,
            }
        }
    }
}

#[async_trait]
impl Journal for StoredJournal {
    async fn recorded(&self, key: &EffectKey) -> Result<Option<Record>, RunError> {
        Ok(self.known().get(key.as_str()).cloned())
    }

    async fn record(&self, key: &EffectKey, record: Record) -> Result<Record, RunError> {
        self.put(key.as_str(), record).await
    }
}

impl StoredJournal {
    async fn put(&self, key: &str, record: Record) -> Result<Record, RunError> {
        let row = stored(key, &record, self.attempt);
        match self.keep(&row).await {
            Ok(None) => {
                self.watch.recorded();
                Ok(record)
            }
            Ok(Some(theirs)) => Ok(restored(theirs)),
            Err(StoreError::TooLarge { size, limit, .. }) => {
                let message = format!("An answer of {size} bytes is too large to keep; the limit is {limit}");
                Err(RunError::new(ErrorKind::OutputTooLarge, message))
            }
            Err(error) => Err(unavailable(error)),
        }
    }
}

/// Records in memory, until the run is handed over: from then on, in the table as well.
///
/// **What stands in the table is at any moment the beginning of what happened**: records are written one after
/// the other, in the order in which they were made. A journal with holes would be replayed wrongly.
pub(crate) struct HandoverJournal {
    memory: MemoryJournal,
    durable: OnceLock<StoredJournal>,
    /// How many records stand in the table.
    written: tokio::sync::Mutex<usize>,
}

impl HandoverJournal {
    /// A journal that starts with what an earlier process left of the same task in the table.
    pub fn of(earlier: Vec<JournalRecord>) -> Self {
        let written = tokio::sync::Mutex::new(earlier.len());
        let earlier = earlier.into_iter().map(|record| (record.key.clone(), restored(record)));
        Self { memory: MemoryJournal::of(earlier), durable: OnceLock::new(), written }
    }

    /// From now on all records go to the table too; those so far at once.
    ///
    /// # Errors
    /// What keeps a record from being written.
    pub async fn hand_over_to(&self, durable: StoredJournal) -> Result<(), RunError> {
        // Set once: a run is handed over once.
        let _ = self.durable.set(durable);
        self.write().await
    }

    /// Writes what is not in the table yet.
    async fn write(&self) -> Result<(), RunError> {
        let Some(durable) = self.durable.get() else { return Ok(()) };
        let mut written = self.written.lock().await;
        while let Some((key, record)) = self.memory.nth(*written) {
            let stands = durable.put(&key, record.clone()).await?;
            if stands.request_hash != record.request_hash || stands.response != record.response {
                let message = "Another process runs this task; it cannot go on here";
                return Err(RunError::new(ErrorKind::Version, message).because(("record", key.as_str())));
            }
            *written += 1;
        }
        Ok(())
    }
}

#[async_trait]
impl Journal for HandoverJournal {
    async fn recorded(&self, key: &EffectKey) -> Result<Option<Record>, RunError> {
        self.memory.recorded(key).await
    }

    async fn record(&self, key: &EffectKey, record: Record) -> Result<Record, RunError> {
        let record = self.memory.record(key, record).await?;
        self.write().await?;
        Ok(record)
    }
}

fn stored(key: &str, record: &Record, attempt: u64) -> JournalRecord {
    JournalRecord {
        key: key.to_owned(),
        kind: record.kind.clone(),
        hash: record.request_hash.clone(),
        response: record.response.clone(),
        usage: usage_json(record.usage),
        at: record.at,
        ms: record.ms,
        attempt,
    }
}

fn restored(record: JournalRecord) -> Record {
    Record {
        kind: record.kind,
        request_hash: record.hash,
        response: record.response,
        usage: serde_json::from_value(record.usage).unwrap_or_default(),
        at: record.at,
        ms: record.ms,
    }
}

/// Null where nothing was used: most effects are no model calls, and their records shall stay small.
fn usage_json(usage: Usage) -> serde_json::Value {
    match usage == Usage::default() {
        true => serde_json::Value::Null,
        false => serde_json::json!(usage),
    }
}
