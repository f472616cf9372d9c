//! Values that are too large for one item: in the bucket, or, where there is none, in parts beside the item.
//!
//! Either is written before the item that refers to it, under the digest of the value: an item that can be read
//! has its value, and the same value written again is the same object, or the same parts. Objects go by the
//! bucket's own rule, parts by the table's time-to-live.

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use crate::Store;
use crate::bucket::{Kept, Object};
use crate::error::StoreError;
use crate::item::{Item, Row, number, pack, text, unpack};
use crate::rows;
use crate::schema::{EXPIRES, ITEM_LIMIT, PK, SK, attr};
use crate::size::{Attributes, value_bytes};
use crate::table::{Range, Sort};

/// What one value may grow to, in compressed bytes.
const VALUE_LIMIT: usize = 6_000_000;

/// Bytes of a value in one part.
const PART: usize = 350 * 1024;

/// An item that DynamoDB takes, and what has to be written before it.
pub(crate) struct Fitted {
    pub(crate) item: Attributes,
    pub(crate) beside: Beside,
}

/// What of a value does not stand in its item.
pub(crate) enum Beside {
    Nothing,
    Parts(Vec<Attributes>),
    Object(Object),
}

impl Store {
    /// The item with `value` under `name`; or, if it does not fit, with a reference to where the value is.
    ///
    /// # Errors
    /// [`StoreError::TooLarge`] for `what`, when the value is too large even so, or the item is without it.
    pub(crate) fn fit(
        &self,
        item: Item,
        name: &str,
        value: AttributeValue,
        what: &'static str,
    ) -> Result<Fitted, StoreError> {
        if item.bytes() + name.len() + value_bytes(&value) <= ITEM_LIMIT {
            let item = item.with(name, value).within_limit(what)?;
            return Ok(Fitted { item, beside: Beside::Nothing });
        }
        let packed = match value {
            AttributeValue::B(packed) => packed.into_inner(),
            // Compression did not make it shorter; it is compressed all the same, to be read alike.
            AttributeValue::S(plain) => pack(plain.as_bytes()).ok_or(StoreError::Corrupt { what })?,
            _ => return Err(StoreError::Corrupt { what }),
        };
        if packed.len() > VALUE_LIMIT {
            return Err(StoreError::TooLarge { what, size: packed.len(), limit: VALUE_LIMIT });
        }
        let item = item.with(attr::SIZE, number(packed.len() as u64));
        if self.has_bucket() { in_bucket(item, packed, what) } else { in_parts(item, &packed, what) }
    }
}

fn in_bucket(item: Item, packed: Vec<u8>, what: &'static str) -> Result<Fitted, StoreError> {
    let item = item.with(attr::DIGEST, text(format!("{:x}", Sha256::digest(&packed)))).within_limit(what)?;
    let key = object_key(Row::new(what, &item))?;
    let object = Object { key, bytes: packed, name: None, kept: Kept::WithTasks };
    Ok(Fitted { item, beside: Beside::Object(object) })
}

fn in_parts(item: Item, packed: &[u8], what: &'static str) -> Result<Fitted, StoreError> {
    let digest: String = Sha256::digest(packed).iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    let chunks = packed.chunks(PART);
    let item = item
        .with(attr::PARTS, number(chunks.len() as u64))
        .with(attr::DIGEST, text(&digest))
        .within_limit(what)?;
    let parts = chunks.enumerate().map(|(index, chunk)| part(&item, &digest, index, chunk)).collect();
    Ok(Fitted { item, beside: Beside::Parts(parts) })
}

/// Where the value of a task's row is. Equal values of a tenant are one object, and each writer puts it again, so
/// that it is kept as long as the last of their rows.
fn object_key(row: Row<'_>) -> Result<String, StoreError> {
    let (tenant, _) = rows::task_of_partition(row.text(PK)?).ok_or_else(|| row.corrupt())?;
    Ok(format!("{tenant}/values/{}", row.text(attr::DIGEST)?))
}

