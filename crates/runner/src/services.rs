//! The engine's ports over the store.

use std::sync::Arc;

use async_trait::async_trait;
use millrace_engine::{
    Clock, ErrorKind, Journal, Resources, RunError, Services, Sessions, State, Supervisor, Variables,
};
use millrace_store::{FlowId, SessionId, Store, StoreError, TenantId, Turn};
use serde_json::Value as Json;

use crate::Runner;
use crate::files::TenantFiles;
use crate::flows::TenantFlows;
use crate::indexes::FlowIndexes;
use crate::redact::Redactor;

/// One conversation of one tenant's flow.
pub(crate) struct StoredSession {
    pub store: Store,
    pub tenant: TenantId,
    pub flow: FlowId,
    pub session: SessionId,
    /// What a conversation keeps shows no secret of the run that wrote it.
    pub redactor: Arc<Redactor>,
}

#[async_trait]
impl Sessions for StoredSession {
    async fn turns(&self, scope: &str, newest: Option<u32>) -> Result<Vec<Json>, RunError> {
        let turns = self.store.turns(&self.tenant, self.flow, &self.session, scope, newest).await;
        Ok(turns.map_err(unavailable)?.into_iter().map(|turn| turn.body).collect())
    }

    async fn append(&self, scope: &str, key: &str, turn: &Json) -> Result<(), RunError> {
        let turn = Turn { key: key.to_owned(), body: self.redactor.json(turn.clone()) };
        let stored = self.store.append_turn(&self.tenant, self.flow, &self.session, scope, &turn).await;
        stored.map(drop).map_err(unavailable)
    }

    async fn state(&self, scope: &str) -> Result<Option<State>, RunError> {
        let state = self.store.session_state(&self.tenant, self.flow, &self.session, scope).await;
        Ok(state.map_err(unavailable)?.map(|state| State { version: state.version, body: state.body }))
    }

    async fn put_state(
        &self,
        scope: &str,
        expected: Option<u64>,
        writer: &str,
        body: &Json,
    ) -> Result<bool, RunError> {
        let place = (&self.tenant, self.flow, &self.session);
        let body = self.redactor.json(body.clone());
        self.store.put_session_state(place, scope, expected, writer, &body).await.map_err(unavailable)
    }

    async fn clear(&self) -> Result<(), RunError> {
        let cleared = self.store.clear_session(&self.tenant, self.flow, &self.session).await;
        cleared.map(drop).map_err(unavailable)
    }
}

/// The error of a run whose store did not answer.
pub(crate) fn unavailable(error: StoreError) -> RunError {
    let transient = error.is_retryable();
    let kind = if transient { ErrorKind::Unavailable } else { ErrorKind::Internal };
    RunError::new(kind, error.to_string())
        .transient(transient)
        .because(("the store:", format!("{error:?}").as_str()))
}

struct HostClock(Store);

impl Clock for HostClock {
    fn now(&self) -> jiff::Timestamp {
        self.0.host().now()
    }
}

impl Runner {
    pub(crate) fn services(
        &self,
        (tenant, flow, session): (&TenantId, FlowId, &SessionId),
        journal: Arc<dyn Journal>,
        variables: Arc<dyn Variables>,
        supervisor: Arc<dyn Supervisor>,
        redactor: &Arc<Redactor>,
    ) -> Services {
        let store = self.0.store.clone();
        Services {
            journal,
            sessions: Arc::new(StoredSession {
                store: store.clone(),
                tenant: tenant.clone(),
                flow,
                session: session.clone(),
                redactor: redactor.clone(),
            }),
            variables,
            files: Arc::new(TenantFiles {
                store: store.clone(),
                tenant: tenant.clone(),
                root: self.0.config.files_root.clone(),
                spool: self.0.config.spool.clone(),
            }),
            indexes: Arc::new(FlowIndexes { runner: self.clone(), tenant: tenant.clone(), flow }),
            flows: Arc::new(TenantFlows {
                runner: self.clone(),
                tenant: tenant.clone(),
                session: session.clone(),
                redactor: redactor.clone(),
            }),
            clock: Arc::new(HostClock(store)),
            supervisor,
            resources: self.resources(),
        }
    }

    fn resources(&self) -> Resources {
        let outbound = &self.0.outbound;
        let resources = Resources::default().with(outbound.databases().clone()).with(outbound.clone());
        match self.0.store.credentials() {
            Some(credentials) => resources.with(credentials.clone()),
            None => resources,
        }
    }
}
