//! API keys: made, listed, rotated, deleted, and checked and counted on every request.

mod authenticate;
mod cache;
mod rate;
mod rotate;
mod scopes;
mod terms;
mod text;

use std::fmt;

use jiff::Timestamp;
use sha2::{Digest, Sha256};
use uuid::{Builder, Uuid};

use crate::Store;
use crate::condition::Condition;
use crate::error::StoreError;
use crate::ids::{TenantId, time_ordered_uuid};
use crate::item::{Item, Row, text, time};
use crate::rows;
use crate::schema::{SK, attr};
use crate::size::Attributes;
use crate::table::{Range, Sort, Write};

use text::KeyText;

/// The public id in the text of a key, if it can be one; for `tests/fuzz`.
pub(crate) fn public_id(text: &str, plain: bool) -> Option<String> {
    KeyText::read(text, plain).map(|key| key.public_id().to_owned())
}

pub use authenticate::Principal;
pub(crate) use cache::KeyCache;
pub use rate::OverLimit;
pub(crate) use rate::Rates;
pub use rotate::Rotation;
pub use scopes::{Scope, Scopes};
pub use terms::KeyTerms;

/// What a row of a key is called in errors.
const ROW: &str = "API key";

/// An API key without its secret, as lists show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRecord {
    /// Its id, for deletion.
    pub id: Uuid,
    /// What its owner calls it.
    pub name: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last used, to about a minute.
    pub last_used_at: Option<Timestamp>,
    /// How often it was used, about: an environment that ends takes its last minute with it.
    pub total_uses: u64,
    /// Whether it is good: it was when the list was made, unless it had expired.
    pub is_active: bool,
    /// What it is good for, and how long.
    pub terms: KeyTerms,
    /// The first 8 characters, then one `*` for each further one.
    pub masked: String,
}

/// A key that was just made.
#[derive(Clone)]
pub struct NewKey {
    /// The key as lists show it.
    pub record: KeyRecord,
    /// The key itself. **It is shown once**: the table has only the hash of its secret.
    pub text: String,
}

impl fmt::Debug for NewKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewKey").field("record", &self.record).finish_non_exhaustive()
    }
}

impl Store {
    /// Makes a key for a tenant, good for everything and for ever.
    ///
    /// # Errors
    /// [`StoreError::TooLarge`] for an endless name, and those of the service.
    pub async fn create_key(&self, tenant: &TenantId, name: &str) -> Result<NewKey, StoreError> {
        self.create_key_with(tenant, name, &KeyTerms::default()).await
    }

    /// Makes a key for a tenant on these terms. Whether whoever asks for it may give them is not looked at here.
    ///
    /// # Errors
    /// [`StoreError::TooLarge`] for an endless name, and those of the service.
    pub async fn create_key_with(
        &self,
        tenant: &TenantId,
        name: &str,
        terms: &KeyTerms,
    ) -> Result<NewKey, StoreError> {
        let key = KeyText::generate(self.host());
        let id = time_ordered_uuid(self.host());
        let record = self.put_key(tenant, id, name, &key, terms).await?;
        let record = record.ok_or(StoreError::Conflict { what: "API key" })?;
        Ok(NewKey { record, text: key.text().to_owned() })
    }

    /// Makes a key of a given text, for the local cloud. One that is there already stays as it is.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] unless the store is configured with `plain_keys`, or when the text is empty;
    /// [`StoreError::Conflict`] when the key belongs to another tenant; and those of the service.
    pub async fn seed_key(&self, tenant: &TenantId, text: &str, name: &str) -> Result<(), StoreError> {
        let refused = StoreError::Invalid { what: "a key of this text is not allowed here" };
        let key = KeyText::read(text, self.config().plain_keys)
            .filter(|_| self.config().plain_keys)
            .ok_or(refused)?;
        let id = Builder::from_random_bytes(first_half(Sha256::digest(key.public_id()).into())).into_uuid();
        if self.put_key(tenant, id, name, &key, &KeyTerms::default()).await?.is_some() {
            return Ok(());
        }
        let owner = self.get(rows::key(key.public_id()), true).await?;
        let ours =
            owner.is_some_and(|row| Row::new(ROW, &row).opt_text(attr::TENANT) == Some(tenant.as_str()));
        if ours { Ok(()) } else { Err(StoreError::Conflict { what: "API key" }) }
    }

