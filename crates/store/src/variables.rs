//! A tenant's variables: named values that flows refer to, sealed.
//!
//! One row lists a tenant's variables without their values, so that a run learns from one read which there are;
//! each value is a row of its own. Both change in one transaction, on the list's revision.

use aws_sdk_dynamodb::types::AttributeValue;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::Store;
use crate::condition::Condition;
use crate::error::StoreError;
use crate::ids::{TenantId, time_ordered_uuid};
use crate::item::{Item, Row, json, number};
use crate::rows;
use crate::schema::attr;
use crate::seal::{Place, Secret};
use crate::table::Write;

/// What the rows are called in errors.
const ROW: &str = "variable";

/// How often a list that others change at the same time is read again.
const TRIES: u32 = 5;

/// What a variable is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum VariableKind {
    /// A setting: its value is shown to its tenant.
    Generic,
    /// A secret: its value is never shown again.
    Credential,
}

/// A variable without its value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VariableRecord {
    /// Its id.
    pub id: Uuid,
    /// The name that flows know it by; a tenant has no two of one name.
    pub name: String,
    /// What it is for.
    pub kind: VariableKind,
    /// The display names of fields that an editor fills in with it.
    #[serde(default)]
    pub default_fields: Vec<String>,
    /// The same for equal values of a tenant, and nothing that a value could be found by.
    fingerprint: String,
    /// Counts the values that it has had.
    pub version: u64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// A variable to be made.
#[derive(Debug, Clone)]
pub struct NewVariable {
    /// The name that flows know it by.
    pub name: String,
    /// What it is for.
    pub kind: VariableKind,
    /// Its value.
    pub value: Secret,
    /// The display names of fields that an editor fills in with it.
    pub default_fields: Vec<String>,
}

/// What is to change; what is `None` stays.
#[derive(Debug, Clone, Default)]
pub struct VariablePatch {
    /// Another name.
    pub name: Option<String>,
    /// Another value.
    pub value: Option<Secret>,
    /// Other fields.
    pub default_fields: Option<Vec<String>>,
}

/// The list of a tenant, and its revision; 0 where there is none yet.
struct Listed {
    variables: Vec<VariableRecord>,
    revision: u64,
}

impl Store {
    /// The variables of a tenant, oldest first.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`], and those of the service.
    pub async fn variables(&self, tenant: &TenantId) -> Result<Vec<VariableRecord>, StoreError> {
        Ok(self.listed(tenant).await?.variables)
    }

    /// The value of a variable. `None` when it went since it was listed.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`], and those of the services.
    pub async fn variable_value(&self, tenant: &TenantId, id: Uuid) -> Result<Option<Secret>, StoreError> {
        let Some(stored) = self.get(rows::variable(tenant, id), true).await? else {
            return Ok(None);
        };
        let row = Row::new(ROW, &stored);
        let name = id.to_string();
        let place = Place { tenant, kind: ROW, name: &name, version: row.count(attr::VERSION)? };
        let value: String = self.open(place, row.bytes(attr::SEALED)?).await?;
        Ok(Some(value.into()))
    }

    /// Makes variables for a tenant, all or none.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when a name is taken, [`StoreError::TooMany`] above
    /// [`crate::StoreConfig::max_variables`], [`StoreError::TooLarge`], and those of the services.
    pub async fn create_variables(
        &self,
        tenant: &TenantId,
        new: &[NewVariable],
    ) -> Result<Vec<VariableRecord>, StoreError> {
        let (mut made, mut values) = (Vec::with_capacity(new.len()), Vec::with_capacity(new.len()));
        for new in new {
            let record = self.new_record(tenant, new).await?;
            values.push(self.value_row(tenant, &record, &new.value).await?);
            made.push(record);
        }
        self.change_list(tenant, values, |listed| {
            if made.iter().any(|record| listed.iter().any(|known| known.name == record.name)) {
                return Err(StoreError::Conflict { what: "variable name" });
            }
            let limit = self.config().max_variables;
            if listed.len() + made.len() > limit {
                return Err(StoreError::TooMany { what: "variables", limit });
            }
            listed.extend(made.iter().cloned());
            Ok(true)
        })
        .await?;
        Ok(made)
    }

    /// Changes a variable. `None` when the tenant has none of this id.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when the new name is taken, [`StoreError::TooLarge`], and those of the services.
    pub async fn update_variable(
        &self,
        tenant: &TenantId,
        id: Uuid,
        patch: &VariablePatch,
    ) -> Result<Option<VariableRecord>, StoreError> {
        let listed = self.variables(tenant).await?;
        let Some(mut new) = listed.into_iter().find(|variable| variable.id == id) else {
            return Ok(None);
        };
        let changed_from = (new.version, new.updated_at);
        if let Some(value) = &patch.value {
            new.version += 1;
            new.fingerprint = self.fingerprint(tenant, value).await?;
        }
        new.updated_at = self.now();
        if let Some(name) = &patch.name {
            new.name.clone_from(name);
        }
        if let Some(fields) = &patch.default_fields {
            new.default_fields.clone_from(fields);
        }
        let values = match &patch.value {
            Some(value) => vec![self.value_row(tenant, &new, value).await?],
            None => Vec::new(),
        };
        let changed = self
            .change_list(tenant, values, |listed| {
                if listed.iter().any(|other| other.id != id && other.name == new.name) {
                    return Err(StoreError::Conflict { what: "variable name" });
                }
                let Some(old) = listed.iter_mut().find(|variable| variable.id == id) else {
                    return Ok(false);
                };
                if (old.version, old.updated_at) != changed_from {
                    return Err(StoreError::Conflict { what: ROW });
                }
                *old = new.clone();
                Ok(true)
            })
            .await?;
        Ok(changed.then_some(new))
    }

