//! The right to run a task, taken.

use jiff::Timestamp;

use super::lease::{held, refusal, to_state};
use super::{Lease, ROW, Refusal, state_of};
use crate::Store;
use crate::condition::{Change, Condition};
use crate::error::StoreError;
use crate::ids::{TaskId, TenantId};
use crate::item::{Row, epoch_seconds, number, text, time};
use crate::rows::{self, META};
use crate::schema::{EXPIRES, OPEN, attr, sortable};
use crate::state::{Event, State};
use crate::table::Updated;

/// The answer to a claim.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "a claim is usually granted, and there is one for each run")]
pub enum Claim {
    /// The task is the caller's until the lease ends.
    Granted(Lease),
    /// It is not, and nothing was changed.
    Refused(Refusal),
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
    /// When recovery looks at a task is left alone by a claim, unless its message was sent again or put off
    /// before: it would then look only after the lease has run out, and a crash would be noticed late.
    ///
    /// ```text
    ///   claim                 lease ends             due as it was
    /// ────┼───────────────────────┼──────────────────────┼─────────► time
    ///                             ◄──────────────────────┘ moved back by one more write
    /// ```
    ///
    /// # Errors
    /// Those of the service. The claim may then be granted without anybody knowing; the lease runs out.
    pub async fn claim(&self, tenant: &TenantId, id: TaskId) -> Result<Claim, StoreError> {
        let now = self.now();
        let nonce = self.request_token();
        let change = to_state(Event::Claimed, claimable(now))
            .increase(attr::ATTEMPT, number(1))
            .set(attr::LEASE, time(self.lease_end(now)))
            .set(attr::CLAIM, text(&nonce))
            .set_if_absent(attr::STARTED, time(now))
            .remove(attr::RESENT)
            .remove(attr::SENDER);
        let row = match self.update(rows::task(tenant, id, META), change).await? {
            Updated::Applied(row) => row,
            Updated::Refused(Some(row)) if runs_under(Row::new(ROW, &row), &nonce)? => row,
            Updated::Refused(row) => return Ok(Claim::Refused(refusal(row.as_ref(), now)?)),
        };
        let lease = self.lease(tenant, id, &row)?;
        Ok(Claim::Granted(if lease.is_due_late() { self.due_at_its_end(lease).await } else { lease }))
    }

    /// Moves the time at which recovery looks at the task back to the end of the lease.
    ///
    /// If that fails the claim stands all the same, and the next renewal does it.
    async fn due_at_its_end(&self, lease: Lease) -> Lease {
        let due = sortable(lease.expires_at);
        let change = Change::when(held(&lease, Event::Renewed)).set(OPEN.sk, text(&due));
        match self.update(rows::task(&lease.tenant, lease.task, META), change).await {
            Ok(_) => Lease { due: Some(due), ..lease },
            Err(error) => {
                tracing::warn!(task_id = %lease.task, %error, "claimed, but a crash would be noticed late");
                lease
            }
        }
    }
}

/// The claim was granted, and nothing has happened since.
fn runs_under(row: Row<'_>, nonce: &str) -> Result<bool, StoreError> {
    Ok(row.opt_text(attr::CLAIM) == Some(nonce) && state_of(row)? == State::Running)
}

/// A worker may take the task: it waits, or its lease has run out; and it is still kept.
pub(super) fn claimable(now: Timestamp) -> Condition {
    let waiting = Condition::legal(attr::STATE, Event::Claimed);
    let abandoned = Condition::legal(attr::STATE, Event::LeaseExpiredReclaimed)
        .and(Condition::at_most(attr::LEASE, time(now)));
    waiting.or(abandoned).and(Condition::above(EXPIRES, epoch_seconds(now)))
}
