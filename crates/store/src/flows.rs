//! Flows: one row of metadata each, and their data by immutable version.

mod versions;

use jiff::Timestamp;
use serde_json::Value;

use crate::Store;
use crate::condition::Condition;
use crate::error::StoreError;
use crate::ids::{FlowId, TenantId};
use crate::item::{Item, Row, number, text, time};
use crate::rows;
use crate::schema::{SK, attr};
use crate::size::Attributes;
use crate::table::{Range, Sort, Write};

pub use versions::flow_data_version;

/// What a row of a flow is called in errors.
const ROW: &str = "flow";

/// How often a change is tried again that met another change.
const TRIES: usize = 4;

/// Longest endpoint name, in bytes; DynamoDB's limit for a sort key is 1024.
const ENDPOINT_LIMIT: usize = 255;

/// A flow to be created.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct FlowDraft {
    /// Its name; need not be unique.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// The graph as it was exported.
    pub data: Option<Value>,
    /// Whether it is a saved component rather than a flow.
    pub is_component: bool,
    /// Where the client files it.
    pub folder: Option<String>,
    /// A name to call it by instead of its id, unique for the tenant. Empty is the same as none.
    pub endpoint_name: Option<String>,
}

/// A change to a flow. What is `None` stays as it is.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct FlowPatch {
    /// A new name.
    pub name: Option<String>,
    /// A new description.
    pub description: Option<String>,
    /// New data: a new version.
    pub data: Option<Value>,
    /// Whether it is a saved component.
    pub is_component: Option<bool>,
    /// A new folder.
    pub folder: Option<String>,
    /// A new endpoint name; an empty one takes it away.
    pub endpoint_name: Option<String>,
    /// The warnings about new data.
    pub warnings: Option<Vec<String>>,
}

/// A flow without its data.
#[derive(Debug, Clone, PartialEq)]
pub struct FlowRecord {
    /// Its id.
    pub id: FlowId,
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// Whether it is a saved component.
    pub is_component: bool,
    /// Where the client files it.
    pub folder: Option<String>,
    /// A name to call it by instead of its id.
    pub endpoint_name: Option<String>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// The version of its data, as [`Store::flow_data`] takes it. `None` when it has no data.
    pub version: Option<String>,
    /// What the upload said would not run.
    pub warnings: Vec<String>,
}

/// A record and the number of changes it has seen, on which the next change is conditional.
struct Revision {
    record: FlowRecord,
    number: u64,
}

impl Store {
    /// Creates a flow under a new id.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when the endpoint name is taken, [`StoreError::TooLarge`] before anything is
    /// written, [`StoreError::Invalid`] for an endpoint name that is too long, and those of the service.
    pub async fn create_flow(
        &self,
        tenant: &TenantId,
        draft: FlowDraft,
        warnings: Vec<String>,
    ) -> Result<FlowRecord, StoreError> {
        let now = self.now();
        let id = FlowId::new(self.host());
        let record = FlowRecord {
            id,
            name: draft.name,
            description: draft.description,
            is_component: draft.is_component,
            folder: draft.folder,
            endpoint_name: draft.endpoint_name.filter(|name| !name.is_empty()),
            created_at: now,
            updated_at: now,
            version: draft.data.as_ref().map(flow_data_version),
            warnings,
        };
        let new = Revision { record, number: 1 };
        let writes = change_writes(tenant, None, &new)?;
        if let Some(data) = &draft.data {
            self.put_flow_version(tenant, id, data).await?;
        }
        if self.transact(writes).await?.is_some() {
            self.delete_partition(rows::versions_partition(tenant, id)).await?;
            return Err(StoreError::Conflict { what: "endpoint name" });
        }
        Ok(new.record)
    }

    /// Reads a flow. `None` when the tenant has none of this id.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`], and those of the service.
    pub async fn flow(&self, tenant: &TenantId, id: FlowId) -> Result<Option<FlowRecord>, StoreError> {
        Ok(self.flow_revision(tenant, id).await?.map(|revision| revision.record))
    }

