//! How large an item is, and what it costs, by DynamoDB's rules.
//!
//! Source: "DynamoDB item sizes and formats" and "Read/write capacity modes" of the developer guide.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;

/// An item as the SDK has it.
pub(crate) type Attributes = HashMap<String, AttributeValue>;

/// Bytes of an item: names and values.
pub(crate) fn item_bytes(item: &Attributes) -> usize {
    item.iter().map(|(name, value)| name.len() + value_bytes(value)).sum()
}

/// Bytes of a value alone.
pub(crate) fn value_bytes(value: &AttributeValue) -> usize {
    match value {
        AttributeValue::S(text) => text.len(),
        AttributeValue::N(digits) => number_bytes(digits),
        AttributeValue::B(blob) => blob.as_ref().len(),
        AttributeValue::Bool(_) | AttributeValue::Null(_) => 1,
        AttributeValue::Ss(set) => set.iter().map(String::len).sum(),
        AttributeValue::Ns(set) => set.iter().map(|digits| number_bytes(digits)).sum(),
        AttributeValue::Bs(set) => set.iter().map(|blob| blob.as_ref().len()).sum(),
        AttributeValue::L(list) => 3 + list.iter().map(|value| 1 + value_bytes(value)).sum::<usize>(),
        AttributeValue::M(map) => {
            3 + map.iter().map(|(name, value)| 1 + name.len() + value_bytes(value)).sum::<usize>()
        }
        _ => 0,
    }
}

/// One byte for two digits, and one more.
fn number_bytes(digits: &str) -> usize {
    digits.len().div_ceil(2) + 1
}

/// Write units of an item: one for each started KB.
pub(crate) fn write_units(bytes: usize) -> u64 {
    bytes.div_ceil(1024).max(1) as u64
}

/// Half read units: two for each started 4 KB when the read is strongly consistent, one otherwise.
pub(crate) fn half_read_units(bytes: usize, consistent: bool) -> u64 {
    bytes.div_ceil(4096).max(1) as u64 * if consistent { 2 } else { 1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_is_its_names_and_values() {
        let item = Attributes::from([
            ("pk".to_owned(), AttributeValue::S("abc".into())),
            ("n".to_owned(), AttributeValue::N("12345".into())),
            ("ok".to_owned(), AttributeValue::Bool(true)),
            ("l".to_owned(), AttributeValue::L(vec![AttributeValue::S("xy".into())])),
        ]);
        assert_eq!(item_bytes(&item), (2 + 3) + (1 + 4) + (2 + 1) + (1 + 3 + 1 + 2));
    }

    #[test]
    fn units_are_rounded_up() {
        assert_eq!([0, 1, 1024, 1025, 4096].map(write_units), [1, 1, 1, 2, 4]);
        assert_eq!([0, 4096, 4097].map(|bytes| half_read_units(bytes, true)), [2, 2, 4]);
        assert_eq!(half_read_units(4096, false), 1);
    }
}
