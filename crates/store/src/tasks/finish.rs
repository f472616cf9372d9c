//! The end of a task.

use jiff::Timestamp;
use serde_json::Value;

use super::lease::{held, refusal, to_state};
use super::outcome::Ending;
use super::{Lease, Outcome, ROW, Refusal};
use crate::Store;
use crate::condition::{Change, Condition};
use crate::error::StoreError;
use crate::ids::{TaskId, TenantId};
use crate::item::{Row, epoch_seconds, number, text, time};
use crate::rows::{self, META};
use crate::schema::{EXPIRES, OPEN, attr, sortable};
use crate::size::{Attributes, value_bytes};
use crate::state::{Event, State};
use crate::table::Updated;

/// How large a task's row may get with its result: an update bills the whole row, by the KB.
const INLINE_LIMIT: usize = 1024;

/// The answer to the end of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finished {
    /// The task is terminal, with this outcome.
    Recorded,
    /// It is not the caller's any longer; its outcome is somebody else's, and this one is dropped.
    Refused(Refusal),
}

/// The answer to a cancellation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cancelled {
    /// The task is cancelled. A worker that has it is refused at its next write.
    Done,
    /// There is nothing to cancel.
    Refused(Refusal),
}

impl Store {
    /// Ends a task: its result, if that is an item of its own, and then its state.
    ///
    /// ```text
    ///   claim (token 1)                lease ends   claim (token 2)         finish (token 2)
    /// ────┼───────────────────────────────┼──────────────┼─────────────────────────┼────────► time
    ///     │         recorded (a)          │ recorded (a) │      refused (b)        │ refused (c)
    /// ```
    ///
    /// For the holder of token 1:
    /// - (a) running, and the token is the row's: recorded, even if the lease has run out meanwhile, for
    ///   nobody has taken the task.
    /// - (b) somebody else's claim is the row's, or the task was given back: refused, **running** or
    ///   **lease lost**. A result item of an older token never replaces one of a newer token, and only the
    ///   item with the token of the terminal update is ever read.
    /// - (c) terminal: refused, unless it is this very outcome, whose reply had been lost.
    /// - cancelled, unknown, expired: refused.
    ///
    /// `usage` is what the run used, a small object; it stands where the outcome does.
    ///
    /// A task with a callback stays in the index of open tasks, due at once, until the callback is settled.
    ///
    /// # Errors
    /// [`StoreError::TooLarge`] before anything is written, and those of the service. The outcome may then
    /// be recorded or not; the same call may be made again.
    pub async fn finish(
        &self,
        lease: &Lease,
        outcome: &Outcome,
        usage: Option<&Value>,
    ) -> Result<Finished, StoreError> {
        let (now, event) = (self.now(), outcome.event());
        let ending = Ending::new(outcome, usage)?;
        let mut change = ended(to_state(event, held(lease, event)), lease.callback, now)
            .set(EXPIRES, epoch_seconds(self.expiry(now)));
        if is_inline(lease, &ending, now) {
            change = ending.attributes().fold(change, |change, (name, value)| change.set(name, value));
        } else if !self.put_result(lease, ending, now).await? {
            return self.reread(lease, outcome.state(), now).await;
        }
        match self.end_row(&lease.tenant, lease.task, change, lease.secrets).await {
            Ok(Updated::Applied(_)) => Ok(Finished::Recorded),
            Ok(Updated::Refused(row)) => verdict(row.as_ref(), lease, outcome.state(), now),
            Err(error) if error.is_retryable() => match self.reread(lease, outcome.state(), now).await {
                Ok(Finished::Recorded) => Ok(Finished::Recorded),
                _ => Err(error),
            },
            Err(error) => Err(error),
        }
    }

    /// Cancels a task that has not ended. Somebody who wanted to be called back is told.
    ///
    /// # Errors
    /// Those of the service.
    pub async fn cancel(&self, tenant: &TenantId, id: TaskId) -> Result<Cancelled, StoreError> {
        let now = self.now();
        let refused = match self.cancel_when(tenant, id, End::default(), now).await? {
            Updated::Refused(Some(row)) => match End::of(Row::new(ROW, &row)) {
                end if end == End::default() => Updated::Refused(Some(row)),
                end => self.cancel_when(tenant, id, end, now).await?,
            },
            other => other,
        };
        match refused {
            Updated::Applied(_) => Ok(Cancelled::Done),
            Updated::Refused(row) => Ok(Cancelled::Refused(refusal(row.as_ref(), now)?)),
        }
    }

    /// What comes with the end never changes while the task is open.
    async fn cancel_when(
        &self,
        tenant: &TenantId,
        id: TaskId,
        end: End,
        now: Timestamp,
    ) -> Result<Updated, StoreError> {
        let as_said = |name, has| if has { Condition::has(name) } else { Condition::lacks(name) };
        let allowed = Condition::legal(attr::STATE, Event::Cancelled)
            .and(Condition::above(EXPIRES, epoch_seconds(now)))
            .and(as_said(attr::CALLBACK, end.callback))
            .and(as_said(attr::SECRETS, end.secrets));
        let change = ended(to_state(Event::Cancelled, allowed), end.callback, now);
        self.end_row(tenant, id, change, end.secrets).await
    }

    /// Puts the result item, unless one of a newer token stands there.
    async fn put_result(&self, lease: &Lease, ending: Ending, now: Timestamp) -> Result<bool, StoreError> {
        let result = self.result_item(&lease.tenant, lease.task, lease.token, ending, now)?;
        self.put_beside(result.beside).await?;
        let ours_is_newest = Condition::absent().or(Condition::at_most(attr::ATTEMPT, number(lease.token)));
        Ok(self.put_when(result.item, ours_is_newest).await?.is_none())
    }

    /// What the row says about an end that was not, or may not have been, applied.
    async fn reread(&self, lease: &Lease, state: State, now: Timestamp) -> Result<Finished, StoreError> {
        let row = self.get(rows::task(&lease.tenant, lease.task, META), true).await?;
        verdict(row.as_ref(), lease, state, now)
    }
}

/// What comes with the end of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct End {
    /// Somebody is to be called back.
    pub(crate) callback: bool,
    /// There is something to be erased.
    pub(crate) secrets: bool,
}

impl End {
    pub(crate) fn of(row: Row<'_>) -> Self {
        Self { callback: row.has(attr::CALLBACK), secrets: row.has(attr::SECRETS) }
    }
}

/// Whether the outcome fits into the task's row.
fn is_inline(lease: &Lease, ending: &Ending, now: Timestamp) -> bool {
    let gained = ending.bytes() + attr::ENDED.len() + value_bytes(&time(now));
    // The row also loses its lease and its keys of the open index, so that this is an upper bound.
    lease.row_bytes + gained <= INLINE_LIMIT
}

/// The changes that come with every terminal state: the lease goes, and the task leaves the index of open
/// tasks, unless somebody is still to be called back.
pub(crate) fn ended(change: Change, callback: bool, now: Timestamp) -> Change {
    let change = change.set(attr::ENDED, time(now)).remove(attr::LEASE);
    match callback {
        true => change.set(OPEN.sk, text(sortable(now))),
        false => change.remove(OPEN.pk).remove(OPEN.sk),
    }
}

/// Own claim and own end: the write was applied, and only its reply was lost.
fn verdict(
    row: Option<&Attributes>,
    lease: &Lease,
    state: State,
    now: Timestamp,
) -> Result<Finished, StoreError> {
    match row {
        Some(row) if lease.is_of(Row::new(ROW, row), state, now)? => Ok(Finished::Recorded),
        row => Ok(Finished::Refused(refusal(row, now)?)),
    }
}