    /// Reads a flow by its endpoint name.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`], and those of the service.
    pub async fn flow_by_name(
        &self,
        tenant: &TenantId,
        name: &str,
    ) -> Result<Option<FlowRecord>, StoreError> {
        if name.is_empty() || name.len() > ENDPOINT_LIMIT {
            return Ok(None);
        }
        match self.get(rows::endpoint(tenant, name), true).await? {
            Some(row) => self.flow(tenant, Row::new(ROW, &row).parsed(attr::FLOW)?).await,
            None => Ok(None),
        }
    }

    /// All flows of a tenant, oldest first.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`], and those of the service.
    pub async fn flows(&self, tenant: &TenantId) -> Result<Vec<FlowRecord>, StoreError> {
        let range = Range { pk: rows::flows_partition(tenant), sort: Sort::Any, newest: None };
        let rows = self.query(range).await?;
        let mut flows = rows.iter().map(record).collect::<Result<Vec<_>, _>>()?;
        flows.sort_by_key(|flow| (flow.created_at, flow.id));
        Ok(flows)
    }

    /// Changes a flow. `None` when the tenant has none of this id.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when the endpoint name is taken or others keep changing the flow,
    /// [`StoreError::TooLarge`], [`StoreError::Invalid`] for an endpoint name that is too long, and those of
    /// the service.
    pub async fn update_flow(
        &self,
        tenant: &TenantId,
        id: FlowId,
        patch: FlowPatch,
    ) -> Result<Option<FlowRecord>, StoreError> {
        let mut stored_data = false;
        for _ in 0..TRIES {
            let Some(old) = self.flow_revision(tenant, id).await? else {
                return Ok(None);
            };
            let new = Revision { record: patched(&old.record, &patch, self.now()), number: old.number + 1 };
            let writes = change_writes(tenant, Some(&old), &new)?;
            if let Some(data) = &patch.data
                && !stored_data
            {
                self.put_flow_version(tenant, id, data).await?;
                stored_data = true;
            }
            match self.transact(writes).await? {
                None => return Ok(Some(new.record)),
                Some(0) => {}
                Some(_) => {
                    return Err(StoreError::Conflict { what: "endpoint name" });
                }
            }
        }
        Err(StoreError::Conflict { what: "flow" })
    }

    /// Deletes a flow with all its versions. Whether there was one.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when others keep changing the flow, and those of the service; the flow may
    /// then be gone while some of its versions are left.
    pub async fn delete_flow(&self, tenant: &TenantId, id: FlowId) -> Result<bool, StoreError> {
        for _ in 0..TRIES {
            let Some(old) = self.flow_revision(tenant, id).await? else {
                return Ok(false);
            };
            let mut writes = vec![Write::Delete(rows::flow(tenant, id), unchanged(&old))];
            if let Some(name) = &old.record.endpoint_name {
                writes.push(Write::Delete(rows::endpoint(tenant, name), names(id)));
            }
            if self.transact(writes).await?.is_none() {
                self.delete_partition(rows::versions_partition(tenant, id)).await?;
                return Ok(true);
            }
        }
        Err(StoreError::Conflict { what: "flow" })
    }

    async fn flow_revision(&self, tenant: &TenantId, id: FlowId) -> Result<Option<Revision>, StoreError> {
        match self.get(rows::flow(tenant, id), true).await? {
            Some(row) => {
                let number = Row::new(ROW, &row).count(attr::REVISION)?;
                Ok(Some(Revision { record: record(&row)?, number }))
            }
            None => Ok(None),
        }
    }
}

