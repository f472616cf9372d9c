//! Recovery: what is due is looked at, and what got stuck is moved on.

use futures::stream::StreamExt;
use millrace_store::schema::OPEN_SHARDS;
use millrace_store::{Due, Recovered, StoreError, TaskId, TenantId};
use tokio::time::Instant;

use crate::Runner;
use crate::ledger::End;

/// Rows that are looked at in one go.
const PAGE: usize = 100;
/// Callbacks that are tried at once.
const PARALLEL_CALLBACKS: usize = 8;

/// What a sweep did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Swept {
    /// Rows that were due.
    pub due: usize,
    /// Messages that were sent again.
    pub resent: usize,
    /// Tasks that were ended.
    pub ended: usize,
    /// Callbacks that were tried.
    pub callbacks: usize,
    /// Rows that could not be looked at; they are due again.
    pub failed: usize,
    /// Whether time ran out before all were seen.
    pub cut_short: bool,
}

impl Runner {
    /// Looks at every row that is due, until `until`.
    ///
    /// # Errors
    /// Those of the index; what was moved on until then is moved on.
    pub async fn sweep(&self, until: Option<Instant>) -> Result<Swept, StoreError> {
        let mut swept = Swept::default();
        let mut callbacks = Vec::new();
        for shard in 0..OPEN_SHARDS {
            let mut after = None;
            loop {
                if until.is_some_and(|until| Instant::now() >= until) {
                    return Ok(Swept { cut_short: true, ..swept });
                }
                let page = self.store().due(shard, after.as_ref(), PAGE).await?;
                let Some(last) = page.last().cloned() else { break };
                let full = page.len() == PAGE;
                self.sweep_page(&page, &mut swept, &mut callbacks).await?;
                if !full {
                    break;
                }
                after = Some(last);
            }
        }
        // Last, since whoever is called may take his time, and no task shall wait for that.
        self.call_all_back(callbacks, until, &mut swept).await;
        Ok(swept)
    }

    /// Tries callbacks, until `until`; those that are not tried stay due.
    async fn call_all_back(&self, callbacks: Vec<Due>, until: Option<Instant>, swept: &mut Swept) {
        let tried = callbacks.into_iter().map(|due| async move {
            match until.is_some_and(|until| Instant::now() >= until) {
                true => None,
                false => Some(self.call_back(&due.tenant, due.task).await),
            }
        });
        let tried: Vec<_> = futures::stream::iter(tried).buffered(PARALLEL_CALLBACKS).collect().await;
        swept.cut_short |= tried.iter().any(Option::is_none);
        swept.callbacks += tried.iter().flatten().count();
        swept.failed += tried.iter().flatten().filter(|tried| tried.is_err()).count();
    }

    async fn sweep_page(
        &self,
        page: &[Due],
        swept: &mut Swept,
        callbacks: &mut Vec<Due>,
    ) -> Result<(), StoreError> {
        swept.due += page.len();
        for (due, recovered) in self.store().recover(page).await? {
            match recovered {
                Ok(Recovered::Left(_)) => {}
                Ok(Recovered::Resent(reason)) => {
                    tracing::info!(task_id = %due.task, %reason, "sent again");
                    swept.resent += 1;
                }
                Ok(Recovered::Ended(reason)) => {
                    tracing::warn!(task_id = %due.task, %reason, "ended by recovery");
                    self.ended_elsewhere(&due.tenant, due.task, End::Failed, Some("recovery"));
                    swept.ended += 1;
                }
                Ok(Recovered::CallbackDue { .. }) => callbacks.push(due),
                Err(error) => {
                    tracing::warn!(task_id = %due.task, %error, "could not be recovered");
                    swept.failed += 1;
                }
            }
        }
        Ok(())
    }

    /// Looks at the task of a dead letter. **A dead letter is no verdict: the row decides.**
    ///
    /// # Errors
    /// Those of the store: the letter has to come again.
    pub async fn dead_letter(&self, tenant: &TenantId, task: TaskId) -> Result<Recovered, StoreError> {
        let recovered = self.store().recover_dead_letter(tenant, task).await?;
        if let Recovered::CallbackDue { .. } = recovered {
            self.call_back(tenant, task).await?;
        }
        Ok(recovered)
    }
}
