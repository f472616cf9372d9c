//! What a task asks of AWS, counted while it runs: requests by service, and the capacity units that DynamoDB says.
//!
//! The clients of every [`Store`] count for whoever runs a future within [`Counter::around`]; without one they count for
//! nobody. Units are those of `ReturnConsumedCapacity`. A write that is refused says none and counts as one.

use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_dynamodb::operation::batch_get_item::{BatchGetItemInput, BatchGetItemOutput};
use aws_sdk_dynamodb::operation::batch_write_item::{BatchWriteItemInput, BatchWriteItemOutput};
use aws_sdk_dynamodb::operation::delete_item::{DeleteItemInput, DeleteItemOutput};
use aws_sdk_dynamodb::operation::get_item::{GetItemInput, GetItemOutput};
use aws_sdk_dynamodb::operation::put_item::{PutItemInput, PutItemOutput};
use aws_sdk_dynamodb::operation::query::{QueryInput, QueryOutput};
use aws_sdk_dynamodb::operation::transact_write_items::{TransactWriteItemsInput, TransactWriteItemsOutput};
use aws_sdk_dynamodb::operation::update_item::{UpdateItemInput, UpdateItemOutput};
use aws_sdk_dynamodb::types::{ConsumedCapacity, ReturnConsumedCapacity};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::{
    BeforeSerializationInterceptorContextMut, BeforeTransmitInterceptorContextRef,
    FinalizerInterceptorContextRef, Input, Output,
};
use aws_smithy_runtime_api::client::orchestrator::Metadata;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;
use serde::{Deserialize, Serialize};

/// Requests and units. In JSON under short names, since it stands in the row of each task.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Requests {
    /// To the table, tries of the SDK included.
    #[serde(rename = "d", skip_serializing_if = "is_none")]
    pub dynamodb: u64,
    /// To the queue.
    #[serde(rename = "q", skip_serializing_if = "is_none")]
    pub sqs: u64,
    /// To the bucket.
    #[serde(rename = "s", skip_serializing_if = "is_none")]
    pub s3: u64,
    /// To KMS.
    #[serde(rename = "k", skip_serializing_if = "is_none")]
    pub kms: u64,
    /// Write units of the table, its indexes included.
    #[serde(rename = "w", skip_serializing_if = "is_zero")]
    pub write_units: f64,
    /// Read units of the table.
    #[serde(rename = "r", skip_serializing_if = "is_zero")]
    pub read_units: f64,
}

fn is_none(count: &u64) -> bool {
    *count == 0
}

fn is_zero(units: &f64) -> bool {
    *units == 0.0
}

impl std::ops::AddAssign for Requests {
    fn add_assign(&mut self, other: Self) {
        self.dynamodb += other.dynamodb;
        self.sqs += other.sqs;
        self.s3 += other.s3;
        self.kms += other.kms;
        self.write_units += other.write_units;
        self.read_units += other.read_units;
    }
}

tokio::task_local! {
    static COUNTER: Arc<Counter>;
}

/// Counts what is asked within [`Counter::around`].
#[derive(Debug, Default)]
pub struct Counter(Mutex<Requests>);

impl Counter {
    /// A counter that has counted nothing.
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// The one that counts here, or a new one.
    pub fn current() -> Arc<Self> {
        COUNTER.try_with(Arc::clone).unwrap_or_default()
    }

    /// Counts for this counter while `work` runs. What it spawns is not counted.
    pub async fn around<F: Future>(self: &Arc<Self>, work: F) -> F::Output {
        COUNTER.scope(self.clone(), work).await
    }

    /// What was counted.
    pub fn so_far(&self) -> Requests {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, more: Requests) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) += more;
    }
}

fn count(more: Requests) {
    // Nobody may be counting.
    let _ = COUNTER.try_with(|counter| counter.add(more));
}

/// Operations that cost a write unit at least, also where they are refused.
const WRITES: &[&str] = &["PutItem", "UpdateItem", "DeleteItem", "TransactWriteItems"];

