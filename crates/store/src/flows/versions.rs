//! A flow's data: compressed, immutable, found by the hash of its content.

use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::Store;
use crate::error::StoreError;
use crate::ids::{FlowId, TenantId};
use crate::item::{Item, Row, json};
use crate::rows;
use crate::schema::attr;

/// The version of a flow's data: the first 32 hexadecimal digits of the SHA-256 of its JSON text.
pub fn flow_data_version(data: &Value) -> String {
    let hash = Sha256::digest(data.to_string());
    hash.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

impl Store {
    /// A version of a flow's data. `None` when there is none, or the flow was deleted.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`], and those of the service.
    pub async fn flow_data(
        &self,
        tenant: &TenantId,
        id: FlowId,
        version: &str,
    ) -> Result<Option<Value>, StoreError> {
        let key = rows::flow_version(tenant, id, version);
        // A version never changes, so that the cheap read is right whenever it finds one at all.
        let row = match self.get(key.clone(), false).await? {
            Some(row) => Some(row),
            None => self.get(key, true).await?,
        };
        row.map(|row| Row::new("flow version", &row).json(attr::BODY)).transpose()
    }

    /// Stores a version, unless it is there already.
    pub(super) async fn put_flow_version(
        &self,
        tenant: &TenantId,
        id: FlowId,
        data: &Value,
    ) -> Result<(), StoreError> {
        let key = rows::flow_version(tenant, id, &flow_data_version(data));
        let item = Item::new(key).with(attr::BODY, json(data)).within_limit("flow")?;
        self.put_if_absent(item).await?;
        Ok(())
    }
}
