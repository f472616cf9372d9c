//! What the SDKs really send, counted: calls by name, and the capacity units they cost.
//!
//! A [`Meter`] is an interceptor for the clients. Tests read budgets off it, and compare the names of the
//! calls with the permissions of a role; `millrace cost` prices what it counts. It is attached to no client in production.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_sdk_dynamodb::operation::batch_get_item::{BatchGetItemInput, BatchGetItemOutput};
use aws_sdk_dynamodb::operation::batch_write_item::BatchWriteItemInput;
use aws_sdk_dynamodb::operation::delete_item::DeleteItemInput;
use aws_sdk_dynamodb::operation::get_item::{GetItemInput, GetItemOutput};
use aws_sdk_dynamodb::operation::put_item::PutItemInput;
use aws_sdk_dynamodb::operation::query::{QueryInput, QueryOutput};
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsInput;
use aws_sdk_dynamodb::operation::update_item::{UpdateItemInput, UpdateItemOutput};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::{
    BeforeSerializationInterceptorContextRef, BeforeTransmitInterceptorContextRef,
    FinalizerInterceptorContextRef, Output,
};
use aws_smithy_runtime_api::client::orchestrator::Metadata;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::{ConfigBag, Storable, StoreReplace};

use crate::schema::{INDEXES, PK, SK};
use crate::size::{Attributes, half_read_units, item_bytes, write_units};

/// What DynamoDB adds to the size of an item and of an index entry.
const ENTRY_BYTES: usize = 100;

/// Counts calls and capacity units. Clones share their counts.
///
/// Writes are priced by the larger of the item before and after, and one unit for each entry that an
/// index gains or loses. The meter knows an item from the writes that passed it, so that it has to be
/// attached before the first one; an update has to return all new attributes to be priced exactly.
#[derive(Debug, Clone, Default)]
pub struct Meter(Arc<Mutex<Ledger>>);

/// What was counted.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Usage {
    /// Requests on the wire by the name of the operation, repetitions by the SDK included.
    pub calls: BTreeMap<String, u64>,
    /// Write units, those of indexes included.
    pub write_units: u64,
    /// Read units; an eventually consistent read costs half of one.
    pub read_units: f64,
}

impl Usage {
    /// Requests of one operation.
    pub fn calls_of(&self, operation: &str) -> u64 {
        self.calls.get(operation).copied().unwrap_or(0)
    }
}

impl Meter {
    /// A meter that has counted nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// What was counted since the last call.
    pub fn take(&self) -> Usage {
        let mut ledger = self.ledger();
        Usage {
            calls: std::mem::take(&mut ledger.calls),
            write_units: std::mem::take(&mut ledger.write_units),
            read_units: std::mem::take(&mut ledger.half_read_units) as f64 / 2.0,
        }
    }

    /// Bytes that the table is billed for: items and index entries that were written and not deleted, each with the
    /// 100 bytes that DynamoDB adds for its index.
    pub fn stored_bytes(&self) -> u64 {
        let ledger = self.ledger();
        let entry = |key: &Key, (pk, sk): &Key| key.0.len() + key.1.len() + pk.len() + sk.len() + ENTRY_BYTES;
        let bytes = ledger.items.iter().map(|(key, known)| {
            let entries = known.entries.iter().flatten().map(|index| entry(key, index));
            known.bytes + ENTRY_BYTES + entries.sum::<usize>()
        });
        bytes.sum::<usize>() as u64
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Debug, Default)]
struct Ledger {
    calls: BTreeMap<String, u64>,
    write_units: u64,
    half_read_units: u64,
    items: BTreeMap<Key, Known>,
}

type Key = (String, String);

/// An item as it was last written.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Known {
    bytes: usize,
    entries: [Option<Key>; INDEXES.len()],
}

impl Known {
    fn of(item: &Attributes) -> Self {
        let entry = |pk: &str, sk: &str| Some((string(item, pk)?, string(item, sk)?));
        Self { bytes: item_bytes(item), entries: INDEXES.map(|index| entry(index.pk, index.sk)) }
    }
}

