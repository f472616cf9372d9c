//! The right to run a task, while it is held.

use super::TaskInput;
use super::{ROW, has_expired, state_of};
use crate::Store;
use crate::condition::{Change, Condition};
use crate::error::StoreError;
use crate::ids::{FlowId, TaskId, TenantId};
use crate::item::{Row, number, text, time};
use crate::journal::JournalMode;
use crate::rows::{self, META};
use crate::schema::{OPEN, attr, sortable};
use crate::size::{Attributes, item_bytes};
use crate::state::{Event, State, target};
use crate::table::Updated;
use jiff::Timestamp;
use serde_json::Value;

/// A time-limited right to a task. Every write of its holder is conditional on its token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// Whose task.
    pub tenant: TenantId,
    /// Which task.
    pub task: TaskId,
    /// The first task of the chain of retries that this one belongs to; itself when it is no retry.
    pub origin: TaskId,
    /// The fencing token: 1 for the first claim of a task, one more for each later one.
    pub token: u64,
    /// How many earlier claims were given back for no fault of the task.
    pub yields: u64,
    /// How many earlier claims crashed or failed for a passing reason.
    pub failures: u64,
    /// When another worker may take the task.
    pub expires_at: Timestamp,
    /// When the task was accepted.
    pub created_at: Timestamp,
    /// When it was claimed for the first time.
    pub started_at: Timestamp,
    /// When the task has to have ended.
    pub deadline: Timestamp,
    /// The flow to run.
    pub flow: FlowId,
    /// The version of the flow's data.
    pub flow_version: String,
    /// The conversation.
    pub session: String,
    /// Where its effects are recorded.
    pub mode: JournalMode,
    /// Whether somebody is called back when it has ended.
    pub callback: bool,
    /// Whether something of its input is erased with its end.
    pub(super) secrets: bool,
    /// The id of the request that made the task, for the log.
    pub request_id: Option<String>,
    /// The W3C trace context of that request.
    pub trace: Option<String>,
    /// What earlier claims that were given back have used besides tokens, a small object, opaque to the store. What its
    /// holder puts here is kept when the task is given back once more.
    pub spent: Option<Value>,
    /// Bytes of the task's row, which decide whether a result still fits into it.
    pub(super) row_bytes: usize,
    /// The nonce of the claim, by which an end is known as the holder's own.
    pub(super) claim: String,
    /// When recovery looks at the task, as its row said when it was claimed.
    pub(super) due: Option<String>,
}

/// Why a task is not the caller's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// There is no such task.
    Unknown,
    /// There was one; its retention is over.
    Expired,
    /// It has ended.
    Terminal(State),
    /// Somebody holds a lease on it.
    Running {
        /// Until when, unless renewed.
        until: Timestamp,
    },
    /// The lease the caller means was given back or taken over.
    LeaseLost,
}

/// The answer to a renewal.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "a lease is usually extended, and that is seldom")]
pub enum Renewal {
    /// The lease holds longer.
    Extended(Lease),
    /// It is lost: its holder has to stop.
    Lost(Refusal),
}

impl Store {
    /// Extends a lease from now on. A lease that has run out is extended too, if nobody took the task.
    ///
    /// # Errors
    /// Those of the service; the lease holds until its old end at least.
    pub async fn renew(&self, lease: &Lease) -> Result<Renewal, StoreError> {
        let now = self.now();
        let mut lease = Lease { expires_at: self.lease_end(now), ..lease.clone() };
        let mut change =
            to_state(Event::Renewed, held(&lease, Event::Renewed)).set(attr::LEASE, time(lease.expires_at));
        if lease.is_due_late() {
            lease.due = Some(sortable(lease.expires_at));
            change = change.set(OPEN.sk, text(sortable(lease.expires_at)));
        }
        match self.update(rows::task(&lease.tenant, lease.task, META), change).await? {
            Updated::Applied(_) => Ok(Renewal::Extended(lease)),
            Updated::Refused(row) => Ok(Renewal::Lost(refusal(row.as_ref(), now)?)),
        }
    }