/// One part, beside its owner and kept as long.
fn part(owner: &Attributes, digest: &str, index: usize, chunk: &[u8]) -> Attributes {
    let sort = owner.get(SK).and_then(|sk| sk.as_s().ok()).map_or("", String::as_str);
    let sk = format!("{}{index:03}", rows::parts_prefix(sort, digest));
    let mut part = Attributes::from([
        (SK.to_owned(), text(sk)),
        (attr::BODY.to_owned(), AttributeValue::B(Blob::new(chunk))),
    ]);
    for name in [PK, EXPIRES] {
        if let Some(value) = owner.get(name) {
            part.insert(name.to_owned(), value.clone());
        }
    }
    part
}

impl Store {
    /// The value under `name`, or the one that the row refers to.
    pub(crate) async fn whole<T: DeserializeOwned>(&self, row: Row<'_>, name: &str) -> Result<T, StoreError> {
        match self.bytes_beside(row).await? {
            None => row.json(name),
            Some(packed) => unpack(&packed).ok_or_else(|| row.corrupt()),
        }
    }

    /// The same for bytes that are neither text nor compressed.
    pub(crate) async fn whole_bytes(&self, row: Row<'_>, name: &str) -> Result<Vec<u8>, StoreError> {
        match self.bytes_beside(row).await? {
            None => row.bytes(name).map(<[u8]>::to_vec),
            Some(bytes) => Ok(bytes),
        }
    }

    async fn bytes_beside(&self, row: Row<'_>) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(match self.beside(row).await? {
            Beside::Nothing => None,
            Beside::Object(object) => Some(object.bytes),
            Beside::Parts(parts) => {
                let mut bytes = Vec::new();
                for part in &parts {
                    bytes.extend_from_slice(row.of_same_kind(part).bytes(attr::BODY)?);
                }
                Some(bytes)
            }
        })
    }

    /// What of a row's value does not stand in it, complete.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when something of it is missing, and those of the services.
    pub(crate) async fn beside(&self, row: Row<'_>) -> Result<Beside, StoreError> {
        if row.has(attr::PARTS) {
            return self.parts_of(row).await.map(Beside::Parts);
        }
        if !row.has(attr::DIGEST) {
            return Ok(Beside::Nothing);
        }
        let key = object_key(row)?;
        let found = self.object(&key, VALUE_LIMIT as u64, "value").await?.ok_or_else(|| row.corrupt())?;
        if found.bytes.len() as u64 != row.count(attr::SIZE)? {
            return Err(row.corrupt());
        }
        Ok(Beside::Object(Object { key, bytes: found.bytes, name: None, kept: Kept::WithTasks }))
    }

    /// The parts of a row's value, in order.
    async fn parts_of(&self, row: Row<'_>) -> Result<Vec<Attributes>, StoreError> {
        let prefix = rows::parts_prefix(row.text(SK)?, row.text(attr::DIGEST)?);
        let range = Range { pk: row.text(PK)?.to_owned(), sort: Sort::Prefix(prefix), newest: None };
        let parts = self.query(range).await?;
        let mut bytes = 0;
        for part in &parts {
            bytes += row.of_same_kind(part).bytes(attr::BODY)?.len() as u64;
        }
        let complete = parts.len() as u64 == row.count(attr::PARTS)? && bytes == row.count(attr::SIZE)?;
        if complete { Ok(parts) } else { Err(row.corrupt()) }
    }

    /// Writes what stands beside an item, before the item. The same may stand there already.
    pub(crate) async fn put_beside(&self, beside: Beside) -> Result<(), StoreError> {
        match beside {
            Beside::Nothing => {}
            Beside::Object(object) => self.put_object(object).await?,
            Beside::Parts(parts) => {
                for part in parts {
                    self.put(part).await?;
                }
            }
        }
        Ok(())
    }
}
