//! Vector indexes: in the bucket, and those that were used last in memory.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use millrace_engine::{ErrorKind, Indexes, RunError};
use millrace_store::{FlowId, Store, StoreError, TenantId};

use crate::Runner;
use crate::services::unavailable;

/// Whose index it is, and which.
type Place = (TenantId, FlowId, String);

/// Indexes that were used last, up to so many bytes.
pub(crate) struct IndexCache {
    limit: usize,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    indexes: BTreeMap<Place, (u64, Arc<[u8]>)>,
    bytes: usize,
    uses: u64,
}

impl IndexCache {
    /// An empty one for `limit` bytes.
    pub fn new(limit: usize) -> Self {
        Self { limit, kept: Mutex::default() }
    }

    fn get(&self, place: &Place) -> Option<Arc<[u8]>> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.uses += 1;
        let now = kept.uses;
        let (used, index) = kept.indexes.get_mut(place)?;
        *used = now;
        Some(index.clone())
    }

    /// An index that is larger than all may be together is not kept.
    fn put(&self, place: Place, index: Arc<[u8]>) {
        if index.len() > self.limit {
            return;
        }
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.uses += 1;
        kept.bytes += index.len();
        let used = kept.uses;
        if let Some((_, before)) = kept.indexes.insert(place, (used, index)) {
            kept.bytes -= before.len();
        }
        while kept.bytes > self.limit {
            let oldest =
                kept.indexes.iter().min_by_key(|(_, (used, _))| *used).map(|(place, _)| place.clone());
            let Some((_, gone)) = oldest.and_then(|place| kept.indexes.remove(&place)) else { return };
            kept.bytes -= gone.len();
        }
    }
}

/// The indexes of one tenant's flow.
pub(crate) struct FlowIndexes {
    pub runner: Runner,
    pub tenant: TenantId,
    pub flow: FlowId,
}

#[async_trait]
impl Indexes for FlowIndexes {
    async fn load(&self, key: &str) -> Result<Option<Arc<[u8]>>, RunError> {
        let place = self.place(key);
        if let Some(index) = self.cache().get(&place) {
            return Ok(Some(index));
        }
        let found = self.store().index(&self.tenant, self.flow, key).await.map_err(unavailable)?;
        let Some(found) = found else { return Ok(None) };
        let index: Arc<[u8]> = found.into();
        self.cache().put(place, index.clone());
        Ok(Some(index))
    }

    /// One that could not be kept for a passing reason is built again by whoever needs it next.
    async fn save(&self, key: &str, index: Arc<[u8]>) -> Result<(), RunError> {
        self.cache().put(self.place(key), index.clone());
        match self.store().put_index(&self.tenant, self.flow, key, index.to_vec()).await {
            Err(error @ StoreError::TooLarge { .. }) => {
                Err(RunError::new(ErrorKind::Flow, error.to_string()))
            }
            Err(error) if error.is_retryable() => {
                tracing::warn!(flow_id = %self.flow, %error, "a vector index was not kept");
                Ok(())
            }
            other => other.map_err(unavailable),
        }
    }
}

impl FlowIndexes {
    fn place(&self, key: &str) -> Place {
        (self.tenant.clone(), self.flow, key.to_owned())
    }

    fn cache(&self) -> &IndexCache {
        &self.runner.0.indexes
    }

    fn store(&self) -> &Store {
        self.runner.store()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(tenant: &str, key: &str) -> Place {
        (tenant.parse().unwrap(), "67e55044-10b1-426f-9247-bb680e5fe0c8".parse().unwrap(), key.to_owned())
    }

    #[test]
    fn what_was_not_used_for_longest_makes_room() {
        let cache = IndexCache::new(10);
        let index = |bytes: usize| Arc::from(vec![0; bytes]);
        for key in ["a", "b", "c"] {
            cache.put(place("ann", key), index(3));
        }
        assert!(cache.get(&place("ann", "a")).is_some());
        cache.put(place("ann", "d"), index(4));
        let kept = ["a", "b", "c", "d"].map(|key| cache.get(&place("ann", key)).is_some());
        assert_eq!(kept, [true, false, true, true]);
        // The same again takes no more room, and one that fits nowhere pushes nothing out.
        cache.put(place("ann", "d"), index(4));
        cache.put(place("ann", "e"), index(11));
        assert_eq!(cache.kept.lock().unwrap().bytes, 10);
        assert!(cache.get(&place("ann", "e")).is_none() && cache.get(&place("ann", "a")).is_some());
    }

    #[test]
    fn an_index_is_one_tenant_s() {
        let cache = IndexCache::new(10);
        cache.put(place("ann", "a"), Arc::from([1].as_slice()));
        assert!(cache.get(&place("bob", "a")).is_none());
    }
}
