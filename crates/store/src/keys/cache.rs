//! Lookups of the last 60 s.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp};

use super::authenticate::StoredKey;

/// How long a lookup counts, and so how long a deleted key may still work.
const FRESH: SignedDuration = SignedDuration::from_secs(60);

/// How many lookups of either kind are kept.
const CAPACITY: usize = 1024;

/// What was found lately. Keys that exist and ids that do not are kept apart, so that a flood of unknown
/// ids pushes out none of the former.
#[derive(Default)]
pub(crate) struct KeyCache(Mutex<Lookups>);

#[derive(Default)]
struct Lookups {
    found: BTreeMap<String, Found>,
    unknown: BTreeMap<String, Timestamp>,
}

struct Found {
    key: StoredKey,
    read_at: Timestamp,
    uses: u64,
}

impl KeyCache {
    /// What the cache knows: `None` nothing, `Some(None)` that there is no such key.
    pub(super) fn get(&self, public_id: &str, now: Timestamp) -> Option<Option<StoredKey>> {
        let lookups = self.lookups();
        if let Some(found) = lookups.found.get(public_id) {
            return is_fresh(found.read_at, now).then(|| Some(found.key.clone()));
        }
        lookups.unknown.get(public_id).filter(|read_at| is_fresh(**read_at, now)).map(|_| None)
    }

    /// Remembers a lookup. Returns the uses that were counted since the last one and are to be written.
    ///
    /// Of several lookups at the same time only one gets them, and only one returns `Some`.
    pub(super) fn put(&self, public_id: &str, key: Option<StoredKey>, now: Timestamp) -> Option<u64> {
        let mut lookups = self.lookups();
        let Some(key) = key else {
            lookups.found.remove(public_id);
            make_room(&mut lookups.unknown, |read_at| *read_at);
            lookups.unknown.insert(public_id.to_owned(), now);
            return None;
        };
        lookups.unknown.remove(public_id);
        let uses = match lookups.found.get(public_id) {
            Some(found) if is_fresh(found.read_at, now) => return None,
            Some(found) => found.uses,
            None => 0,
        };
        make_room(&mut lookups.found, |found| found.read_at);
        lookups.found.insert(public_id.to_owned(), Found { key, read_at: now, uses: 0 });
        Some(uses)
    }

    /// Counts a use, to be written with the next lookup.
    pub(super) fn count_use(&self, public_id: &str) {
        if let Some(found) = self.lookups().found.get_mut(public_id) {
            found.uses += 1;
        }
    }

    /// Forgets what is known of a key that was made or deleted through this store.
    pub(super) fn forget(&self, public_id: &str) {
        let mut lookups = self.lookups();
        lookups.found.remove(public_id);
        lookups.unknown.remove(public_id);
    }

    fn lookups(&self) -> MutexGuard<'_, Lookups> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A clock that went back makes a lookup stale rather than fresh for longer.
fn is_fresh(read_at: Timestamp, now: Timestamp) -> bool {
    (SignedDuration::ZERO..FRESH).contains(&now.duration_since(read_at))
}

/// Drops the oldest entry of a map that is full.
fn make_room<V>(entries: &mut BTreeMap<String, V>, read_at: impl Fn(&V) -> Timestamp) {
    if entries.len() < CAPACITY {
        return;
    }
    let oldest = entries.iter().min_by_key(|(_, entry)| read_at(entry)).map(|(id, _)| id.clone());
    if let Some(oldest) = oldest {
        entries.remove(&oldest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn a_lookup_counts_for_a_minute() {
        let cache = KeyCache::default();
        assert_eq!(cache.get("a", at(0)), None);
        cache.put("a", Some(StoredKey::example()), at(100));
        cache.put("b", None, at(100));
        assert_eq!(cache.get("a", at(159)), Some(Some(StoredKey::example())));
        assert_eq!(cache.get("b", at(159)), Some(None));
        for time in [99, 160] {
            assert_eq!((cache.get("a", at(time)), cache.get("b", at(time))), (None, None));
        }
    }

    #[test]
    fn uses_are_handed_out_once_with_the_next_lookup() {
        let cache = KeyCache::default();
        assert_eq!(cache.put("a", Some(StoredKey::example()), at(0)), Some(0));
        assert_eq!(cache.put("a", Some(StoredKey::example()), at(1)), None);
        (0..5).for_each(|_| cache.count_use("a"));
        assert_eq!(cache.put("a", Some(StoredKey::example()), at(60)), Some(5));
        assert_eq!(cache.put("a", Some(StoredKey::example()), at(120)), Some(0));
    }

    #[test]
    fn a_flood_of_unknown_ids_is_bounded_and_pushes_out_no_key() {
        let cache = KeyCache::default();
        cache.put("key", Some(StoredKey::example()), at(0));
        for i in 0..=CAPACITY {
            cache.put(&format!("{i:04}"), None, at(i64::from(i != 0)));
        }
        assert_eq!(cache.get("0000", at(1)), None);
        assert_eq!(cache.get("0001", at(1)), Some(None));
        assert_eq!(cache.get("key", at(1)), Some(Some(StoredKey::example())));
    }

    #[test]
    fn a_deleted_key_is_unknown_at_once() {
        let cache = KeyCache::default();
        cache.put("a", Some(StoredKey::example()), at(0));
        cache.put("a", None, at(1));
        assert_eq!(cache.get("a", at(1)), Some(None));
        cache.put("b", Some(StoredKey::example()), at(0));
        for id in ["a", "b"] {
            cache.forget(id);
            assert_eq!(cache.get(id, at(1)), None);
        }
    }
}
