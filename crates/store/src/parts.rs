//! Values that are too large for one item: in parts beside it, in the same partition.
//!
//! The parts are written before the item that refers to them, under the digest of the value: an item that
//! can be read has all its parts, and the same value written again is the same parts.

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use crate::Store;
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

/// An item that DynamoDB takes, and the parts of its value, if it has any.
pub(crate) struct Fitted {
    pub(crate) item: Attributes,
    pub(crate) parts: Vec<Attributes>,
}

impl Item {
    /// The item with `value` under `name`; or, if it does not fit, with a reference to the value's parts.
    ///
    /// # Errors
    /// [`StoreError::TooLarge`] for `what`, when the value is too large even so, or the item is without it.
    pub(crate) fn fit(
        self,
        name: &str,
        value: AttributeValue,
        what: &'static str,
    ) -> Result<Fitted, StoreError> {
        if self.bytes() + name.len() + value_bytes(&value) <= ITEM_LIMIT {
            return Ok(Fitted { item: self.with(name, value).within_limit(what)?, parts: Vec::new() });
        }
        let packed = match value {
            AttributeValue::B(packed) => packed.into_inner(),
            // Compression did not make it shorter; parts are compressed all the same, to be read alike.
            AttributeValue::S(plain) => pack(plain.as_bytes()).ok_or(StoreError::Corrupt { what })?,
            _ => return Err(StoreError::Corrupt { what }),
        };
        if packed.len() > VALUE_LIMIT {
            return Err(StoreError::TooLarge { what, size: packed.len(), limit: VALUE_LIMIT });
        }
        let digest: String =
            Sha256::digest(&packed).iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        let chunks = packed.chunks(PART);
        let item = self
            .with(attr::PARTS, number(chunks.len() as u64))
            .with(attr::SIZE, number(packed.len() as u64))
            .with(attr::DIGEST, text(&digest))
            .within_limit(what)?;
        let parts = chunks.enumerate().map(|(index, chunk)| part(&item, &digest, index, chunk)).collect();
        Ok(Fitted { item, parts })
    }
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
    /// The value under `name`, or the one that the row's parts make.
    pub(crate) async fn whole<T: DeserializeOwned>(&self, row: Row<'_>, name: &str) -> Result<T, StoreError> {
        if !row.has(attr::PARTS) {
            return row.json(name);
        }
        let mut packed = Vec::new();
        for part in self.parts_of(row).await? {
            packed.extend_from_slice(row.of_same_kind(&part).bytes(attr::BODY)?);
        }
        unpack(&packed).ok_or_else(|| row.corrupt())
    }

    /// The parts of a row's value, in order; none when the value stands in the row.
    pub(crate) async fn parts_of(&self, row: Row<'_>) -> Result<Vec<Attributes>, StoreError> {
        if !row.has(attr::PARTS) {
            return Ok(Vec::new());
        }
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

    /// Writes parts. The same parts may stand there already.
    pub(crate) async fn put_parts(&self, parts: Vec<Attributes>) -> Result<(), StoreError> {
        for part in parts {
            self.put(part).await?;
        }
        Ok(())
    }
}
