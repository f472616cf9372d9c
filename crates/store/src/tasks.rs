//! Tasks: accepted, claimed, ended, read.

mod claim;
mod finish;
mod lease;
mod list;
mod outcome;
mod progress;
mod read;
mod requeue;
mod secrets;
mod submit;
mod sync;

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue::Bool;
use jiff::Timestamp;
use serde_json::Value;

use crate::Store;
use crate::callbacks::PENDING;
use crate::error::StoreError;
use crate::ids::{FlowId, TaskId, TenantId};
use crate::item::{Item, Row, epoch_seconds, number, text, time};
use crate::journal::JournalMode;
use crate::parts::Fitted;
use crate::rows::{self, META, RESULT};
use crate::schema::{EXPIRES, LIST, OPEN, attr, sortable};
use crate::state::State;

pub use claim::Claim;
pub use finish::{Cancelled, Finished};
pub use lease::{Lease, Refusal, Renewal};
pub use list::{Cursor, InvalidCursor, TaskPage, TaskQuery, TaskSummary};
pub use outcome::{Outcome, TaskError};
pub use read::TaskRecord;
pub use requeue::{Counts, Requeue, Requeued};
pub use submit::{Submitted, TaskInput};

pub(crate) use finish::ended;
pub(crate) use lease::to_state;
pub(crate) use outcome::error_attribute;

/// What a row of a task is called in errors.
pub(crate) const ROW: &str = "task";

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
    /// Whether the input is sealed: it may hold what its caller keeps to itself.
    pub sealed: bool,
    /// What the run needs besides and nothing may keep after it, opaque to the store: sealed, and erased with the
    /// end of the task. Null if there is nothing.
    pub secrets: Value,
    /// The first task of the chain of retries that this one belongs to; its own id when it is no retry.
    pub origin: TaskId,
    /// Where its effects are recorded.
    pub mode: JournalMode,
    /// How long it may take from its first claim on, up to the longest that is configured; the configured
    /// default when absent.
    pub timeout: Option<Duration>,
    /// Whether somebody is to be called back when it has ended.
    pub callback: bool,
    /// The id of the request that made it, for the log.
    pub request_id: Option<String>,
    /// The W3C trace context of that request, if it brought one.
    pub trace: Option<String>,
    /// What accepting it took, a small object, opaque to the store: see [`Lease::spent`].
    pub spent: Option<Value>,
}

impl NewTask {
    /// A task that is no retry, with effects recorded, the default timeout and no callback.
    pub fn new(
        id: TaskId,
        tenant: TenantId,
        flow: FlowId,
        flow_version: impl Into<String>,
        session: impl Into<String>,
        input: Value,
    ) -> Self {
        Self {
            id,
            tenant,
            flow,
            flow_version: flow_version.into(),
            session: session.into(),
            input,
            sealed: false,
            secrets: Value::Null,
            origin: id,
            mode: JournalMode::default(),
            timeout: None,
            callback: false,
            request_id: None,
            trace: None,
            spent: None,
        }
    }
}

impl NewTask {
    fn has_secrets(&self) -> bool {
        !self.secrets.is_null()
    }
}

impl Store {
    /// The row of a task that is written at `now`. What can be left out is left out, to stay below 1 KB.
    fn meta(&self, task: &NewTask, state: State, created: Timestamp, now: Timestamp) -> Item {
        let longest = self.config().max_task_timeout;
        let seconds =
            task.timeout.map(|timeout| timeout.min(longest).as_millis().div_ceil(1000).max(1) as u64);
        Item::new(rows::task(&task.tenant, task.id, META))
            .with(LIST.pk, text(task.tenant.as_str()))
            .with(LIST.sk, text(rows::list_sort(created, task.id)))
            .with(attr::STATE, text(state.as_str()))
            .with(attr::FLOW, text(task.flow.to_string()))
            .with(attr::VERSION, text(&task.flow_version))
            .with(attr::SESSION, text(&task.session))
            .with(attr::CREATED, time(created))
            .with_some(attr::ORIGIN, (task.origin != task.id).then(|| text(task.origin.to_string())))
            .with_some(attr::MODE, (task.mode != JournalMode::Effects).then(|| text(task.mode.as_str())))
            .with_some(attr::TIMEOUT, seconds.map(number))
            .with_some(attr::REQUEST, task.request_id.as_deref().map(text))
            .with_some(attr::TRACE, task.trace.as_deref().map(text))
            .with_some(
                attr::SPENT,
                task.spent.as_ref().filter(|_| !state.is_terminal()).map(|spent| text(spent.to_string())),
            )
            .with_some(attr::CALLBACK, task.callback.then(|| text(PENDING)))
            .with_some(attr::SECRETS, (task.has_secrets() && !state.is_terminal()).then_some(Bool(true)))
            .with(EXPIRES, epoch_seconds(self.expiry(now)))
    }

    /// An outcome as an item of its own, marked with the fencing token of who wrote it.
    fn result_item(
        &self,
        tenant: &TenantId,
        task: TaskId,
        token: u64,
        ending: outcome::Ending,
        now: Timestamp,
    ) -> Result<Fitted, StoreError> {
        let item = Item::new(rows::task(tenant, task, RESULT))
            .with(attr::ATTEMPT, number(token))
            .with_some(attr::USAGE, ending.usage)
            .with(EXPIRES, epoch_seconds(self.expiry(now)));
        self.fit(item, ending.name, ending.value, ending.what)
    }

    /// How long a task may take from its first claim on.
    fn timeout_of(&self, row: Row<'_>) -> Duration {
        timeout_of(row, self.config().task_timeout)
    }
}

/// The item of an open task: recovery looks at it from `due` on.
fn open(item: Item, task: TaskId, due: Timestamp) -> Item {
    item.with(OPEN.pk, text(rows::open_partition(task))).with(OPEN.sk, text(sortable(due)))
}

/// How long a task may take from its first claim on: what it was given, or the default.
pub(crate) fn timeout_of(row: Row<'_>, default: Duration) -> Duration {
    match row.tally(attr::TIMEOUT) {
        0 => default,
        seconds => Duration::from_secs(seconds),
    }
}

/// The state a stored row is in.
pub(crate) fn state_of(row: Row<'_>) -> Result<State, StoreError> {
    row.parsed(attr::STATE)
}

fn origin_of(row: Row<'_>, task: TaskId) -> Result<TaskId, StoreError> {
    if row.has(attr::ORIGIN) { row.parsed(attr::ORIGIN) } else { Ok(task) }
}

fn mode_of(row: Row<'_>) -> Result<JournalMode, StoreError> {
    if row.has(attr::MODE) { row.parsed(attr::MODE) } else { Ok(JournalMode::Effects) }
}

/// Whether a row's time has come, however late the service deletes it.
pub(crate) fn has_expired(row: Row<'_>, now: Timestamp) -> bool {
    row.opt_number(EXPIRES).is_some_and(|expires| expires <= now.as_second())
}
