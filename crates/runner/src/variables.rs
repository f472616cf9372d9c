//! The variables of a run: its caller's, its tenant's, its operator's.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use millrace_engine::{Owner, RunError, Variable, Variables};
use millrace_store::{Secret, Store, TenantId, VariableKind, VariableRecord};
use tokio::sync::OnceCell;

use crate::Runner;
use crate::redact::Redactor;
use crate::secrets::{CallVariables, is_secret_name};
use crate::services::unavailable;

struct RunVariables {
    store: Store,
    tenant: TenantId,
    /// Of this run alone.
    own: CallVariables,
    operators: BTreeMap<String, String>,
    /// Which the tenant has: read once, when the first is asked for.
    listed: OnceCell<Vec<VariableRecord>>,
    redactor: Arc<Redactor>,
}

impl Runner {
    /// The variables of a run. What of them is secret is hidden by `redactor` from when it is handed out.
    pub(crate) fn variables(
        &self,
        tenant: &TenantId,
        own: CallVariables,
        redactor: Arc<Redactor>,
    ) -> Arc<dyn Variables> {
        Arc::new(RunVariables {
            store: self.0.store.clone(),
            tenant: tenant.clone(),
            own,
            operators: self.0.config.variables.clone(),
            listed: OnceCell::new(),
            redactor,
        })
    }
}

#[async_trait]
impl Variables for RunVariables {
    async fn get(&self, name: &str) -> Result<Option<Variable>, RunError> {
        if let Some(value) = self.own_value(name) {
            return Ok(Some(Variable { value: value.expose().to_owned(), owner: Owner::Tenant }));
        }
        if let Some(value) = self.tenants(name).await? {
            return Ok(Some(Variable { value: value.expose().to_owned(), owner: Owner::Tenant }));
        }
        let Some(value) = self.operators.get(name) else { return Ok(None) };
        if is_secret_name(name) {
            self.redactor.hide(value);
        }
        Ok(Some(Variable { value: value.clone(), owner: Owner::Operator }))
    }
}

impl RunVariables {
    /// Headers have no case, so that the names that come by them are in capitals, as in Langflow.
    fn own_value(&self, name: &str) -> Option<&Secret> {
        self.own.get(name).or_else(|| self.own.get(&name.to_uppercase()))
    }

    async fn tenants(&self, name: &str) -> Result<Option<Secret>, RunError> {
        let listed = self.listed.get_or_try_init(|| self.store.variables(&self.tenant)).await;
        let found = listed.map_err(unavailable)?.iter().find(|variable| variable.name == name);
        let Some(found) = found else { return Ok(None) };
        let value = self.store.variable_value(&self.tenant, found.id).await.map_err(unavailable)?;
        if let (Some(value), VariableKind::Credential) = (&value, found.kind) {
            self.redactor.hide(value.expose());
        }
        Ok(value)
    }
}