/// The writes from one revision to the next, the flow's own row first.
///
/// The row of the endpoint name changes in the same transaction, so that a name never leads to a flow
/// that does not have it, nor to two flows.
fn change_writes(
    tenant: &TenantId,
    old: Option<&Revision>,
    new: &Revision,
) -> Result<Vec<Write>, StoreError> {
    let id = new.record.id;
    let row = metadata(tenant, new).within_limit("flow metadata")?;
    let mut writes = vec![Write::Put(row, old.map_or_else(Condition::absent, unchanged))];
    let (had, has) =
        (old.and_then(|old| old.record.endpoint_name.as_deref()), new.record.endpoint_name.as_deref());
    if had == has {
        return Ok(writes);
    }
    if let Some(name) = has {
        if name.len() > ENDPOINT_LIMIT {
            return Err(StoreError::Invalid { what: "the endpoint name is longer than 255 bytes" });
        }
        let row = Item::new(rows::endpoint(tenant, name)).with(attr::FLOW, text(id.to_string()));
        writes.push(Write::Put(row.within_limit("endpoint name")?, Condition::absent()));
    }
    if let Some(name) = had {
        writes.push(Write::Delete(rows::endpoint(tenant, name), names(id)));
    }
    Ok(writes)
}

/// The flow's row is the one that was read.
fn unchanged(old: &Revision) -> Condition {
    Condition::equals(attr::REVISION, number(old.number))
}

/// The row of an endpoint name leads to this flow.
fn names(flow: FlowId) -> Condition {
    Condition::equals(attr::FLOW, text(flow.to_string()))
}

fn patched(old: &FlowRecord, patch: &FlowPatch, now: Timestamp) -> FlowRecord {
    let endpoint_name = patch.endpoint_name.as_ref().or(old.endpoint_name.as_ref());
    FlowRecord {
        id: old.id,
        name: patch.name.as_ref().unwrap_or(&old.name).clone(),
        description: patch.description.as_ref().or(old.description.as_ref()).cloned(),
        is_component: patch.is_component.unwrap_or(old.is_component),
        folder: patch.folder.as_ref().or(old.folder.as_ref()).cloned(),
        endpoint_name: endpoint_name.filter(|name| !name.is_empty()).cloned(),
        created_at: old.created_at,
        updated_at: now,
        version: patch.data.as_ref().map(flow_data_version).or_else(|| old.version.clone()),
        warnings: patch.warnings.as_ref().unwrap_or(&old.warnings).clone(),
    }
}

fn metadata(tenant: &TenantId, revision: &Revision) -> Item {
    let FlowRecord {
        id,
        name,
        description,
        is_component,
        folder,
        endpoint_name,
        created_at,
        updated_at,
        version,
        warnings,
    } = &revision.record;
    Item::new(rows::flow(tenant, *id))
        .with(attr::NAME, text(name))
        .with_some(attr::DESCRIPTION, description.as_ref().map(text))
        .with(attr::COMPONENT, aws_sdk_dynamodb::types::AttributeValue::Bool(*is_component))
        .with_some(attr::FOLDER, folder.as_ref().map(text))
        .with_some(attr::ENDPOINT, endpoint_name.as_ref().map(text))
        .with(attr::CREATED, time(*created_at))
        .with(attr::UPDATED, time(*updated_at))
        .with_some(attr::VERSION, version.as_ref().map(text))
        .with(attr::WARNINGS, crate::item::json(&Value::from(warnings.clone())))
        .with(attr::REVISION, number(revision.number))
}

fn record(attributes: &Attributes) -> Result<FlowRecord, StoreError> {
    let row = Row::new(ROW, attributes);
    let optional = |name| row.opt_text(name).map(str::to_owned);
    Ok(FlowRecord {
        id: row.parsed(SK)?,
        name: row.text(attr::NAME)?.to_owned(),
        description: optional(attr::DESCRIPTION),
        is_component: row.flag(attr::COMPONENT),
        folder: optional(attr::FOLDER),
        endpoint_name: optional(attr::ENDPOINT),
        created_at: row.time(attr::CREATED)?,
        updated_at: row.time(attr::UPDATED)?,
        version: optional(attr::VERSION),
        warnings: row.json(attr::WARNINGS)?,
    })
}
