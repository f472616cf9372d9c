//! A task that waits again: given back by its worker, or put off before it was taken.

use std::time::Duration;

use jiff::Timestamp;

use super::claim::claimable;
use super::lease::{held, refusal, to_state};
use super::{Lease, ROW, Refusal};
use crate::Store;
use crate::condition::Change;
use crate::error::StoreError;
use crate::ids::{TaskId, TenantId};
use crate::item::{Row, number, text};
use crate::queue::LONGEST_DELAY;
use crate::rows::{self, META};
use crate::schema::{OPEN, attr, sortable};
use crate::size::Attributes;
use crate::state::{Event, State};
use crate::table::Updated;

/// How long after a put-off task's message recovery looks whether it came.
const GRACE: Duration = Duration::from_secs(60);

/// What a claim that is given back counts as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counts {
    /// Nothing: the worker's time was over, or it was shut down.
    Yield,
    /// A failure: see [`StoreConfig::max_failures`](crate::StoreConfig::max_failures).
    Failure,
}

/// How a task is given back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Requeue {
    /// What the claim counts as.
    pub counts: Counts,
    /// How long the task waits at least, 15 minutes at most.
    pub delay: Duration,
}

/// The answer to a task that is given back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Requeued {
    /// It waits, and its message is in the queue.
    Sent,
    /// It waits, but no message could be sent: the row is the outbox, and recovery sends it.
    Stored,
    /// It was not the caller's any longer.
    Lost(Refusal),
}

impl Store {
    /// Gives a task back: it is queued again, and a new message is sent.
    ///
    /// ```text
    ///   claim (token 1)      requeue (token 1)     message      claim (token 2)
    /// ────┼───────────────────────┼───────────────────┼───────────────┼─────────────► time
    ///     │        running        │                queued             │  running
    ///     │      applied (a)      │      applied before (b)           │  lost (c)
    /// ```
    ///
    /// - (a) running, and the token is the row's: applied, even if the lease has run out meanwhile.
    /// - (b) queued, and the token is the row's: only its holder can have done that, so that it was applied
    ///   and its reply lost. Nothing is counted twice; the message is sent.
    /// - (c) taken by somebody else, ended, cancelled, expired: **lost**, and nothing is sent.
    ///
    /// With a delay recovery looks at the task when the delay is over, and not before; without one, at its
    /// next sweep.
    ///
    /// # Errors
    /// Those of the table: the task may then be given back or not, and the lease runs out.
    pub async fn requeue(&self, lease: &Lease, how: Requeue) -> Result<Requeued, StoreError> {
        let now = self.now();
        let delay = how.delay.min(LONGEST_DELAY);
        let change = given_back(lease, how.counts, sortable(crate::after(now, delay)), delay);
        let key = rows::task(&lease.tenant, lease.task, META);
        let refused = match self.update(key.clone(), change).await {
            Ok(Updated::Applied(_)) => None,
            Ok(Updated::Refused(row)) => waits(lease, row.as_ref(), now)?,
            Err(error) if error.is_retryable() => match self.get(key, true).await {
                Ok(row) if waits(lease, row.as_ref(), now)?.is_none() => None,
                _ => return Err(error),
            },
            Err(error) => return Err(error),
        };
        match refused {
            Some(refusal) => Ok(Requeued::Lost(refusal)),
            None if self.sent(&lease.tenant, lease.task, delay, lease.trace.as_deref()).await => {
                Ok(Requeued::Sent)
            }
            None => Ok(Requeued::Stored),
        }
    }

    /// Puts off a task that waits, because its tenant runs as many as it may: a new message with a delay.
    ///
    /// Recovery looks at it a minute after that message. A task that is being worked on, has ended or is
    /// unknown is left as it is, and gets no message.
    ///
    /// # Errors
    /// Those of the table.
    pub async fn defer(&self, tenant: &TenantId, id: TaskId, delay: Duration) -> Result<(), StoreError> {
        let now = self.now();
        let delay = delay.min(LONGEST_DELAY);
        let due = sortable(crate::after(now, delay + GRACE));
        let change = Change::when(claimable(now)).set(OPEN.sk, text(due));
        if let Updated::Applied(_) = self.update(rows::task(tenant, id, META), change).await? {
            self.sent(tenant, id, delay, None).await;
        }
        Ok(())
    }

    /// Whether a message could be sent. The row is written: if not, recovery sends it.
    pub(super) async fn sent(
        &self,
        tenant: &TenantId,
        task: TaskId,
        delay: Duration,
        trace: Option<&str>,
    ) -> bool {
        let sent = self.enqueue(tenant, task, delay, trace).await;
        if let Err(error) = &sent {
            tracing::warn!(task_id = %task, %error, "stored but not queued; recovery will send it");
        }
        sent.is_ok()
    }
}

fn given_back(lease: &Lease, counts: Counts, due: String, delay: Duration) -> Change {
    let mut change = to_state(Event::Released, held(lease, Event::Released)).remove(attr::LEASE);
    if let Some(spent) = &lease.spent {
        change = change.set(attr::SPENT, text(spent.to_string()));
    }
    if counts == Counts::Yield {
        // A repetition finds the task queued, and is refused.
        change = change.increase(attr::YIELDS, number(1));
    }
    // Without a delay the due time of the row, which has passed, is as good and costs no change of an index.
    if !delay.is_zero() && lease.due.as_ref().is_none_or(|set| *set < due) {
        change = change.set(OPEN.sk, text(due));
    }
    change
}

/// `None` when the task waits because of this lease's holder.
fn waits(lease: &Lease, row: Option<&Attributes>, now: Timestamp) -> Result<Option<Refusal>, StoreError> {
    match row {
        Some(row) if lease.is_of(Row::new(ROW, row), State::Queued, now)? => Ok(None),
        row => Ok(Some(refusal(row, now)?)),
    }
}
