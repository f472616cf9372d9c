//! The variables of a run: its caller's, its tenant's, its operator's.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use async_trait::async_trait;
use millrace_engine::{Flow, Owner, RunError, Variable, Variables};
use millrace_store::{Secret, Store, TenantId, VariableKind, VariableRecord};
use tokio::sync::{Mutex, OnceCell};
use uuid::Uuid;

use crate::Runner;
use crate::redact::Redactor;
use crate::secrets::{CallVariables, is_secret_name};
use crate::services::unavailable;

pub(crate) struct RunVariables {
    store: Store,
    tenant: TenantId,
    /// Of this run alone.
    own: CallVariables,
    operators: BTreeMap<String, String>,
    /// Which the tenant has: read once, when the first is asked for.
    listed: OnceCell<Vec<VariableRecord>>,
    /// Values that were read. Who asks for one that is being read waits for it, so that calls that run side by side go
    /// on side by side.
    read: Mutex<HashMap<Uuid, Option<Secret>>>,
    redactor: Arc<Redactor>,
}

impl Runner {
    /// The variables of a run. What of them is secret is hidden by `redactor` from when it is handed out.
    pub(crate) fn variables(
        &self,
        tenant: &TenantId,
        own: CallVariables,
        redactor: Arc<Redactor>,
    ) -> Arc<RunVariables> {
        Arc::new(RunVariables {
            store: self.0.store.clone(),
            tenant: tenant.clone(),
            own,
            operators: self.0.config.variables.clone(),
            listed: OnceCell::new(),
            read: Mutex::default(),
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
    /// Reads what a flow refers to by name before it runs, so that inputs of a list that run side by side begin side by
    /// side. What cannot be read now is told to whoever asks for it.
    pub async fn read_ahead(&self, flow: &Flow) {
        let fields = flow.vertices.iter().flat_map(|vertex| vertex.fields.iter().map(|(_, field)| field));
        let named = fields.filter(|field| field.load_from_db && field.show);
        let names: BTreeSet<&str> = named.filter_map(|field| field.value.as_str()).collect();
        for name in names.into_iter().filter(|name| !name.is_empty() && self.own_value(name).is_none()) {
            let _ = self.tenants(name).await;
        }
    }

    /// Headers have no case, so that the names that come by them are in capitals, as in Langflow.
    fn own_value(&self, name: &str) -> Option<&Secret> {
        self.own.get(name).or_else(|| self.own.get(&name.to_uppercase()))
    }

    async fn tenants(&self, name: &str) -> Result<Option<Secret>, RunError> {
        let listed = self.listed.get_or_try_init(|| self.store.variables(&self.tenant)).await;
        let found = listed.map_err(unavailable)?.iter().find(|variable| variable.name == name);
        let Some(found) = found else { return Ok(None) };
        let mut read = self.read.lock().await;
        if let Some(value) = read.get(&found.id) {
            return Ok(value.clone());
        }
        let value = self.store.variable_value(&self.tenant, found.id).await.map_err(unavailable)?;
        read.insert(found.id, value.clone());
        if let (Some(value), VariableKind::Credential) = (&value, found.kind) {
            self.redactor.hide(value.expose());
        }
        Ok(value)
    }
}
