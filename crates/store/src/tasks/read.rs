//! Polling a task.

use jiff::Timestamp;
use serde_json::Value;

use super::{ROW, TaskError, has_expired, state_of};
use crate::Store;
use crate::error::StoreError;
use crate::ids::{FlowId, TaskId, TenantId};
use crate::item::Row;
use crate::rows::{self, META, RESULT};
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
    /// How many times it was claimed.
    pub attempt: u64,
    /// Its result, when it succeeded.
    pub result: Option<Value>,
    /// Why it failed, when it did.
    pub error: Option<TaskError>,
}

impl Store {
    /// Reads a task with its result: one strongly consistent query, never the input.
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
        match part(META) {
            Some(meta) if !has_expired(Row::new(ROW, meta), self.now()) => {
                record(id, meta, part(RESULT)).map(Some)
            }
            _ => Ok(None),
        }
    }
}

fn record(id: TaskId, meta: &Attributes, separate: Option<&Attributes>) -> Result<TaskRecord, StoreError> {
    let row = Row::new(ROW, meta);
    let state = state_of(row)?;
    let attempt = row.count(attr::ATTEMPT)?;
    let outcome = outcome_row(meta, separate, attempt)?;
    Ok(TaskRecord {
        id,
        state,
        flow: row.parsed(attr::FLOW)?,
        flow_version: row.text(attr::VERSION)?.to_owned(),
        session: row.text(attr::SESSION)?.to_owned(),
        created_at: row.time(attr::CREATED)?,
        started_at: row.opt_time(attr::STARTED),
        ended_at: row.opt_time(attr::ENDED),
        attempt,
        result: match state {
            State::Succeeded => Some(outcome.json(attr::RESULT)?),
            _ => None,
        },
        error: match state {
            State::Failed => Some(outcome.json(attr::ERROR)?),
            _ => None,
        },
    })
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
