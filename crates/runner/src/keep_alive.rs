//! Heartbeats: while a task runs, its lease, its message's visibility and its tenant's slot are extended together.

use std::time::Duration;

use millrace_store::{Lease, Refusal, Renewal, Slot};
use tokio::time::Instant;

use crate::Runner;
use crate::attempt::Visit;
use crate::supervisor::Watch;

/// The message stays hidden for so much longer than the lease holds, so that what comes back can be claimed.
const LATER: Duration = Duration::from_secs(5);

/// Lambda's own limit, where the invocation does not say when it ends.
const LONGEST_INVOCATION: Duration = Duration::from_secs(15 * 60);

/// What lies between two heartbeats of a lease that holds so long: two fifths, so that two come in time, the second with a
/// fifth to spare. Each is paid for (docs/cost.md): a third of a lease would give no more than two in time either.
pub fn heartbeat_period(lease: Duration) -> Duration {
    lease * 2 / 5
}

impl Runner {
    /// Extends a lease until it is lost, and says why it was.
    ///
    /// A heartbeat that the service does not take is no loss: nobody else can have the task before the lease
    /// ends, and afterwards the next heartbeat or the next effect finds out.
    pub(crate) async fn keep_alive(
        &self,
        lease: &Lease,
        watch: &Watch,
        slot: Option<&Slot>,
        receipt: Option<&str>,
    ) -> Refusal {
        let period = heartbeat_period(self.store().config().lease);
        loop {
            tokio::time::sleep(period).await;
            match self.store().renew(lease).await {
                Ok(Renewal::Extended(extended)) => watch.extended(&extended),
                Ok(Renewal::Lost(refusal)) => return refusal,
                Err(error) => tracing::warn!(task_id = %lease.task, %error, "a heartbeat failed"),
            }
            self.beat_beside(lease, watch, slot, receipt).await;
        }
    }

    /// A message whose task is over is deleted with its batch, which may run on for long: until then it stays
    /// hidden, and is not delivered once more for nothing.
    pub(crate) async fn hide_until_deleted(&self, watch: &Watch, visit: &Visit) {
        let Some(receipt) = visit.receipt.as_deref().filter(|_| watch.has_beaten()) else { return };
        let left = visit.deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        let by = left.unwrap_or(LONGEST_INVOCATION) + LATER;
        if let Err(error) = self.store().extend_visibility(receipt, by).await {
            tracing::debug!(%error, "a message may be delivered once more");
        }
    }

    /// What goes along with a heartbeat. None of it decides anything, so that none of it may fail a task.
    async fn beat_beside(&self, lease: &Lease, watch: &Watch, slot: Option<&Slot>, receipt: Option<&str>) {
        let store = self.store();
        let failed = |what: &'static str| {
            move |error: millrace_store::StoreError| {
                tracing::warn!(task_id = %lease.task, %error, what, "not extended");
            }
        };
        if let Some(receipt) = receipt {
            let by = store.config().lease + LATER;
            watch.beat();
            let _ = store.extend_visibility(receipt, by).await.map_err(failed("visibility"));
        }
        if let Some(slot) = slot {
            let _ = store.renew_slot(slot).await.map_err(failed("slot"));
        }
        let _ = store.put_progress(lease, &watch.progress()).await.map_err(failed("progress"));
    }
}
