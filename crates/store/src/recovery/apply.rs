//! Carrying out what recovery decides: every write is conditional on the row that was decided on.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::stream::{self, StreamExt as _};
use jiff::Timestamp;

use super::{Limits, OpenRow, Reason, Verdict, pause, verdict};
use crate::Store;
use crate::condition::{Change, Condition};
use crate::error::StoreError;
use crate::ids::{TaskId, TenantId};
use crate::item::{Row, epoch_seconds, number, text, time};
use crate::rows::{self, META};
use crate::schema::{EXPIRES, OPEN, PK, attr, sortable};
use crate::size::Attributes;
use crate::state::{Event, State};
use crate::table::{IndexRange, IndexSort, Updated};
use crate::tasks::{ROW, TaskError, ended, error_attribute, state_of, to_state};

/// Rows that are moved on at once.
const CONCURRENCY: usize = 16;

/// Entries of the index that are read at once, whatever the caller wants: far below the 1 MB of a page.
const PAGE: usize = 1000;

/// A task that recovery has to look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    /// Whose task.
    pub tenant: TenantId,
    /// Which task.
    pub task: TaskId,
    /// Since when, as the index has it.
    pub due: Timestamp,
}

impl Due {
    /// The entry's keys, from which the index goes on.
    fn position(&self) -> Attributes {
        let mut keys = rows::task(&self.tenant, self.task, META).attributes();
        keys.insert(OPEN.pk.to_owned(), text(rows::open_partition(self.task)));
        keys.insert(OPEN.sk.to_owned(), text(sortable(self.due)));
        keys
    }
}

/// What recovery did with a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recovered {
    /// Nothing.
    Left(Reason),
    /// Its message was sent again; or, if the queue refused it, will be at the next due time.
    Resent(Reason),
    /// It was ended as failed.
    Ended(Reason),
    /// It has ended, and whoever asked for it is to be called back now.
    CallbackDue {
        /// How often that was tried in vain.
        tries: u32,
    },
}

impl Store {
    /// The tasks of one shard of the index of open tasks that are due, the longest due first, `limit` at
    /// most and never more than 1,000, from the one behind `after` on. Shards are numbered from 0 to
    /// [`OPEN_SHARDS`](crate::schema::OPEN_SHARDS) - 1.
    ///
    /// Eventually consistent: a task that has just been accepted or ended may be missing or named.
    ///
    /// # Errors
    /// Those of the service.
    pub async fn due(&self, shard: u8, after: Option<&Due>, limit: usize) -> Result<Vec<Due>, StoreError> {
        let range = IndexRange {
            index: OPEN,
            pk: rows::open_shard(shard),
            sort: IndexSort::UpTo(sortable(self.now())),
            limit: i32::try_from(limit.clamp(1, PAGE)).unwrap_or(i32::MAX),
            after: after.map(|last| last.position()),
        };
        let page = self.query_index(range).await?;
        Ok(page.entries.iter().filter_map(due_entry).collect())
    }

    /// Moves tasks on that are due: each is left alone, sent again, ended, or its callback is due.
    ///
    /// The rows are read first, strongly consistent; each is decided on and written by itself, so that one
    /// that fails stops no other.
    ///
    /// # Errors
    /// Those of the service while the rows are read: then nothing was done. Those of one task stand beside it.
    pub async fn recover(
        &self,
        due: &[Due],
    ) -> Result<Vec<(Due, Result<Recovered, StoreError>)>, StoreError> {
        let keys = due.iter().map(|due| rows::task(&due.tenant, due.task, META)).collect();
        let read = self.batch_get(keys).await?;
        let rows: BTreeMap<_, _> = read.iter().filter_map(|row| Some((task_of(row)?, row))).collect();
        let recovered = stream::iter(due.iter().cloned())
            .map(|due| async {
                let row = rows.get(&(due.tenant.clone(), due.task)).copied();
                let recovered = self.recover_row(&due.tenant, due.task, row).await;
                (due, recovered)
            })
            .buffered(CONCURRENCY);
        Ok(recovered.collect().await)
    }

    /// Moves a task on whose message was received in vain too often. The row decides, as for any other.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`], and those of the service.
    pub async fn recover_dead_letter(&self, tenant: &TenantId, id: TaskId) -> Result<Recovered, StoreError> {
        let row = self.get(rows::task(tenant, id, META), true).await?;
        self.recover_row(tenant, id, row.as_ref()).await
    }

