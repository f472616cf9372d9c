//! Who is calling.

use jiff::Timestamp;
use subtle::ConstantTimeEq;
use uuid::Uuid;

use super::ROW;
use super::terms::KeyTerms;
use super::text::KeyText;
use crate::Store;
use crate::condition::{Change, Condition};
use crate::error::StoreError;
use crate::ids::TenantId;
use crate::item::{Row, number, time};
use crate::rows;
use crate::schema::attr;
use crate::size::Attributes;
use crate::table::Updated;

/// Whom a key stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// The tenant, which nothing else in a request can name.
    pub tenant: TenantId,
    /// The id of the key.
    pub key: Uuid,
    /// What its owner calls the key.
    pub name: String,
    /// What the key is good for, and how long.
    pub terms: KeyTerms,
}

/// A key as the table has it.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct StoredKey {
    principal: Principal,
    secret_hash: [u8; 32],
}

/// Compared with when there is no key. It is the hash of no known secret.
const NO_SECRET: [u8; 32] = [0; 32];

impl Store {
    /// Checks a key. `None` when it is malformed (without a read), unknown, deleted, wrong or over.
    ///
    /// Answers of the table count for 60 s; **when the key ends is looked at every time**. The uses of a key are counted in memory and written at most
    /// once in that time; a failure of that write is no failure of the request.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`], and those of the service: the caller may not be let in then either.
    pub async fn authenticate(&self, text: &str) -> Result<Option<Principal>, StoreError> {
        let Some(key) = KeyText::read(text, self.config().plain_keys) else {
            return Ok(None);
        };
        let now = self.now();
        let (stored, uses) = match self.key_cache().get(key.public_id(), now) {
            Some(stored) => (stored, None),
            None => {
                let stored = self.stored_key(key.public_id()).await?;
                let uses = self.key_cache().put(key.public_id(), stored.clone(), now);
                (stored, uses)
            }
        };
        // An unknown id takes the same work as a wrong secret.
        let secret_hash = stored.as_ref().map_or(&NO_SECRET, |stored| &stored.secret_hash);
        let matches = bool::from(secret_hash.ct_eq(key.secret_hash()));
        let is_over = stored.as_ref().is_some_and(|stored| stored.principal.terms.are_over(now));
        let Some(stored) = stored.filter(|_| matches && !is_over) else {
            return Ok(None);
        };
        match uses {
            Some(uses) => self.write_uses(&stored.principal, uses + 1, now).await,
            None => self.key_cache().count_use(key.public_id()),
        }
        Ok(Some(stored.principal))
    }

    async fn stored_key(&self, public_id: &str) -> Result<Option<StoredKey>, StoreError> {
        let row = self.get(rows::key(public_id), true).await?;
        row.as_ref().map(stored).transpose()
    }

    /// Counts may be high by one window when a reply is lost: they inform, and decide nothing.
    async fn write_uses(&self, principal: &Principal, uses: u64, now: Timestamp) {
        let change =
            Change::when(Condition::present()).increase(attr::USES, number(uses)).set(attr::USED, time(now));
        let written = self.update(rows::listed_key(&principal.tenant, principal.key), change).await;
        match written {
            Ok(Updated::Applied(_) | Updated::Refused(_)) => {}
            Err(error) => tracing::debug!(key_id = %principal.key, %error, "uses of a key not counted"),
        }
    }
}

fn stored(attributes: &Attributes) -> Result<StoredKey, StoreError> {
    let row = Row::new(ROW, attributes);
    let principal = Principal {
        tenant: row.parsed(attr::TENANT)?,
        key: row.parsed(attr::ID)?,
        name: row.text(attr::NAME)?.to_owned(),
        terms: KeyTerms::read(&row)?,
    };
    let secret_hash = row.bytes(attr::SECRET)?.try_into().map_err(|_| row.corrupt())?;
    Ok(StoredKey { principal, secret_hash })
}

#[cfg(test)]
impl StoredKey {
    pub(super) fn example() -> Self {
        let tenant = TenantId::try_from("acme").unwrap();
        let terms = KeyTerms::default();
        let principal = Principal { tenant, key: Uuid::nil(), name: "test".into(), terms };
        Self { principal, secret_hash: [7; 32] }
    }
}

#[cfg(test)]
impl std::fmt::Debug for StoredKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.principal.fmt(f)
    }
}
