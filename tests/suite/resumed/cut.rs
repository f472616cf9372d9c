//! A journal that is cut off: after so many records the process is as good as gone.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use millrace_engine::{EffectKey, Journal, MemoryJournal, Record, RunError};
use tokio::sync::Notify;

/// Lets `after` records through to the journal behind it, then says so and answers nothing more.
pub struct Cut {
    after: usize,
    made: AtomicUsize,
    reached: Notify,
    journal: Arc<MemoryJournal>,
}

impl Cut {
    pub fn after(after: usize, journal: Arc<MemoryJournal>) -> Self {
        Self { after, made: AtomicUsize::new(0), reached: Notify::new(), journal }
    }

    /// Returns once the last record is made.
    pub async fn reached(&self) {
        self.reached.notified().await;
    }
}

#[async_trait]
impl Journal for Cut {
    async fn recorded(&self, key: &EffectKey) -> Result<Option<Record>, RunError> {
        self.journal.recorded(key).await
    }

    async fn record(&self, key: &EffectKey, record: Record) -> Result<Record, RunError> {
        let made = self.made.fetch_add(1, Ordering::SeqCst) + 1;
        if made > self.after {
            return std::future::pending().await;
        }
        let stands = self.journal.record(key, record).await;
        if made == self.after {
            self.reached.notify_one();
            return std::future::pending().await;
        }
        stands
    }
}