    /// Why a lease is not the caller's any longer, or `None` while it is: one strongly consistent read.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`], and those of the service.
    pub async fn lost(&self, lease: &Lease) -> Result<Option<Refusal>, StoreError> {
        let now = self.now();
        let row = self.get(rows::task(&lease.tenant, lease.task, META), true).await?;
        match &row {
            Some(row) if lease.is_of(Row::new(ROW, row), State::Running, now)? => Ok(None),
            row => Ok(Some(refusal(row.as_ref(), now)?)),
        }
    }

    /// What the task is run on.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when it is not there or cannot be read, and those of the service.
    pub async fn input(&self, lease: &Lease) -> Result<TaskInput, StoreError> {
        let input = self.task_input(&lease.tenant, lease.task).await?;
        input.ok_or(StoreError::Corrupt { what: super::submit::INPUT_ROW })
    }

    pub(super) fn lease_end(&self, now: Timestamp) -> Timestamp {
        crate::after(now, self.config().lease)
    }

    /// The lease that a claimed row tells.
    pub(super) fn lease(
        &self,
        tenant: &TenantId,
        task: TaskId,
        attributes: &Attributes,
    ) -> Result<Lease, StoreError> {
        let row = Row::new(ROW, attributes);
        let (token, yields) = (row.count(attr::ATTEMPT)?, row.tally(attr::YIELDS));
        let started_at = row.time(attr::STARTED)?;
        Ok(Lease {
            tenant: tenant.clone(),
            task,
            origin: super::origin_of(row, task)?,
            token,
            yields,
            failures: token.saturating_sub(1).saturating_sub(yields),
            expires_at: row.time(attr::LEASE)?,
            created_at: row.time(attr::CREATED)?,
            started_at,
            deadline: crate::after(started_at, self.timeout_of(row)),
            flow: row.parsed(attr::FLOW)?,
            flow_version: row.text(attr::VERSION)?.to_owned(),
            session: row.text(attr::SESSION)?.to_owned(),
            mode: super::mode_of(row)?,
            callback: row.has(attr::CALLBACK),
            secrets: row.has(attr::SECRETS),
            request_id: row.opt_text(attr::REQUEST).map(str::to_owned),
            trace: row.opt_text(attr::TRACE).map(str::to_owned),
            spent: row.opt_json(attr::SPENT)?,
            row_bytes: item_bytes(attributes),
            claim: row.text(attr::CLAIM)?.to_owned(),
            due: row.opt_text(OPEN.sk).map(str::to_owned),
        })
    }
}

impl Lease {
    /// Whether recovery would look at the task only after the lease has run out.
    pub(super) fn is_due_late(&self) -> bool {
        self.due.as_ref().is_some_and(|due| *due > sortable(self.expires_at))
    }

    /// Whether the row is in `state`, and this lease is its latest.
    pub(super) fn is_of(&self, row: Row<'_>, state: State, now: Timestamp) -> Result<bool, StoreError> {
        let latest =
            row.opt_text(attr::CLAIM) == Some(&self.claim) && row.count(attr::ATTEMPT)? == self.token;
        Ok(latest && state_of(row)? == state && !has_expired(row, now))
    }
}

/// A change to the state that `event` leads to.
pub(crate) fn to_state(event: Event, condition: Condition) -> Change {
    let change = Change::when(condition);
    match target(event) {
        Some(state) => change.set(attr::STATE, text(state.as_str())),
        None => change,
    }
}

/// `event` is legal, and the lease is the task's latest.
pub(super) fn held(lease: &Lease, event: Event) -> Condition {
    Condition::legal(attr::STATE, event).and(Condition::equals(attr::ATTEMPT, number(lease.token)))
}

/// Why the row, as it was when the condition failed, is not to be had.
pub(super) fn refusal(row: Option<&Attributes>, now: Timestamp) -> Result<Refusal, StoreError> {
    let Some(row) = row else {
        return Ok(Refusal::Unknown);
    };
    let row = Row::new(ROW, row);
    Ok(match state_of(row)? {
        _ if has_expired(row, now) => Refusal::Expired,
        state if state.is_terminal() => Refusal::Terminal(state),
        State::Running => Refusal::Running { until: row.time(attr::LEASE)? },
        _ => Refusal::LeaseLost,
    })
}
