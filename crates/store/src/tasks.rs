//! Tasks: accepted, claimed, ended, read.

mod claim;
mod finish;
mod read;
mod submit;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Store;
use crate::error::StoreError;
use crate::ids::{FlowId, TaskId, TenantId};
use crate::item::{Item, Row, epoch_seconds, json, text, time};
use crate::rows::{self, META, RESULT};
use crate::schema::{EXPIRES, LIST, attr};
use crate::size::Attributes;
use crate::state::{Event, State};

pub use claim::{Claim, Lease, Refusal};
pub use finish::{Cancelled, Finished};
pub use read::TaskRecord;
pub use submit::Submitted;

/// What a row of a task is called in errors.
const ROW: &str = "task";

/// A task to be accepted.
#[derive(Clone)]
pub struct NewTask {
    /// Its id, from [`Store::new_task_id`].
    pub id: TaskId,
    /// Who it belongs to.
    pub tenant: TenantId,
    /// The flow to run.
    pub flow: FlowId,
    /// The version of the flow's data that it is pinned to.
    pub flow_version: String,
    /// The conversation it belongs to.
    pub session: String,
    /// What the flow is run on, opaque to the store.
    pub input: Value,
}

/// How a run ended.
#[derive(Clone)]
pub enum Outcome {
    /// With a result.
    Succeeded {
        /// What the caller gets, opaque to the store.
        result: Value,
    },
    /// With an error.
    Failed {
        /// What the caller is told.
        error: TaskError,
    },
}

/// Why a run failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskError {
    /// A code in snake case, for programs.
    pub kind: String,
    /// A sentence for the caller. Never a secret.
    pub message: String,
    /// Whether the same call may succeed later.
    pub retryable: bool,
}

impl Outcome {
    /// The event that ends the task.
    fn event(&self) -> Event {
        match self {
            Self::Succeeded { .. } => Event::Succeeded,
            Self::Failed { .. } => Event::Failed,
        }
    }

    /// What it is called when it is too large.
    fn what(&self) -> &'static str {
        match self {
            Self::Succeeded { .. } => "result",
            Self::Failed { .. } => "error",
        }
    }

    /// The attribute that carries it.
    fn attribute(&self) -> (&'static str, aws_sdk_dynamodb::types::AttributeValue) {
        match self {
            Self::Succeeded { result } => (attr::RESULT, json(result)),
            Self::Failed { error: TaskError { kind, message, retryable } } => {
                let error = serde_json::json!({"kind": kind, "message": message, "retryable": retryable});
                (attr::ERROR, json(&error))
            }
        }
    }
}

impl Store {
    /// The row of a task that is written at `now`, without what tells open and ended tasks apart.
    fn meta(&self, task: &NewTask, state: State, created: Timestamp, now: Timestamp) -> Item {
        Item::new(rows::task(&task.tenant, task.id, META))
            .with(LIST.pk, text(task.tenant.as_str()))
            .with(LIST.sk, text(rows::list_sort(created, task.id)))
            .with(attr::STATE, text(state.as_str()))
            .with(attr::FLOW, text(task.flow.to_string()))
            .with(attr::VERSION, text(&task.flow_version))
            .with(attr::SESSION, text(&task.session))
            .with(attr::CREATED, time(created))
            .with(EXPIRES, epoch_seconds(self.expiry(now)))
    }

    /// An outcome as an item of its own, marked with the fencing token of who wrote it.
    fn result_item(
        &self,
        tenant: &TenantId,
        task: TaskId,
        token: u64,
        outcome: &Outcome,
        now: Timestamp,
    ) -> Result<Attributes, StoreError> {
        let (name, value) = outcome.attribute();
        Item::new(rows::task(tenant, task, RESULT))
            .with(name, value)
            .with(attr::ATTEMPT, crate::item::number(token))
            .with(EXPIRES, epoch_seconds(self.expiry(now)))
            .within_limit(outcome.what())
    }
}

/// The state a stored row is in.
fn state_of(row: Row<'_>) -> Result<State, StoreError> {
    row.parsed(attr::STATE)
}

/// Whether a row's time has come, however late the service deletes it.
fn has_expired(row: Row<'_>, now: Timestamp) -> bool {
    row.opt_number(EXPIRES).is_some_and(|expires| expires <= now.as_second())
}
