//! Accepting a task.

use jiff::Timestamp;

use super::{NewTask, Outcome, ROW, has_expired};
use crate::Store;
use crate::error::StoreError;
use crate::item::{Item, Row, epoch_seconds, json, number, text, time};
use crate::rows::{self, INPUT};
use crate::schema::{EXPIRES, OPEN, attr, sortable};
use crate::size::Attributes;
use crate::state::State;

/// How large a task's row may get when it is written once and for all: one read unit.
const SYNC_INLINE_LIMIT: usize = 4 * 1024;

/// The task is accepted: it will be run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Submitted {
    /// Whether its message is in the queue. If not, the row is the outbox, and recovery sends it.
    pub sent: bool,
}

impl Store {
    /// Accepts a task: its input, then its row, then its message.
    ///
    /// From the row on, the task is accepted whatever becomes of the message. Submitting the very same
    /// task again is harmless: it is the same task.
    ///
    /// # Errors
    /// [`StoreError::TooLarge`] before anything is written, [`StoreError::Conflict`] when the id is taken by
    /// another task, and those of the service; the task may then be accepted or not.
    pub async fn submit(&self, task: &NewTask) -> Result<Submitted, StoreError> {
        let now = self.now();
        let input = Item::new(rows::task(&task.tenant, task.id, INPUT))
            .with(attr::BODY, json(&task.input))
            .with(EXPIRES, epoch_seconds(self.expiry(now)))
            .within_limit("input")?;
        let row = self
            .meta(task, State::Queued, now, now)
            .with(OPEN.pk, text(rows::open_partition(task.id)))
            .with(OPEN.sk, text(sortable(now)))
            .with(attr::ATTEMPT, number(0))
            .within_limit("task")?;
        let body = input.get(attr::BODY).cloned();
        if let Some(stored) = self.put_if_absent(input).await?
            && stored.get(attr::BODY) != body.as_ref()
        {
            return Err(StoreError::Conflict { what: "task" });
        }
        if let Some(stored) = self.put_if_absent(row).await? {
            same_task(&stored, task, now)?;
        }
        let sent = self.enqueue(&task.tenant, task.id).await;
        if let Err(error) = &sent {
            tracing::warn!(task = %task.id, %error, "accepted but not queued; recovery will send it");
        }
        Ok(Submitted { sent: sent.is_ok() })
    }

    /// Records a task that was run while its caller waited, so that it can be polled like any other.
    ///
    /// One item, unless the outcome is large; it is never open. A repetition is harmless.
    ///
    /// # Errors
    /// [`StoreError::TooLarge`] before anything is written, [`StoreError::Conflict`] when the id is taken by
    /// another task, and those of the service.
    pub async fn record_sync(&self, task: &NewTask, outcome: &Outcome) -> Result<(), StoreError> {
        const TOKEN: u64 = 1;
        let now = self.now();
        let state = match outcome {
            Outcome::Succeeded { .. } => State::Succeeded,
            Outcome::Failed { .. } => State::Failed,
        };
        // The id was made when the call came in.
        let began = task.id.made_at().unwrap_or(now);
        let bare = || {
            let row = self.meta(task, state, began, now).with(attr::ATTEMPT, number(TOKEN));
            row.with(attr::STARTED, time(began)).with(attr::ENDED, time(now))
        };
        let (name, value) = outcome.attribute();
        let mut row = bare().with(name, value);
        if row.bytes() > SYNC_INLINE_LIMIT {
            let item = self.result_item(&task.tenant, task.id, TOKEN, outcome, now)?;
            self.put_if_absent(item).await?;
            row = bare();
        }
        match self.put_if_absent(row.within_limit("task")?).await? {
            Some(stored) => same_task(&stored, task, now),
            None => Ok(()),
        }
    }
}

/// A row stands where ours was to go. It is ours if it tells the same task: the reply had been lost.
fn same_task(stored: &Attributes, task: &NewTask, now: Timestamp) -> Result<(), StoreError> {
    let row = Row::new(ROW, stored);
    let same = row.text(attr::FLOW)? == task.flow.to_string()
        && row.text(attr::VERSION)? == task.flow_version
        && row.text(attr::SESSION)? == task.session
        && !has_expired(row, now);
    if same { Ok(()) } else { Err(StoreError::Conflict { what: "task" }) }
}