    /// Deletes a variable. Whether there was one.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when others keep changing the list, and those of the service.
    pub async fn delete_variable(&self, tenant: &TenantId, id: Uuid) -> Result<bool, StoreError> {
        let row = Write::Delete(rows::variable(tenant, id), any_or_none());
        self.change_list(tenant, vec![row], |listed| {
            let before = listed.len();
            listed.retain(|variable| variable.id != id);
            Ok(listed.len() < before)
        })
        .await
    }

    /// The tenant's credential of this value, if there is one.
    ///
    /// # Errors
    /// Those of the services.
    pub async fn credential_of_value(
        &self,
        tenant: &TenantId,
        value: &Secret,
    ) -> Result<Option<VariableRecord>, StoreError> {
        let fingerprint = self.fingerprint(tenant, value).await?;
        let listed = self.variables(tenant).await?;
        Ok(listed
            .into_iter()
            .find(|known| known.kind == VariableKind::Credential && known.fingerprint == fingerprint))
    }

    /// What is sealed in one place is the same for equal values; its end is as good as a keyed hash.
    async fn fingerprint(&self, tenant: &TenantId, value: &Secret) -> Result<String, StoreError> {
        let place = Place { tenant, kind: "fingerprint of a variable", name: "", version: 0 };
        let sealed = self.seal(place, &value.expose()).await?;
        let tag = sealed.len().saturating_sub(16);
        Ok(URL_SAFE_NO_PAD.encode(&sealed[tag..]))
    }

    async fn new_record(&self, tenant: &TenantId, new: &NewVariable) -> Result<VariableRecord, StoreError> {
        let now = self.now();
        Ok(VariableRecord {
            fingerprint: self.fingerprint(tenant, &new.value).await?,
            id: time_ordered_uuid(self.host()),
            name: new.name.clone(),
            kind: new.kind,
            default_fields: new.default_fields.clone(),
            version: 1,
            created_at: now,
            updated_at: now,
        })
    }

    async fn value_row(
        &self,
        tenant: &TenantId,
        record: &VariableRecord,
        value: &Secret,
    ) -> Result<Write, StoreError> {
        let name = record.id.to_string();
        let place = Place { tenant, kind: ROW, name: &name, version: record.version };
        let sealed = self.seal(place, &value.expose()).await?;
        let row = Item::new(rows::variable(tenant, record.id))
            .with(attr::VERSION, number(record.version))
            .with(attr::SEALED, AttributeValue::B(sealed.into()));
        Ok(Write::Put(row.within_limit(ROW)?, any_or_none()))
    }

    async fn listed(&self, tenant: &TenantId) -> Result<Listed, StoreError> {
        let Some(stored) = self.get(rows::variable_list(tenant), true).await? else {
            return Ok(Listed { variables: Vec::new(), revision: 0 });
        };
        let row = Row::new(ROW, &stored);
        Ok(Listed { variables: row.json(attr::BODY)?, revision: row.count(attr::REVISION)? })
    }

    /// Changes the list and, with it, the rows of values. Whether `change` found something to do.
    async fn change_list(
        &self,
        tenant: &TenantId,
        values: Vec<Write>,
        mut change: impl FnMut(&mut Vec<VariableRecord>) -> Result<bool, StoreError>,
    ) -> Result<bool, StoreError> {
        for _ in 0..TRIES {
            let mut listed = self.listed(tenant).await?;
            if !change(&mut listed.variables)? {
                return Ok(false);
            }
            let unchanged = match listed.revision {
                0 => Condition::absent(),
                revision => Condition::equals(attr::REVISION, number(revision)),
            };
            let body =
                serde_json::to_value(&listed.variables).map_err(|_| StoreError::Corrupt { what: ROW })?;
            let list = Item::new(rows::variable_list(tenant))
                .with(attr::BODY, json(&body))
                .with(attr::REVISION, number(listed.revision + 1))
                .within_limit("list of variables")?;
            let writes = [vec![Write::Put(list, unchanged)], values.clone()].concat();
            if self.transact(writes).await?.is_none() {
                return Ok(true);
            }
        }
        Err(StoreError::Conflict { what: "list of variables" })
    }
}

/// A condition that always holds, since a transaction wants one.
fn any_or_none() -> Condition {
    Condition::absent().or(Condition::present())
}
