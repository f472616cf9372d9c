//! Vector indexes in the bucket, by a key that is made of what is in them.

use sha2::{Digest, Sha256};

use crate::Store;
use crate::bucket::{Kept, Object};
use crate::error::StoreError;
use crate::ids::{FlowId, TenantId};

/// What an index is called in errors.
const WHAT: &str = "vector index";

/// What one index may have, in bytes.
const LIMIT: usize = 100_000_000;

impl Store {
    /// The index of a flow under this key. `None` when none was kept, or nothing can be kept here.
    ///
    /// # Errors
    /// Those of the service.
    pub async fn index(
        &self,
        tenant: &TenantId,
        flow: FlowId,
        key: &str,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        if !self.has_bucket() {
            return Ok(None);
        }
        let found = self.object(&place(tenant, flow, key), LIMIT as u64, WHAT).await?;
        Ok(found.map(|found| found.bytes))
    }

    /// Keeps an index, where there is a bucket. The same key means the same index.
    ///
    /// # Errors
    /// [`StoreError::TooLarge`] before anything is written, and those of the service.
    pub async fn put_index(
        &self,
        tenant: &TenantId,
        flow: FlowId,
        key: &str,
        index: Vec<u8>,
    ) -> Result<(), StoreError> {
        if index.len() > LIMIT {
            return Err(StoreError::TooLarge { what: WHAT, size: index.len(), limit: LIMIT });
        }
        if !self.has_bucket() {
            return Ok(());
        }
        let key = place(tenant, flow, key);
        self.put_object(Object { key, bytes: index, name: None, kept: Kept::ForGood }).await
    }
}

/// Hashed, so that no character of the key has a meaning here.
fn place(tenant: &TenantId, flow: FlowId, key: &str) -> String {
    format!("{tenant}/indexes/{flow}/{:x}", Sha256::digest(key))
}
