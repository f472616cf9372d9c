//! The right to run a task: taken, kept, given back.

use jiff::Timestamp;
use serde_json::Value;

use super::{ROW, has_expired, state_of};
use crate::Store;
use crate::condition::{Change, Condition};
use crate::error::StoreError;
use crate::ids::{FlowId, TaskId, TenantId};
use crate::item::{Row, epoch_seconds, number, text, time};
use crate::rows::{self, INPUT, META};
use crate::schema::{EXPIRES, attr};
use crate::size::Attributes;
use crate::state::{Event, State, target};
use crate::table::Updated;

/// The answer to a claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// The task is the caller's until the lease ends.
    Granted(Lease),
    /// It is not, and nothing was changed.
    Refused(Refusal),
}

/// A time-limited right to a task. Every write of its holder is conditional on its token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// Whose task.
    pub tenant: TenantId,
    /// Which task.
    pub task: TaskId,
    /// The fencing token: 1 for the first claim of a task, one more for each later one.
    pub token: u64,
    /// When another worker may take the task.
    pub expires_at: Timestamp,
    /// When the task was accepted.
    pub created_at: Timestamp,
    /// When it was claimed for the first time.
    pub started_at: Timestamp,
    /// The flow to run.
    pub flow: FlowId,
    /// The version of the flow's data.
    pub flow_version: String,
    /// The conversation.
    pub session: String,
    /// Bytes of the task's row, which decide whether a result still fits into it.
    pub(super) row_bytes: usize,
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

impl Store {
    /// Claims a task: one conditional update, and `attempt + 1` is the fencing token.
    ///
    /// ```text
    ///   submit      claim (token 1)       lease ends     claim (token 2)      finish
    /// ────┼──────────────┼───────────────────┼──────────────────┼────────────────┼──────────► time
    ///     │    queued    │      running      │ running, expired │    running     │  terminal
    /// (a) │  granted (b) │    refused (c)    │   granted (d)    │  refused (c)   │ refused (e) … (f)
    /// ```
    ///
    /// - (a) no row: refused, **unknown**. The message is older than its row's retention, or forged.
    /// - (b) queued: granted.
    /// - (c) running, and the lease holds: refused, **running**. A duplicate delivery, or a message sent
    ///   again while the first is being worked on.
    /// - (d) running, but the lease has run out: granted. Its holder crashed or is paused; should it wake,
    ///   its token is no longer the row's, and each of its writes is refused.
    /// - (e) ended: refused, **terminal**. The message outlived the task.
    /// - (f) the row's retention is over, though the service has not deleted it yet: refused, **expired**.
    ///
    /// A claim that was granted while its reply was lost is recognised by a nonce, and granted.
    ///
    /// # Errors
    /// Those of the service. The claim may then be granted without anybody knowing; the lease runs out.
    pub async fn claim(&self, tenant: &TenantId, id: TaskId) -> Result<Claim, StoreError> {
        let now = self.now();
        let nonce = self.request_token();
        let waiting = Condition::legal(attr::STATE, Event::Claimed);
        let abandoned = Condition::legal(attr::STATE, Event::LeaseExpiredReclaimed)
            .and(Condition::at_most(attr::LEASE, time(now)));
        let kept = Condition::above(EXPIRES, epoch_seconds(now));
        let change = to_state(Event::Claimed, waiting.or(abandoned).and(kept))
            .increase(attr::ATTEMPT, number(1))
            .set(attr::LEASE, time(self.lease_end(now)))
            .set(attr::CLAIM, text(&nonce))
            .set_if_absent(attr::STARTED, time(now));
        match self.update(rows::task(tenant, id, META), change).await? {
            Updated::Applied(row) => Ok(Claim::Granted(lease(tenant, id, &row)?)),
            Updated::Refused(Some(row)) if Row::new(ROW, &row).opt_text(attr::CLAIM) == Some(&nonce) => {
                Ok(Claim::Granted(lease(tenant, id, &row)?))
            }
            Updated::Refused(row) => Ok(Claim::Refused(refusal(row.as_ref(), now)?)),
        }
    }

    /// What the task is run on.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when it is not there or cannot be read, and those of the service.
    pub async fn input(&self, lease: &Lease) -> Result<Value, StoreError> {
        let key = rows::task(&lease.tenant, lease.task, INPUT);
        let stored = self.get(key, true).await?.ok_or(StoreError::Corrupt { what: "task input" })?;
        Row::new("task input", &stored).json(attr::BODY)
    }

    /// Extends a lease from now on. `None` when it is lost: the holder has to stop.
    ///
    /// # Errors
    /// Those of the service; the lease holds until its old end at least.
    pub async fn renew(&self, lease: &Lease) -> Result<Option<Lease>, StoreError> {
        let expires_at = self.lease_end(self.now());
        let change = to_state(Event::Renewed, held(lease, Event::Renewed)).set(attr::LEASE, time(expires_at));
        match self.update(rows::task(&lease.tenant, lease.task, META), change).await? {
            Updated::Applied(_) => Ok(Some(Lease { expires_at, ..lease.clone() })),
            Updated::Refused(_) => Ok(None),
        }
    }

    /// Gives a task back: it is queued again. Sends no message.
    ///
    /// A lease that is already lost needs no release; that is no error.
    ///
    /// # Errors
    /// Those of the service; the lease then runs out by itself.
    pub async fn release(&self, lease: &Lease) -> Result<(), StoreError> {
        let change = to_state(Event::Released, held(lease, Event::Released)).remove(attr::LEASE);
        self.update(rows::task(&lease.tenant, lease.task, META), change).await?;
        Ok(())
    }

    fn lease_end(&self, now: Timestamp) -> Timestamp {
        crate::after(now, self.config().lease)
    }
}

/// A change to the state that `event` leads to.
pub(super) fn to_state(event: Event, condition: Condition) -> Change {
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

fn lease(tenant: &TenantId, task: TaskId, attributes: &Attributes) -> Result<Lease, StoreError> {
    let row = Row::new(ROW, attributes);
    Ok(Lease {
        tenant: tenant.clone(),
        task,
        token: row.count(attr::ATTEMPT)?,
        expires_at: row.time(attr::LEASE)?,
        created_at: row.time(attr::CREATED)?,
        started_at: row.time(attr::STARTED)?,
        flow: row.parsed(attr::FLOW)?,
        flow_version: row.text(attr::VERSION)?.to_owned(),
        session: row.text(attr::SESSION)?.to_owned(),
        row_bytes: crate::size::item_bytes(attributes),
    })
}
