//! What a worker says about a task that it runs.

use serde_json::Value;

use super::Lease;
use crate::Store;
use crate::condition::Condition;
use crate::error::StoreError;
use crate::item::{Item, epoch_seconds, json, number};
use crate::rows::{self, PROGRESS};
use crate::schema::{EXPIRES, attr};

impl Store {
    /// Says how far a task is: one row, which a poll shows while the task runs.
    ///
    /// Never replaces what the holder of a newer token has said; that is no error.
    ///
    /// # Errors
    /// [`StoreError::TooLarge`] before anything is written, and those of the service.
    pub async fn put_progress(&self, lease: &Lease, progress: &Value) -> Result<(), StoreError> {
        let item = Item::new(rows::task(&lease.tenant, lease.task, PROGRESS))
            .with(attr::BODY, json(progress))
            .with(attr::ATTEMPT, number(lease.token))
            .with(EXPIRES, epoch_seconds(self.expiry(self.now())));
        let ours_is_newest = Condition::absent().or(Condition::at_most(attr::ATTEMPT, number(lease.token)));
        self.put_when(item.within_limit("progress")?, ours_is_newest).await?;
        Ok(())
    }
}
