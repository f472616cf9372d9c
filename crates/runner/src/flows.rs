//! The other flows of a run's tenant.

use std::sync::Arc;

use async_trait::async_trait;
use millrace_engine::{ErrorKind, Flows, LoadedFlow, RunError};
use millrace_store::{FlowId, FlowRecord, SessionId, StoreError, TenantId};

use crate::Runner;
use crate::accept::no_data;
use crate::redact::Redactor;
use crate::services::{StoredSession, unavailable};

/// The flows of one tenant, as one of its conversations sees them.
pub(crate) struct TenantFlows {
    pub runner: Runner,
    pub tenant: TenantId,
    pub session: SessionId,
    pub redactor: Arc<Redactor>,
}

#[async_trait]
impl Flows for TenantFlows {
    async fn load(&self, flow: &str, version: Option<&str>) -> Result<LoadedFlow, RunError> {
        let (id, version) = match (flow.parse::<FlowId>(), version) {
            // A version that the run has been pinned to: the flow itself may have changed or gone since.
            (Ok(id), Some(version)) => (id, version.to_owned()),
            (_, version) => {
                let record = self.find(flow).await?;
                let newest = record.version.ok_or_else(|| no_data(record.id))?;
                (record.id, version.map_or(newest, str::to_owned))
            }
        };
        let plan = self.runner.plan(&self.tenant, id, &version).await.map_err(unavailable)??;
        let store = self.runner.store().clone();
        let session = StoredSession {
            store,
            tenant: self.tenant.clone(),
            flow: id,
            session: self.session.clone(),
            redactor: self.redactor.clone(),
        };
        Ok(LoadedFlow { id: id.to_string(), version, plan, sessions: Arc::new(session) })
    }
}

impl TenantFlows {
    /// By id, by endpoint name, or by a name that only one flow has.
    async fn find(&self, flow: &str) -> Result<FlowRecord, RunError> {
        let found = match flow.parse::<FlowId>() {
            Ok(id) => self.runner.store().flow(&self.tenant, id).await.map_err(unavailable)?,
            Err(_) => self.named(flow).await.map_err(unavailable)??,
        };
        found.ok_or_else(|| RunError::new(ErrorKind::Flow, format!("There is no flow {flow}")))
    }

    async fn named(&self, name: &str) -> Result<Result<Option<FlowRecord>, RunError>, StoreError> {
        let store = self.runner.store();
        if let Some(flow) = store.flow_by_name(&self.tenant, name).await? {
            return Ok(Ok(Some(flow)));
        }
        let mut flows = store.flows(&self.tenant).await?;
        flows.retain(|flow| flow.name == name);
        if flows.len() > 1 {
            let message =
                format!("There are {} flows with the name {name}: name the one by its id", flows.len());
            return Ok(Err(RunError::new(ErrorKind::Flow, message)));
        }
        Ok(Ok(flows.pop()))
    }
}
