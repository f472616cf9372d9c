//! Between typed values and the attributes of an item.

use std::io::Read as _;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::error::StoreError;
use crate::rows::RowKey;
use crate::schema::ITEM_LIMIT;
use crate::size::{Attributes, item_bytes};

/// JSON up to this many bytes stands as text; longer text is compressed if that makes it shorter.
const PLAIN_LIMIT: usize = 512;

/// What one compressed item may grow to; 400 KB of honest JSON stay far below it.
const EXPANDED_LIMIT: u64 = 256 * 1024 * 1024;

/// An item in the making.
pub(crate) struct Item(Attributes);

impl Item {
    pub(crate) fn new(key: RowKey) -> Self {
        Self(key.attributes())
    }

    pub(crate) fn with(mut self, name: &str, value: AttributeValue) -> Self {
        self.0.insert(name.to_owned(), value);
        self
    }

    pub(crate) fn with_some(self, name: &str, value: Option<AttributeValue>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    pub(crate) fn bytes(&self) -> usize {
        item_bytes(&self.0)
    }

    /// The finished item, refused when DynamoDB would refuse it. `what` names its largest part.
    pub(crate) fn within_limit(self, what: &'static str) -> Result<Attributes, StoreError> {
        match self.bytes() {
            size if size > ITEM_LIMIT => Err(StoreError::TooLarge { what, size, limit: ITEM_LIMIT }),
            _ => Ok(self.0),
        }
    }
}

pub(crate) fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

pub(crate) fn number(value: impl Into<i128>) -> AttributeValue {
    AttributeValue::N(value.into().to_string())
}

/// Milliseconds since the epoch.
pub(crate) fn time(value: Timestamp) -> AttributeValue {
    number(value.as_millisecond())
}

/// Seconds since the epoch, as DynamoDB's time-to-live wants them.
pub(crate) fn epoch_seconds(value: Timestamp) -> AttributeValue {
    number(value.as_second())
}

/// JSON as text when it is short, compressed (a binary attribute) when that is shorter.
pub(crate) fn json(value: &Value) -> AttributeValue {
    let plain = value.to_string();
    if plain.len() > PLAIN_LIMIT
        && let Some(packed) = pack(plain.as_bytes())
        && packed.len() < plain.len()
    {
        return AttributeValue::B(Blob::new(packed));
    }
    AttributeValue::S(plain)
}

/// Compressed bytes.
pub(crate) fn pack(plain: &[u8]) -> Option<Vec<u8>> {
    zstd::bulk::compress(plain, 3).ok()
}

/// The JSON whose compressed text this is.
pub(crate) fn unpack<T: DeserializeOwned>(packed: &[u8]) -> Option<T> {
    expand(packed).and_then(|plain| serde_json::from_slice(&plain).ok())
}

/// A stored row, read with the types that were written.
#[derive(Clone, Copy)]
pub(crate) struct Row<'a> {
    /// What the row is, for errors.
    what: &'static str,
    attributes: &'a Attributes,
}

impl<'a> Row<'a> {
    pub(crate) fn new(what: &'static str, attributes: &'a Attributes) -> Self {
        Self { what, attributes }
    }

    /// Another row that is called the same in errors.
    pub(crate) fn of_same_kind<'b>(&self, attributes: &'b Attributes) -> Row<'b> {
        Row { what: self.what, attributes }
    }

    pub(crate) fn corrupt(&self) -> StoreError {
        StoreError::Corrupt { what: self.what }
    }

    pub(crate) fn opt_text(&self, name: &str) -> Option<&'a str> {
        self.attributes.get(name)?.as_s().ok().map(String::as_str)
    }

    pub(crate) fn text(&self, name: &str) -> Result<&'a str, StoreError> {
        self.opt_text(name).ok_or_else(|| self.corrupt())
    }

    /// Text read as `T`, an id for example.
    pub(crate) fn parsed<T: std::str::FromStr>(&self, name: &str) -> Result<T, StoreError> {
        self.text(name)?.parse().map_err(|_| self.corrupt())
    }

    pub(crate) fn opt_number(&self, name: &str) -> Option<i64> {
        self.attributes.get(name)?.as_n().ok()?.parse().ok()
    }

    pub(crate) fn count(&self, name: &str) -> Result<u64, StoreError> {
        let number = self.opt_number(name).and_then(|number| u64::try_from(number).ok());
        number.ok_or_else(|| self.corrupt())
    }

    /// A count that is left out while it is 0.
    pub(crate) fn tally(&self, name: &str) -> u64 {
        self.opt_number(name).and_then(|number| u64::try_from(number).ok()).unwrap_or(0)
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.attributes.contains_key(name)
    }

    pub(crate) fn flag(&self, name: &str) -> bool {
        self.attributes.get(name).and_then(|value| value.as_bool().ok()).copied().unwrap_or(false)
    }

    pub(crate) fn opt_time(&self, name: &str) -> Option<Timestamp> {
        Timestamp::from_millisecond(self.opt_number(name)?).ok()
    }

    pub(crate) fn time(&self, name: &str) -> Result<Timestamp, StoreError> {
        self.opt_time(name).ok_or_else(|| self.corrupt())
    }

    pub(crate) fn bytes(&self, name: &str) -> Result<&'a [u8], StoreError> {
        let blob = self.attributes.get(name).and_then(|value| value.as_b().ok());
        blob.map(AsRef::as_ref).ok_or_else(|| self.corrupt())
    }

    pub(crate) fn opt_json<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, StoreError> {
        let value = match self.attributes.get(name) {
            None => return Ok(None),
            Some(AttributeValue::S(plain)) => serde_json::from_str(plain).ok(),
            Some(AttributeValue::B(packed)) => unpack(packed.as_ref()),
            Some(_) => None,
        };
        value.map(Some).ok_or_else(|| self.corrupt())
    }

    pub(crate) fn json<T: DeserializeOwned>(&self, name: &str) -> Result<T, StoreError> {
        self.opt_json(name)?.ok_or_else(|| self.corrupt())
    }
}

fn expand(packed: &[u8]) -> Option<Vec<u8>> {
    let mut plain = Vec::new();
    let decoder = zstd::stream::read::Decoder::with_buffer(packed).ok()?;
    decoder.take(EXPANDED_LIMIT).read_to_end(&mut plain).ok()?;
    Some(plain)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::schema::attr;

    fn stored(value: &Value) -> Attributes {
        Attributes::from([(attr::BODY.to_owned(), super::json(value))])
    }

    #[test]
    fn json_comes_back_as_it_went_in() {
        let long = json!({"text": "ü".repeat(5_000), "deep": [[1, null, {"a": 0.5}]]});
        for value in [json!(null), json!("short"), json!([1, 2, 3]), long] {
            let attributes = stored(&value);
            assert_eq!(Row::new("body", &attributes).json::<Value>(attr::BODY).unwrap(), value);
        }
    }

    #[test]
    fn only_what_shrinks_is_compressed() {
        assert!(super::json(&json!("x".repeat(100))).is_s());
        assert!(super::json(&json!("x".repeat(10_000))).is_b());
    }

    #[test]
    fn what_cannot_be_read_is_corrupt() {
        for value in
            [AttributeValue::S("{".into()), AttributeValue::B(Blob::new([1, 2])), AttributeValue::Bool(true)]
        {
            let attributes = Attributes::from([(attr::BODY.to_owned(), value)]);
            let read = Row::new("turn", &attributes).json::<Value>(attr::BODY);
            assert!(matches!(read, Err(StoreError::Corrupt { what: "turn" })));
        }
    }
}