impl Ledger {
    /// Prices the replacement of an item by another, or by none.
    fn replace(&mut self, key: &Attributes, new: Option<Known>) -> u64 {
        let Some(key) = key_of(key) else { return 0 };
        let old = self.items.remove(&key);
        let bytes = |known: &Option<Known>| known.as_ref().map_or(0, |known| known.bytes);
        let mut units = write_units(bytes(&old).max(bytes(&new)));
        for index in 0..INDEXES.len() {
            let entry = |known: &Option<Known>| known.as_ref().and_then(|known| known.entries[index].clone());
            let (had, has) = (entry(&old), entry(&new));
            if had != has {
                units += u64::from(had.is_some()) + u64::from(has.is_some());
            }
        }
        if let Some(new) = new {
            self.items.insert(key, new);
        }
        units
    }

    /// A refused write costs as much as the item that stands there.
    fn refused(&self, key: &Attributes) -> u64 {
        let known = key_of(key).and_then(|key| self.items.get(&key));
        write_units(known.map_or(0, |known| known.bytes))
    }

    fn write(&mut self, write: &Write, applied: bool, output: Option<&Output>) -> u64 {
        match write {
            Write::Put(item) | Write::Update(item) | Write::Delete(item) if !applied => self.refused(item),
            Write::Put(item) => self.replace(item, Some(Known::of(item))),
            Write::Delete(key) => self.replace(key, None),
            Write::Update(key) => {
                let returned = output.and_then(|output| output.downcast_ref::<UpdateItemOutput>());
                let known = returned.and_then(|output| output.attributes()).map(Known::of);
                let known = known.or_else(|| self.items.get(&key_of(key)?).cloned());
                self.replace(key, known)
            }
        }
    }

    fn settle(&mut self, request: &Request, applied: bool, output: Option<&Output>) {
        match request {
            Request::Writes { writes, price } => {
                let units: u64 = writes.iter().map(|write| self.write(write, applied, output)).sum();
                self.write_units += units * price;
            }
            Request::Read { consistent } => {
                let bytes = output.map_or(0, returned_bytes);
                self.half_read_units += half_read_units(bytes, *consistent);
            }
            Request::BatchRead { keys, consistent } => {
                let found = output.map_or_else(Vec::new, returned_sizes);
                // A row that is not there costs as much as the smallest.
                let absent = keys.saturating_sub(found.len());
                let sizes = found.into_iter().chain(std::iter::repeat_n(0, absent));
                self.half_read_units += sizes.map(|bytes| half_read_units(bytes, *consistent)).sum::<u64>();
            }
        }
    }
}

/// What an input asks for, kept until its outcome is known.
#[derive(Debug)]
enum Request {
    Writes {
        writes: Vec<Write>,
        /// 2 in a transaction.
        price: u64,
    },
    Read {
        consistent: bool,
    },
    /// Each row is priced by itself.
    BatchRead {
        keys: usize,
        consistent: bool,
    },
}

/// A write, with the item or its key.
#[derive(Debug)]
enum Write {
    Put(Attributes),
    Update(Attributes),
    Delete(Attributes),
}

impl Storable for Request {
    type Storer = StoreReplace<Self>;
}

