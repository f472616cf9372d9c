//! The data keys of tenants: rows, and what of them is open in this process.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::{SignedDuration, Timestamp};
use zeroize::Zeroizing;

use crate::Store;
use crate::error::StoreError;
use crate::ids::TenantId;
use crate::item::{Item, Row, time};
use crate::rows;
use crate::schema::attr;

/// What the row is called in errors.
const ROW: &str = "data key";

/// The version of a tenant's first key. There are no others yet; what is sealed names the one it was sealed under.
const FIRST: u32 = 1;

/// How long a key stays open in a process: a master key that is disabled stops working within this time.
const FRESH: SignedDuration = SignedDuration::from_mins(5);

/// Keys that are open at a time.
const CAPACITY: usize = 256;

/// A data key in the clear.
pub(super) struct DataKey {
    pub(super) version: u32,
    pub(super) bytes: Zeroizing<[u8; 32]>,
}

type Open = BTreeMap<(TenantId, u32), (Arc<DataKey>, Timestamp)>;

/// The keys that are open in this process.
#[derive(Default)]
pub(crate) struct DataKeys(Mutex<Open>);

impl DataKeys {
    fn get(&self, tenant: &TenantId, version: u32, now: Timestamp) -> Option<Arc<DataKey>> {
        let open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (key, since) = open.get(&(tenant.clone(), version))?;
        (SignedDuration::ZERO..FRESH).contains(&now.duration_since(*since)).then(|| key.clone())
    }

    fn put(&self, tenant: &TenantId, key: Arc<DataKey>, now: Timestamp) {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if open.len() >= CAPACITY {
            open.retain(|_, (_, since)| (SignedDuration::ZERO..FRESH).contains(&now.duration_since(*since)));
        }
        if open.len() >= CAPACITY {
            open.pop_first();
        }
        open.insert((tenant.clone(), key.version), (key, now));
    }
}

impl Store {
    /// The key that a tenant's values are sealed under, made on first use.
    pub(super) async fn newest_data_key(&self, tenant: &TenantId) -> Result<Arc<DataKey>, StoreError> {
        let now = self.now();
        if let Some(key) = self.data_keys().get(tenant, FIRST, now) {
            return Ok(key);
        }
        let row = rows::data_key(tenant, FIRST);
        if let Some(stored) = self.get(row.clone(), true).await? {
            return self.opened(tenant, FIRST, Row::new(ROW, &stored)).await;
        }
        let (bytes, wrapped) = self.wrapping().make(self.host(), tenant).await?;
        let made = Item::new(row)
            .with(attr::SECRET, AttributeValue::B(wrapped.into()))
            .with(attr::CREATED, time(now));
        match self.put_if_absent(made.within_limit(ROW)?).await? {
            Some(stored) => self.opened(tenant, FIRST, Row::new(ROW, &stored)).await,
            None => Ok(self.remembered(tenant, DataKey { version: FIRST, bytes })),
        }
    }

    /// The key of a version.
    pub(super) async fn data_key(&self, tenant: &TenantId, version: u32) -> Result<Arc<DataKey>, StoreError> {
        if let Some(key) = self.data_keys().get(tenant, version, self.now()) {
            return Ok(key);
        }
        let stored = self.get(rows::data_key(tenant, version), true).await?;
        let stored = stored.ok_or(StoreError::Corrupt { what: ROW })?;
        self.opened(tenant, version, Row::new(ROW, &stored)).await
    }

    async fn opened(
        &self,
        tenant: &TenantId,
        version: u32,
        row: Row<'_>,
    ) -> Result<Arc<DataKey>, StoreError> {
        let bytes = self.wrapping().unwrap(tenant, row.bytes(attr::SECRET)?).await?;
        Ok(self.remembered(tenant, DataKey { version, bytes }))
    }

    fn remembered(&self, tenant: &TenantId, key: DataKey) -> Arc<DataKey> {
        let key = Arc::new(key);
        self.data_keys().put(tenant, key.clone(), self.now());
        key
    }
}
