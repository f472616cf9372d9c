//! The end of a task.

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;

use super::claim::{held, refusal, to_state};
use super::{Lease, Outcome, ROW, Refusal, state_of};
use crate::Store;
use crate::condition::{Change, Condition};
use crate::error::StoreError;
use crate::ids::{TaskId, TenantId};
use crate::item::{Row, epoch_seconds, number, time};
use crate::rows::{self, META};
use crate::schema::{EXPIRES, OPEN, attr};
use crate::size::{Attributes, item_bytes};
use crate::state::{Event, target};
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
    /// # Errors
    /// [`StoreError::TooLarge`] before anything is written, and those of the service. The outcome may then
    /// be recorded or not; the same call may be made again.
    pub async fn finish(&self, lease: &Lease, outcome: &Outcome) -> Result<Finished, StoreError> {
        let now = self.now();
        let event = outcome.event();
        let mut change = ended(to_state(event, held(lease, event)), now)
            .remove(attr::LEASE)
            .set(EXPIRES, epoch_seconds(self.expiry(now)));
        match inline(lease, outcome, now) {
            Some((name, value)) => change = change.set(name, value),
            None => {
                if !self.put_result(lease, outcome, now).await? {
                    return self.finish_refused(lease, event, now).await;
                }
            }
        }
        match self.update(rows::task(&lease.tenant, lease.task, META), change).await {
            Ok(Updated::Applied(_)) => Ok(Finished::Recorded),
            Ok(Updated::Refused(row)) => verdict(row.as_ref(), lease, event, now),
            Err(error) if error.is_retryable() => match self.finish_refused(lease, event, now).await {
                Ok(Finished::Recorded) => Ok(Finished::Recorded),
                _ => Err(error),
            },
            Err(error) => Err(error),
        }
    }

    /// Cancels a task that has not ended.
    ///
    /// # Errors
    /// Those of the service.
    pub async fn cancel(&self, tenant: &TenantId, id: TaskId) -> Result<Cancelled, StoreError> {
        let now = self.now();
        let allowed = Condition::legal(attr::STATE, Event::Cancelled)
            .and(Condition::above(EXPIRES, epoch_seconds(now)));
        let change = ended(to_state(Event::Cancelled, allowed), now).remove(attr::LEASE);
        match self.update(rows::task(tenant, id, META), change).await? {
            Updated::Applied(_) => Ok(Cancelled::Done),
            Updated::Refused(row) => Ok(Cancelled::Refused(refusal(row.as_ref(), now)?)),
        }
    }

    /// Puts the result item, unless one of a newer token stands there.
    async fn put_result(&self, lease: &Lease, outcome: &Outcome, now: Timestamp) -> Result<bool, StoreError> {
        let item = self.result_item(&lease.tenant, lease.task, lease.token, outcome, now)?;
        let ours_is_newest = Condition::absent().or(Condition::at_most(attr::ATTEMPT, number(lease.token)));
        Ok(self.put_when(item, ours_is_newest).await?.is_none())
    }

    /// What the row says about an end that was not, or may not have been, applied.
    async fn finish_refused(
        &self,
        lease: &Lease,
        event: Event,
        now: Timestamp,
    ) -> Result<Finished, StoreError> {
        let row = self.get(rows::task(&lease.tenant, lease.task, META), true).await?;
        verdict(row.as_ref(), lease, event, now)
    }
}

/// The outcome as an attribute of the task's row, if it fits.
fn inline(lease: &Lease, outcome: &Outcome, now: Timestamp) -> Option<(&'static str, AttributeValue)> {
    let (name, value) = outcome.attribute();
    let gained = Attributes::from([(name.to_owned(), value.clone()), (attr::ENDED.to_owned(), time(now))]);
    // The row also loses its lease and its keys of the open index, so that this is an upper bound.
    (lease.row_bytes + item_bytes(&gained) <= INLINE_LIMIT).then_some((name, value))
}

/// The changes that come with every terminal state: the task leaves the index of open tasks.
fn ended(change: Change, now: Timestamp) -> Change {
    change.set(attr::ENDED, time(now)).remove(OPEN.pk).remove(OPEN.sk)
}

/// Own token and own end: the write was applied, and only its reply was lost.
fn verdict(
    row: Option<&Attributes>,
    lease: &Lease,
    event: Event,
    now: Timestamp,
) -> Result<Finished, StoreError> {
    if let Some(attributes) = row {
        let row = Row::new(ROW, attributes);
        if row.count(attr::ATTEMPT)? == lease.token && Some(state_of(row)?) == target(event) {
            return Ok(Finished::Recorded);
        }
    }
    Ok(Finished::Refused(refusal(row, now)?))
}
