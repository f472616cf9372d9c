//! Polling a task.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use super::{Lease, Outcome, ROW, TaskError, has_expired, origin_of, state_of};
use crate::Store;
use crate::callbacks::CallbackState;
use crate::error::StoreError;
use crate::ids::{FlowId, TaskId, TenantId};
use crate::item::Row;
use crate::rows::{self, META, PROGRESS, RESULT};
use crate::schema::{SK, attr};
use crate::size::Attributes;
use crate::state::State;
use crate::table::{Range, Sort};

/// A task as its owner may see it.
#[derive(Debug, Clone, PartialEq)]
pub struct TaskRecord {
    /// Which task.
    pub id: TaskId,
    /// Where it is.
    pub state: State,
    /// The flow it runs.
    pub flow: FlowId,
    /// The version of the flow's data.
    pub flow_version: String,
    /// The conversation it belongs to.
    pub session: String,
    /// When it was accepted.
    pub created_at: Timestamp,
    /// When a worker first claimed it.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// When it has to have ended, once it was claimed.
    pub deadline: Option<Timestamp>,
    /// How long it may take from its first claim on, if it said so itself.
    pub timeout: Option<Duration>,
    /// The first task of the chain of retries that this one belongs to; itself when it is no retry.
    pub origin: TaskId,
    /// How many times it was claimed.
    pub attempt: u64,
    /// How many of these claims crashed or failed for a passing reason.
    pub failures: u64,
    /// What its worker said last, while it runs.
    pub progress: Option<Value>,
    /// What the run used, when it has ended.
    pub usage: Option<Value>,
    /// How far its callback is, if somebody asked for one.
    pub callback: Option<CallbackState>,
    /// Its result, when it succeeded.
    pub result: Option<Value>,
    /// Why it failed, when it did.
    pub error: Option<TaskError>,
}

impl Store {
    /// Reads a task with its progress or result: one strongly consistent query, never the input or the
    /// journal. A result that stands beside its row is one more call.
    ///
    /// `None` when there is no such task of this tenant, or its retention is over.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`], and those of the service.
    pub async fn task(&self, tenant: &TenantId, id: TaskId) -> Result<Option<TaskRecord>, StoreError> {
        let range =
            Range { pk: rows::task_partition(tenant, id), sort: Sort::Between(META, RESULT), newest: None };
        let items = self.query(range).await?;
        let part = |name: &str| items.iter().find(|item| Row::new(ROW, item).opt_text(SK) == Some(name));
        let Some(meta) = part(META).filter(|meta| !has_expired(Row::new(ROW, meta), self.now())) else {
            return Ok(None);
        };
        let mut record = self.record_without_outcome(id, Row::new(ROW, meta))?;
        let outcome = outcome_row(meta, part(RESULT), record.attempt)?;
        match record.state {
            State::Succeeded => record.result = Some(self.whole(outcome, attr::RESULT).await?),
            State::Failed => record.error = Some(self.whole(outcome, attr::ERROR).await?),
            State::Running => record.progress = progress(part(PROGRESS))?,
            State::Queued | State::Cancelled => {}
        }
        if matches!(record.state, State::Succeeded | State::Failed) {
            record.usage = outcome.opt_json(attr::USAGE)?;
        }
        Ok(Some(record))
    }

    /// How the task ended and what it used, where an earlier holder of the lease wrote its result and then
    /// crashed: only the state is missing.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`], and those of the service.
    pub async fn unfinished_result(
        &self,
        lease: &Lease,
    ) -> Result<Option<(Outcome, Option<Value>)>, StoreError> {
        let stored = self.get(rows::task(&lease.tenant, lease.task, RESULT), true).await?;
        let Some(row) = stored.as_ref().map(|stored| Row::new("task result", stored)) else {
            return Ok(None);
        };
        let outcome = match row.has(attr::ERROR) {
            true => Outcome::Failed { error: self.whole(row, attr::ERROR).await? },
            false => Outcome::Succeeded { result: self.whole(row, attr::RESULT).await? },
        };
        Ok(Some((outcome, row.opt_json(attr::USAGE)?)))
    }

    fn record_without_outcome(&self, id: TaskId, row: Row<'_>) -> Result<TaskRecord, StoreError> {
        let (state, attempt) = (state_of(row)?, row.count(attr::ATTEMPT)?);
        let started_at = row.opt_time(attr::STARTED);
        // The claim that is held, or ended the task, has not failed.
        let current = u64::from(state != State::Queued);
        Ok(TaskRecord {
            id,
            state,
            flow: row.parsed(attr::FLOW)?,
            flow_version: row.text(attr::VERSION)?.to_owned(),
            session: row.text(attr::SESSION)?.to_owned(),
            created_at: row.time(attr::CREATED)?,
            started_at,
            ended_at: row.opt_time(attr::ENDED),
            deadline: started_at.map(|started| crate::after(started, self.timeout_of(row))),
            timeout: Some(row.tally(attr::TIMEOUT)).filter(|seconds| *seconds > 0).map(Duration::from_secs),
            origin: origin_of(row, id)?,
            attempt,
            failures: attempt.saturating_sub(current).saturating_sub(row.tally(attr::YIELDS)),
            progress: None,
            usage: None,
            callback: CallbackState::of(row)?,
            result: None,
            error: None,
        })
    }
}

fn progress(row: Option<&Attributes>) -> Result<Option<Value>, StoreError> {
    row.map(|row| Row::new("task progress", row).json(attr::BODY)).transpose()
}

/// The row that carries the outcome: the task's own, or the result item of the attempt that ended it.
fn outcome_row<'a>(
    meta: &'a Attributes,
    separate: Option<&'a Attributes>,
    attempt: u64,
) -> Result<Row<'a>, StoreError> {
    let inline = [attr::RESULT, attr::ERROR].iter().any(|name| meta.contains_key(*name));
    match separate.map(|item| Row::new("task result", item)) {
        Some(item) if !inline && item.count(attr::ATTEMPT)? == attempt => Ok(item),
        _ => Ok(Row::new(ROW, meta)),
    }
}
