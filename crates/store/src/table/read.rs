//! The reads: of a row, a partition, an index, a batch.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_dynamodb::types::KeysAndAttributes;

use super::{TRIES, pause, unbuildable, unprocessed};
use crate::Store;
use crate::condition::Terms;
use crate::error::StoreError;
use crate::item::text;
use crate::rows::RowKey;
use crate::schema::{Index, PK, SK};
use crate::size::Attributes;

/// Items that one batch may read.
const READ_BATCH: usize = 100;

/// Which rows of a partition to read.
pub(crate) struct Range {
    pub(crate) pk: String,
    pub(crate) sort: Sort,
    /// Read from the end and at most so many rows. All of them when absent.
    pub(crate) newest: Option<u32>,
}

/// A condition on the sort key.
pub(crate) enum Sort {
    Any,
    Prefix(String),
    Between(&'static str, &'static str),
}

impl Sort {
    fn condition(self, terms: &mut Terms) -> String {
        let mut bind = |name: &str, value: &str| terms.values.insert(name.to_owned(), text(value));
        match self {
            Self::Any => "pk = :pk".to_owned(),
            Self::Prefix(prefix) => {
                bind(":prefix", &prefix);
                "pk = :pk AND begins_with(sk, :prefix)".to_owned()
            }
            Self::Between(first, last) => {
                bind(":first", first);
                bind(":last", last);
                "pk = :pk AND sk BETWEEN :first AND :last".to_owned()
            }
        }
    }
}

/// Which entries of an index to read: one page of at most `limit`.
pub(crate) struct IndexRange {
    pub(crate) index: Index,
    pub(crate) pk: String,
    pub(crate) sort: IndexSort,
    pub(crate) limit: i32,
    /// The keys of the entry behind which the page begins.
    pub(crate) after: Option<Attributes>,
}

/// Where in a partition of an index to read, and in which direction.
pub(crate) enum IndexSort {
    /// From the first entry up to this one, it included.
    UpTo(String),
    /// From the last entry, or the last one below, to the first.
    DownFrom(Option<String>),
}

/// A page of an index.
pub(crate) struct IndexPage {
    /// The keys of the table and of the index.
    pub(crate) entries: Vec<Attributes>,
    /// Whether there may be more behind them.
    pub(crate) more: bool,
}

impl Store {
    /// Reads one row, strongly consistent or (for half the price) eventually.
    pub(crate) async fn get(&self, key: RowKey, consistent: bool) -> Result<Option<Attributes>, StoreError> {
        let request = self.dynamodb().get_item().table_name(self.table()).set_key(Some(key.attributes()));
        Ok(request.consistent_read(consistent).send().await?.item)
    }

    /// Reads rows of one partition, strongly consistent, in the order of their sort keys.
    pub(crate) async fn query(&self, range: Range) -> Result<Vec<Attributes>, StoreError> {
        self.query_attributes(range, None).await
    }

    pub(super) async fn query_attributes(
        &self,
        range: Range,
        only: Option<&str>,
    ) -> Result<Vec<Attributes>, StoreError> {
        let wanted = range.newest.map_or(usize::MAX, |newest| newest as usize);
        let mut terms = Terms::default();
        terms.values.insert(":pk".to_owned(), text(range.pk));
        let condition = range.sort.condition(&mut terms);
        let mut rows = Vec::new();
        let mut start = None;
        while rows.len() < wanted {
            let limit = range.newest.and_then(|_| i32::try_from(wanted - rows.len()).ok());
            let page = self
                .dynamodb()
                .query()
                .table_name(self.table())
                .consistent_read(true)
                .key_condition_expression(&condition)
                .set_expression_attribute_values(Some(terms.values.clone()))
                .set_projection_expression(only.map(str::to_owned))
                .scan_index_forward(range.newest.is_none())
                .set_limit(limit)
                .set_exclusive_start_key(start)
                .send()
                .await?;
            rows.extend(page.items.unwrap_or_default());
            start = page.last_evaluated_key;
            if start.is_none() {
                break;
            }
        }
        if range.newest.is_some() {
            rows.reverse();
        }
        Ok(rows)
    }

    /// Reads one page of an index. Eventually consistent, as every read of an index is.
    pub(crate) async fn query_index(&self, range: IndexRange) -> Result<IndexPage, StoreError> {
        let IndexRange { index, pk, sort, limit, after } = range;
        let mut values = Attributes::from([(":pk".to_owned(), text(pk))]);
        let (forward, bound) = match sort {
            IndexSort::UpTo(last) => (true, Some(("<=", last))),
            IndexSort::DownFrom(below) => (false, below.map(|below| ("<", below))),
        };
        let mut condition = format!("{} = :pk", index.pk);
        if let Some((operator, bound)) = bound {
            values.insert(":bound".to_owned(), text(bound));
            condition = format!("{condition} AND {} {operator} :bound", index.sk);
        }
        let page = self
            .dynamodb()
            .query()
            .table_name(self.table())
            .index_name(index.name)
            .key_condition_expression(condition)
            .set_expression_attribute_values(Some(values))
            .scan_index_forward(forward)
            .limit(limit)
            .set_exclusive_start_key(after)
            .send()
            .await?;
        Ok(IndexPage { more: page.last_evaluated_key.is_some(), entries: page.items.unwrap_or_default() })
    }

    /// Reads rows by their keys, strongly consistent: those that are there, in the order of the keys.
    pub(crate) async fn batch_get(&self, mut keys: Vec<RowKey>) -> Result<Vec<Attributes>, StoreError> {
        // DynamoDB refuses a batch that names a row twice.
        let mut seen = BTreeSet::new();
        keys.retain(|key| seen.insert(key.clone()));
        let mut found = BTreeMap::new();
        for batch in keys.chunks(READ_BATCH) {
            for row in self.read_batch(batch).await? {
                found.insert(row_key(&row), row);
            }
        }
        Ok(keys.into_iter().filter_map(|key| found.remove(&Some(key))).collect())
    }

    async fn read_batch(&self, keys: &[RowKey]) -> Result<Vec<Attributes>, StoreError> {
        let mut keys: Vec<_> = keys.iter().cloned().map(RowKey::attributes).collect();
        let mut rows = Vec::new();
        for tried in 0..TRIES {
            pause(tried).await;
            let wanted = KeysAndAttributes::builder().set_keys(Some(keys)).consistent_read(true);
            let wanted = wanted.build().map_err(unbuildable)?;
            let sent = self.dynamodb().batch_get_item().request_items(self.table(), wanted).send().await?;
            rows.extend(
                sent.responses.and_then(|mut tables| tables.remove(self.table())).unwrap_or_default(),
            );
            match sent.unprocessed_keys.and_then(|mut tables| tables.remove(self.table())) {
                Some(left) if !left.keys.is_empty() => keys = left.keys,
                _ => return Ok(rows),
            }
        }
        Err(unprocessed("UnprocessedKeys"))
    }
}

fn row_key(row: &Attributes) -> Option<RowKey> {
    let part = |name: &str| row.get(name).and_then(|value| value.as_s().ok()).cloned();
    Some(RowKey { pk: part(PK)?, sk: part(SK)? })
}
