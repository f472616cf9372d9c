//! The engine's ports over the store.

use std::sync::Arc;

use async_trait::async_trait;
use millrace_engine::{
    Clock, ErrorKind, Journal, Nowhere, Resources, RunError, Services, Sessions, State, Supervisor, Variables,
};
use millrace_store::{FlowId, SessionId, Store, StoreError, TenantId, Turn};
use serde_json::Value as Json;

use crate::Runner;

/// One conversation of one tenant's flow.
struct StoredSession {
    store: Store,
    tenant: TenantId,
    flow: FlowId,
    session: SessionId,
}

#[async_trait]
impl Sessions for StoredSession {
    async fn turns(&self, scope: &str, newest: Option<u32>) -> Result<Vec<Json>, RunError> {
        let turns = self.store.turns(&self.tenant, self.flow, &self.session, scope, newest).await;
        Ok(turns.map_err(unavailable)?.into_iter().map(|turn| turn.body).collect())
    }

    async fn append(&self, scope: &str, key: &str, turn: &Json) -> Result<(), RunError> {
        let turn = Turn { key: key.to_owned(), body: turn.clone() };
        let stored = self.store.append_turn(&self.tenant, self.flow, &self.session, scope, &turn).await;
        stored.map(drop).map_err(unavailable)
    }

    async fn state(&self, _scope: &str) -> Result<Option<State>, RunError> {
        Ok(None)
    }

    async fn put_state(
        &self,
        _scope: &str,
        _expected: Option<u64>,
        _writer: &str,
        _body: &Json,
    ) -> Result<bool, RunError> {
        Err(RunError::new(ErrorKind::Internal, "states are not kept yet"))
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
    RunError::new(kind, error.to_string()).transient(transient).because(format!("{error:?}"))
}

/// The operator's variables. A tenant's own come before these once they are kept.
struct OperatorVariables(std::collections::BTreeMap<String, String>);

#[async_trait]
impl Variables for OperatorVariables {
    async fn get(&self, name: &str) -> Result<Option<String>, RunError> {
        Ok(self.0.get(name).cloned())
    }
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
        tenant: &TenantId,
        flow: FlowId,
        session: &SessionId,
        journal: Arc<dyn Journal>,
        supervisor: Arc<dyn Supervisor>,
    ) -> Services {
        let store = self.0.store.clone();
        Services {
            journal,
            sessions: Arc::new(StoredSession {
                store: store.clone(),
                tenant: tenant.clone(),
                flow,
                session: session.clone(),
            }),
            variables: Arc::new(OperatorVariables(self.0.config.variables.clone())),
            files: Arc::new(Nowhere),
            indexes: Arc::new(Nowhere),
            flows: Arc::new(Nowhere),
            clock: Arc::new(HostClock(store)),
            supervisor,
            resources: Resources::default()
                .with(self.0.outbound.clone())
                .with(self.0.outbound.databases().clone()),
        }
    }
}