    async fn recover_row(
        &self,
        tenant: &TenantId,
        task: TaskId,
        row: Option<&Attributes>,
    ) -> Result<Recovered, StoreError> {
        let Some(row) = row else {
            return Ok(Recovered::Left(Reason::Gone));
        };
        let limits = Limits::of(self.config());
        let row = OpenRow::read(Row::new(ROW, row), &limits)?;
        match verdict(&row, self.now(), &limits) {
            Verdict::Leave(reason) => Ok(Recovered::Left(reason)),
            Verdict::Callback { tries } => Ok(Recovered::CallbackDue { tries }),
            Verdict::Resend(reason) => self.resend(tenant, task, &row, reason).await,
            Verdict::End(reason) => self.give_up(tenant, task, &row, reason).await,
        }
    }

    /// Moves the due time, and only then sends: of two that look at once, one sends. A crash between the
    /// two costs one step of the back-off.
    async fn resend(
        &self,
        tenant: &TenantId,
        task: TaskId,
        row: &OpenRow,
        reason: Reason,
    ) -> Result<Recovered, StoreError> {
        let due = crate::after(self.now(), pause(row.resent));
        let sender = self.request_token();
        let change = Change::when(unchanged(row))
            .set(OPEN.sk, text(sortable(due)))
            .set(attr::SENDER, text(&sender))
            .set(attr::RESENT, number(row.resent.saturating_add(1)));
        match self.update(rows::task(tenant, task, META), change).await? {
            // It was moved by this call, and only the reply had been lost.
            Updated::Refused(Some(row)) if Row::new(ROW, &row).opt_text(attr::SENDER) == Some(&sender) => {}
            Updated::Refused(_) => return Ok(Recovered::Left(Reason::Changed)),
            Updated::Applied(_) => {}
        }
        if let Err(error) = self.enqueue(tenant, task, Duration::ZERO, None).await {
            tracing::warn!(task_id = %task, %error, "not sent again; the next time will come");
        }
        Ok(Recovered::Resent(reason))
    }

    /// Ends a task that nobody works on. The nonce of its last claim goes, so that a worker that wakes does
    /// not take this end for its own.
    async fn give_up(
        &self,
        tenant: &TenantId,
        task: TaskId,
        row: &OpenRow,
        reason: Reason,
    ) -> Result<Recovered, StoreError> {
        let now = self.now();
        let error = error_attribute(&self.error_of(reason));
        let allowed = Condition::legal(attr::STATE, Event::GivenUp).and(unchanged(row));
        let change = ended(to_state(Event::GivenUp, allowed), row.callback.is_some(), now)
            .set(attr::ERROR, error.clone())
            .set(EXPIRES, epoch_seconds(self.expiry(now)))
            .remove(attr::CLAIM)
            .remove(attr::RESENT)
            .remove(attr::SENDER);
        match self.end_row(tenant, task, change, row.secrets).await? {
            Updated::Refused(Some(stored)) if is_our_end(&stored, &error, now)? => {}
            Updated::Refused(_) => return Ok(Recovered::Left(Reason::Changed)),
            Updated::Applied(_) => {}
        }
        tracing::warn!(task_id = %task, %reason, "a task was given up");
        Ok(Recovered::Ended(reason))
    }

    /// What the owner of a given-up task is told.
    fn error_of(&self, reason: Reason) -> TaskError {
        let message = match reason {
            Reason::Timeout => "The task did not end within its timeout.".to_owned(),
            Reason::NotStarted => "The task was not started for half of its retention.".to_owned(),
            _ => {
                let failures = self.config().max_failures;
                format!("The task was given up: {failures} attempts crashed or failed for a passing reason.")
            }
        };
        TaskError { kind: reason.to_string(), message, retryable: true }
    }
}

/// The row is still the one that was decided on.
fn unchanged(row: &OpenRow) -> Condition {
    let as_read = |name: &str, value: Option<_>| match value {
        Some(value) => Condition::equals(name, value),
        None => Condition::lacks(name),
    };
    Condition::equals(attr::STATE, text(row.state.as_str()))
        .and(Condition::equals(attr::ATTEMPT, number(row.attempt)))
        .and(as_read(attr::LEASE, row.lease.map(time)))
        .and(as_read(OPEN.sk, row.due.map(|due| text(sortable(due)))))
}

/// The task was ended by this call, and only the reply had been lost.
fn is_our_end(
    stored: &Attributes,
    error: &aws_sdk_dynamodb::types::AttributeValue,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let failed = state_of(Row::new(ROW, stored))? == State::Failed;
    Ok(failed && stored.get(attr::ERROR) == Some(error) && stored.get(attr::ENDED) == Some(&time(now)))
}

fn task_of(row: &Attributes) -> Option<(TenantId, TaskId)> {
    rows::task_of_partition(Row::new(ROW, row).opt_text(PK)?)
}

/// An entry of the index. One that is no task's is left out: nothing can be done with it.
fn due_entry(entry: &Attributes) -> Option<Due> {
    let (tenant, task) = task_of(entry)?;
    let due = Row::new(ROW, entry).opt_text(OPEN.sk)?.parse().ok()?;
    Some(Due { tenant, task, due })
}
