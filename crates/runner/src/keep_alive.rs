//! Heartbeats: while a task runs, its lease, its message's visibility and its tenant's slot are extended together.

use millrace_store::{Lease, Refusal, Renewal, Slot};

use crate::Runner;
use crate::supervisor::Watch;

/// Heartbeats within one lease: two may fail before it is lost.
const BEATS: u32 = 3;

/// The message stays hidden for so much longer than the lease holds, so that what comes back can be claimed.
const LATER: std::time::Duration = std::time::Duration::from_secs(5);

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
        let period = self.store().config().lease / BEATS;
        loop {
            tokio::time::sleep(period).await;
            match self.store().renew(lease).await {
                Ok(Renewal::Extended(extended)) => watch.extended(&extended),
                Ok(Renewal::Lost(refusal)) => return refusal,
                Err(error) => tracing::warn!(task = %lease.task, %error, "a heartbeat failed"),
            }
            self.beat_beside(lease, watch, slot, receipt).await;
        }
    }

    /// What goes along with a heartbeat. None of it decides anything, so that none of it may fail a task.
    async fn beat_beside(&self, lease: &Lease, watch: &Watch, slot: Option<&Slot>, receipt: Option<&str>) {
        let store = self.store();
        let failed = |what: &'static str| {
            move |error: millrace_store::StoreError| {
                tracing::warn!(task = %lease.task, %error, what, "not extended");
            }
        };
        if let Some(receipt) = receipt {
            let by = store.config().lease + LATER;
            let _ = store.extend_visibility(receipt, by).await.map_err(failed("visibility"));
        }
        if let Some(slot) = slot {
            let _ = store.renew_slot(slot).await.map_err(failed("slot"));
        }
        let _ = store.put_progress(lease, &watch.progress()).await.map_err(failed("progress"));
    }
}