    /// The keys of a tenant, oldest first.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`], and those of the service.
    pub async fn keys(&self, tenant: &TenantId) -> Result<Vec<KeyRecord>, StoreError> {
        let range = Range { pk: rows::keys_partition(tenant), sort: Sort::Any, newest: None };
        let mut keys = self.query(range).await?.iter().map(listed).collect::<Result<Vec<_>, _>>()?;
        let now = self.now();
        keys.iter_mut().for_each(|key| key.is_active = !key.terms.are_over(now));
        keys.sort_by_key(|key| (key.created_at, key.id));
        Ok(keys)
    }

    /// Deletes a key of a tenant. Whether there was one. It stops working within 60 s everywhere.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`], and those of the service.
    pub async fn delete_key(&self, tenant: &TenantId, id: Uuid) -> Result<bool, StoreError> {
        let listed = rows::listed_key(tenant, id);
        let Some(row) = self.get(listed.clone(), true).await? else {
            return Ok(false);
        };
        let public_id = Row::new(ROW, &row).text(attr::PUBLIC)?.to_owned();
        let deletes = vec![
            Write::Delete(listed, Condition::present()),
            // Of a key that is over for long, the row may have gone by itself.
            Write::Delete(
                rows::key(&public_id),
                Condition::absent().or(Condition::equals(attr::TENANT, text(tenant.as_str()))),
            ),
        ];
        let deleted = self.transact(deletes).await?.is_none();
        self.key_cache().forget(&public_id);
        Ok(deleted)
    }

    /// Puts both rows of a key, or neither. `None` when one of them is there already.
    async fn put_key(
        &self,
        tenant: &TenantId,
        id: Uuid,
        name: &str,
        key: &KeyText<'_>,
        terms: &KeyTerms,
    ) -> Result<Option<KeyRecord>, StoreError> {
        let (record, puts) = self.key_rows(tenant, id, name, key, terms)?;
        let refused = self.transact(puts.into()).await?;
        self.key_cache().forget(key.public_id());
        Ok(refused.is_none().then_some(record))
    }

    /// A key as lists show it, and the writes of its two rows.
    fn key_rows(
        &self,
        tenant: &TenantId,
        id: Uuid,
        name: &str,
        key: &KeyText<'_>,
        terms: &KeyTerms,
    ) -> Result<(KeyRecord, [Write; 2]), StoreError> {
        let lookup = Item::new(rows::key(key.public_id()))
            .with(attr::TENANT, text(tenant.as_str()))
            .with(attr::SECRET, aws_sdk_dynamodb::types::AttributeValue::B(key.secret_hash().to_vec().into()))
            .with(attr::ID, text(id.as_hyphenated().to_string()))
            .with(attr::NAME, text(name));
        let list = Item::new(rows::listed_key(tenant, id))
            .with(attr::PUBLIC, text(key.public_id()))
            .with(attr::NAME, text(name))
            .with(attr::CREATED, time(self.now()))
            .with(attr::MASKED, text(key.masked()));
        let retention = self.config().retention;
        let lookup = terms.add_to(lookup, retention).within_limit(ROW)?;
        let list = terms.add_to(list, retention).within_limit(ROW)?;
        let record = listed(&list)?;
        Ok((record, [Write::Put(lookup, Condition::absent()), Write::Put(list, Condition::absent())]))
    }
}

fn listed(attributes: &Attributes) -> Result<KeyRecord, StoreError> {
    let row = Row::new(ROW, attributes);
    Ok(KeyRecord {
        id: row.parsed(SK)?,
        name: row.text(attr::NAME)?.to_owned(),
        created_at: row.time(attr::CREATED)?,
        last_used_at: row.opt_time(attr::USED),
        total_uses: row.count(attr::USES).unwrap_or(0),
        is_active: true,
        terms: KeyTerms::read(&row)?,
        masked: row.text(attr::MASKED)?.to_owned(),
    })
}

fn first_half(hash: [u8; 32]) -> [u8; 16] {
    let mut half = [0; 16];
    half.copy_from_slice(&hash[..16]);
    half
}