impl Request {
    fn of(input: &aws_smithy_runtime_api::client::interceptors::context::Input) -> Option<Self> {
        let owned = |attributes: Option<&Attributes>| attributes.cloned().unwrap_or_default();
        let one = |write| Some(Self::Writes { writes: vec![write], price: 1 });
        if let Some(put) = input.downcast_ref::<PutItemInput>() {
            one(Write::Put(owned(put.item())))
        } else if let Some(update) = input.downcast_ref::<UpdateItemInput>() {
            one(Write::Update(owned(update.key())))
        } else if let Some(delete) = input.downcast_ref::<DeleteItemInput>() {
            one(Write::Delete(owned(delete.key())))
        } else if let Some(get) = input.downcast_ref::<GetItemInput>() {
            Some(Self::Read { consistent: get.consistent_read() == Some(true) })
        } else if let Some(query) = input.downcast_ref::<QueryInput>() {
            Some(Self::Read { consistent: query.consistent_read() == Some(true) })
        } else if let Some(batch) = input.downcast_ref::<BatchGetItemInput>() {
            let tables = || batch.request_items().into_iter().flat_map(|tables| tables.values());
            Some(Self::BatchRead {
                keys: tables().map(|wanted| wanted.keys().len()).sum(),
                consistent: tables().any(|wanted| wanted.consistent_read() == Some(true)),
            })
        } else if let Some(batch) = input.downcast_ref::<BatchWriteItemInput>() {
            Some(Self::Writes { writes: batch_writes(batch), price: 1 })
        } else {
            let transaction = input.downcast_ref::<TransactWriteItemsInput>()?;
            Some(Self::Writes { writes: transaction_writes(transaction), price: 2 })
        }
    }
}

fn batch_writes(batch: &BatchWriteItemInput) -> Vec<Write> {
    let requests = batch.request_items().into_iter().flat_map(|tables| tables.values().flatten());
    requests
        .filter_map(|request| match (request.put_request(), request.delete_request()) {
            (Some(put), _) => Some(Write::Put(put.item().clone())),
            (_, Some(delete)) => Some(Write::Delete(delete.key().clone())),
            _ => None,
        })
        .collect()
}

fn transaction_writes(transaction: &TransactWriteItemsInput) -> Vec<Write> {
    let items = transaction.transact_items().iter();
    items
        .filter_map(|item| match (item.put(), item.delete(), item.update()) {
            (Some(put), _, _) => Some(Write::Put(put.item().clone())),
            (_, Some(delete), _) => Some(Write::Delete(delete.key().clone())),
            (_, _, Some(update)) => Some(Write::Update(update.key().clone())),
            _ => None,
        })
        .collect()
}

fn returned_bytes(output: &Output) -> usize {
    if let Some(get) = output.downcast_ref::<GetItemOutput>() {
        return get.item().map_or(0, item_bytes);
    }
    output.downcast_ref::<QueryOutput>().map_or(0, |query| query.items().iter().map(item_bytes).sum())
}

/// Bytes of each row that a batch answers.
fn returned_sizes(output: &Output) -> Vec<usize> {
    let batch = output.downcast_ref::<BatchGetItemOutput>();
    let tables = batch.and_then(|batch| batch.responses()).into_iter();
    tables.flat_map(|tables| tables.values().flatten()).map(item_bytes).collect()
}

fn key_of(attributes: &Attributes) -> Option<Key> {
    Some((string(attributes, PK)?, string(attributes, SK)?))
}

fn string(attributes: &Attributes, name: &str) -> Option<String> {
    attributes.get(name)?.as_s().ok().cloned()
}

impl Intercept for Meter {
    fn name(&self) -> &'static str {
        "Meter"
    }

    fn read_before_serialization(
        &self,
        context: &BeforeSerializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if let Some(request) = Request::of(context.input()) {
            cfg.interceptor_state().store_put(request);
        }
        Ok(())
    }

    fn read_before_transmit(
        &self,
        _: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if let Some(operation) = cfg.load::<Metadata>() {
            *self.ledger().calls.entry(operation.name().to_owned()).or_default() += 1;
        }
        Ok(())
    }

    fn read_after_execution(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let outcome = context.output_or_error();
        let answered = matches!(&outcome, Some(Ok(_)))
            || matches!(&outcome, Some(Err(error)) if error.as_operation_error().is_some());
        if let (Some(request), true) = (cfg.load::<Request>(), answered) {
            let output = outcome.and_then(Result::ok);
            self.ledger().settle(request, output.is_some(), output);
        }
        Ok(())
    }
}