/// The interceptor that counts. It asks DynamoDB for the units of each call.
#[derive(Debug)]
pub(crate) struct Counting;

impl Intercept for Counting {
    fn name(&self) -> &'static str {
        "Counting"
    }

    fn modify_before_serialization(
        &self,
        context: &mut BeforeSerializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if COUNTER.try_with(|_| ()).is_ok() {
            ask_for_units(context.input_mut());
        }
        Ok(())
    }

    fn read_before_transmit(
        &self,
        _: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        count(match cfg.load::<Metadata>().map(Metadata::service) {
            Some("DynamoDB") => Requests { dynamodb: 1, ..Requests::default() },
            Some("SQS") => Requests { sqs: 1, ..Requests::default() },
            Some("S3") => Requests { s3: 1, ..Requests::default() },
            Some("KMS") => Requests { kms: 1, ..Requests::default() },
            _ => Requests::default(),
        });
        Ok(())
    }

    fn read_after_execution(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let is_write = || cfg.load::<Metadata>().is_some_and(|call| WRITES.contains(&call.name()));
        match context.output_or_error() {
            Some(Ok(output)) => count(units_of(output)),
            Some(Err(error)) if error.as_operation_error().is_some() && is_write() => {
                count(Requests { write_units: 1.0, ..Requests::default() });
            }
            _ => {}
        }
        Ok(())
    }
}

macro_rules! first_of {
    ($value:ident: $($kind:ty => $found:expr),+ $(,)?) => {
        $(if let Some(found) = $value.downcast_mut::<$kind>() {
            return $found(found);
        })+
    };
}

fn ask_for_units(input: &mut Input) {
    let total = Some(ReturnConsumedCapacity::Total);
    first_of!(input:
        PutItemInput => |input: &mut PutItemInput| input.return_consumed_capacity = total,
        UpdateItemInput => |input: &mut UpdateItemInput| input.return_consumed_capacity = total,
        QueryInput => |input: &mut QueryInput| input.return_consumed_capacity = total,
        GetItemInput => |input: &mut GetItemInput| input.return_consumed_capacity = total,
        DeleteItemInput => |input: &mut DeleteItemInput| input.return_consumed_capacity = total,
        BatchGetItemInput => |input: &mut BatchGetItemInput| input.return_consumed_capacity = total,
        BatchWriteItemInput => |input: &mut BatchWriteItemInput| input.return_consumed_capacity = total,
        TransactWriteItemsInput => |input: &mut TransactWriteItemsInput| input.return_consumed_capacity = total,
    );
}

fn units_of(output: &Output) -> Requests {
    let sum = |all: &[ConsumedCapacity]| all.iter().filter_map(ConsumedCapacity::capacity_units).sum::<f64>();
    let one =
        |capacity: Option<&ConsumedCapacity>| capacity.map_or(0.0, |one| sum(std::slice::from_ref(one)));
    let written = |write_units| Requests { write_units, ..Requests::default() };
    let read = |read_units| Requests { read_units, ..Requests::default() };
    if let Some(put) = output.downcast_ref::<PutItemOutput>() {
        written(one(put.consumed_capacity()))
    } else if let Some(update) = output.downcast_ref::<UpdateItemOutput>() {
        written(one(update.consumed_capacity()))
    } else if let Some(delete) = output.downcast_ref::<DeleteItemOutput>() {
        written(one(delete.consumed_capacity()))
    } else if let Some(batch) = output.downcast_ref::<BatchWriteItemOutput>() {
        written(sum(batch.consumed_capacity()))
    } else if let Some(transaction) = output.downcast_ref::<TransactWriteItemsOutput>() {
        written(sum(transaction.consumed_capacity()))
    } else if let Some(query) = output.downcast_ref::<QueryOutput>() {
        read(one(query.consumed_capacity()))
    } else if let Some(get) = output.downcast_ref::<GetItemOutput>() {
        read(one(get.consumed_capacity()))
    } else if let Some(batch) = output.downcast_ref::<BatchGetItemOutput>() {
        read(sum(batch.consumed_capacity()))
    } else {
        Requests::default()
    }
}
