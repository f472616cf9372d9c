//! A key in the place of another, which goes on for a while.

use std::time::Duration;

use jiff::Timestamp;
use uuid::Uuid;

use super::text::KeyText;
use super::{NewKey, ROW, listed};
use crate::condition::{Change, Condition};
use crate::error::StoreError;
use crate::ids::{TenantId, time_ordered_uuid};
use crate::item::{Row, epoch_seconds, text, time};
use crate::rows;
use crate::schema::{EXPIRES, attr};
use crate::table::Write;
use crate::{Store, after};

/// What became of a rotation.
#[derive(Debug, Clone)]
pub enum Rotation {
    /// There is a new key, and the old one has an end.
    Made {
        /// The new key: name and terms are those of the old one.
        key: NewKey,
        /// Until when the old one is good.
        old_until: Timestamp,
    },
    /// The tenant has no such key.
    NoKey,
    /// The key is over.
    Expired,
    /// The key has been rotated before; the one that took its place can be.
    Rotated,
}

impl Store {
    /// Makes a key with the name, scopes, expiry and rate of another, which ends after `grace`, or when it would have
    /// ended anyway. All four rows are written, or none.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] where the key was deleted or rotated at the same time, [`StoreError::Corrupt`], and
    /// those of the service.
    pub async fn rotate_key(
        &self,
        tenant: &TenantId,
        id: Uuid,
        grace: Duration,
    ) -> Result<Rotation, StoreError> {
        let Some(row) = self.get(rows::listed_key(tenant, id), true).await? else {
            return Ok(Rotation::NoKey);
        };
        let (old, now) = (listed(&row)?, self.now());
        let row = Row::new(ROW, &row);
        if row.has(attr::NEXT) {
            return Ok(Rotation::Rotated);
        }
        if old.terms.are_over(now) {
            return Ok(Rotation::Expired);
        }
        let grace = after(now, grace);
        let old_until = old.terms.expires_at.map_or(grace, |end| end.min(grace));
        let (key, new) = (KeyText::generate(self.host()), time_ordered_uuid(self.host()));
        let (record, puts) = self.key_rows(tenant, new, &old.name, &key, &old.terms)?;
        let public_id = row.text(attr::PUBLIC)?;
        let [lookup, list] = self.ends(tenant, public_id, id, old_until, new);
        let writes = puts.into_iter().chain([lookup, list]).collect();
        let refused = self.transact(writes).await?;
        self.key_cache().forget(public_id);
        match refused {
            None => Ok(Rotation::Made { key: NewKey { record, text: key.text().to_owned() }, old_until }),
            Some(_) => Err(StoreError::Conflict { what: ROW }),
        }
    }

    /// The changes of the old key's two rows.
    fn ends(&self, tenant: &TenantId, public_id: &str, id: Uuid, end: Timestamp, next: Uuid) -> [Write; 2] {
        let row_end = epoch_seconds(after(end, self.config().retention));
        let ended = |change: Change| change.set(attr::UNTIL, time(end)).set(EXPIRES, row_end.clone());
        let ours = Condition::equals(attr::TENANT, text(tenant.as_str()));
        let current = Condition::present().and(Condition::lacks(attr::NEXT));
        let next = text(next.as_hyphenated().to_string());
        [
            Write::Update(rows::key(public_id), ended(Change::when(ours))),
            Write::Update(rows::listed_key(tenant, id), ended(Change::when(current)).set(attr::NEXT, next)),
        ]
    }
}
