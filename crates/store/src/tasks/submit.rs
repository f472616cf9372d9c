//! Accepting a task.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use super::{Lease, NewTask, ROW, has_expired, open, state_of};
use crate::Store;
use crate::error::StoreError;
use crate::ids::{TaskId, TenantId};
use crate::item::{Item, Row, epoch_seconds, number, text, time};
use crate::rows::{self, INPUT};
use crate::schema::{EXPIRES, attr};
use crate::size::Attributes;
use crate::state::State;

/// What a task's input is called in errors.
pub(super) const INPUT_ROW: &str = "task input";

/// The token of a task that was claimed as it was written.
pub(super) const FIRST: u64 = 1;

/// What a task is run on.
#[derive(Debug, Clone, PartialEq)]
pub struct TaskInput {
    /// As it was given.
    pub value: Value,
    /// What was to be erased at the end of the task; null after it, or if there was nothing.
    pub secrets: Value,
}

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
        let row = open(self.meta(task, State::Queued, now, now), task.id, now);
        let row = row.with(attr::ATTEMPT, number(0_u64)).within_limit("task")?;
        self.put_input(task, now).await?;
        if let Some(stored) = self.put_if_absent(row).await? {
            same_task(&stored, task, now)?;
        }
        let sent = self.sent(&task.tenant, task.id, Duration::ZERO, task.trace.as_deref()).await;
        Ok(Submitted { sent })
    }

    /// Accepts a task that its caller has run since `started` and goes on running: its input, then its row,
    /// claimed. There is no message; should the caller crash, recovery sends one.
    ///
    /// # Errors
    /// [`StoreError::TooLarge`] before anything is written, [`StoreError::Conflict`] when the id is taken by
    /// another task or this one has gone on without the caller, and those of the service; the task may then
    /// be accepted or not, and the same call may be made again.
    pub async fn submit_claimed(&self, task: &NewTask, started: Timestamp) -> Result<Lease, StoreError> {
        let now = self.now();
        let row = open(self.meta(task, State::Running, started, now), task.id, now)
            .with(attr::ATTEMPT, number(FIRST))
            .with(attr::STARTED, time(started))
            .with(attr::LEASE, time(self.lease_end(now)))
            .with(attr::CLAIM, text(self.request_token()))
            .within_limit("task")?;
        self.put_input(task, now).await?;
        let row = match self.put_if_absent(row.clone()).await? {
            None => row,
            Some(stored) => {
                same_task(&stored, task, now)?;
                still_first(stored)?
            }
        };
        self.lease(&task.tenant, task.id, &row)
    }

    /// What a task is run on. `None` when there is no such task, it was run while its caller waited, or the
    /// retention is over.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`], and those of the service.
    pub async fn task_input(&self, tenant: &TenantId, id: TaskId) -> Result<Option<TaskInput>, StoreError> {
        let stored = self.get(rows::task(tenant, id, INPUT), true).await?;
        match stored.as_ref().map(|stored| Row::new(INPUT_ROW, stored)) {
            Some(row) if !has_expired(row, self.now()) => self.opened_input(tenant, id, row).await.map(Some),
            _ => Ok(None),
        }
    }

    pub(super) async fn put_input(&self, task: &NewTask, now: Timestamp) -> Result<(), StoreError> {
        let item = Item::new(rows::task(&task.tenant, task.id, INPUT))
            .with(EXPIRES, epoch_seconds(self.expiry(now)));
        let (item, body) = self.sealed_input(task, item).await?;
        let input = self.fit(item, attr::BODY, body, "input")?;
        self.put_beside(input.beside).await?;
        // What stands beside equal values has equal digests.
        let value = |item: &Attributes| [attr::BODY, attr::DIGEST].map(|name| item.get(name).cloned());
        let ours = value(&input.item);
        match self.put_if_absent(input.item).await? {
            Some(stored) if value(&stored) != ours => Err(StoreError::Conflict { what: ROW }),
            _ => Ok(()),
        }
    }
}

/// A row stands where ours was to go. It is ours if it tells the same task: the reply had been lost.
pub(super) fn same_task(stored: &Attributes, task: &NewTask, now: Timestamp) -> Result<(), StoreError> {
    let row = Row::new(ROW, stored);
    let same = row.text(attr::FLOW)? == task.flow.to_string()
        && row.text(attr::VERSION)? == task.flow_version
        && row.text(attr::SESSION)? == task.session
        && !has_expired(row, now);
    if same { Ok(()) } else { Err(StoreError::Conflict { what: ROW }) }
}

/// A task that is born claimed has its first token from its maker, and nobody else has had it.
fn still_first(stored: Attributes) -> Result<Attributes, StoreError> {
    let row = Row::new(ROW, &stored);
    match state_of(row)? == State::Running && row.count(attr::ATTEMPT)? == FIRST {
        true => Ok(stored),
        false => Err(StoreError::Conflict { what: ROW }),
    }
}
