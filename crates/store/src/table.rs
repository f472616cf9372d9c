//! The calls to DynamoDB: every one that the store makes is in this module.

mod read;

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::error::TransactionCanceledException;
use aws_sdk_dynamodb::types::{
    AttributeValue, Delete, DeleteRequest, Put, ReturnValue, ReturnValuesOnConditionCheckFailure,
    TransactWriteItem, Update, WriteRequest,
};

use crate::Store;
use crate::condition::{Change, Condition};
use crate::error::{Fault, StoreError};
use crate::item::{Row, number};
use crate::rows::RowKey;
use crate::schema::{EXPIRES, PK, SK};
use crate::size::Attributes;

pub(crate) use read::{IndexRange, IndexSort, Range, Sort};

/// How often contended or unprocessed writes are tried again.
const TRIES: u32 = 5;

/// Items that one batch may delete.
const BATCH: usize = 25;

/// How an update ended.
pub(crate) enum Updated {
    /// The row as it is now.
    Applied(Attributes),
    /// The condition did not hold for the row as it is, or there is none.
    Refused(Option<Attributes>),
}

/// One write of a transaction.
#[derive(Clone)]
pub(crate) enum Write {
    Put(Attributes, Condition),
    Delete(RowKey, Condition),
    Update(RowKey, Change),
}

impl Store {
    /// Puts a row, whatever stands there.
    pub(crate) async fn put(&self, item: Attributes) -> Result<(), StoreError> {
        self.dynamodb().put_item().table_name(self.table()).set_item(Some(item)).send().await?;
        Ok(())
    }

    /// Puts a row where there is none. `Some` is the row that already stands there.
    pub(crate) async fn put_if_absent(&self, item: Attributes) -> Result<Option<Attributes>, StoreError> {
        self.put_when(item, Condition::absent()).await
    }

    /// Puts a row on a condition. `Some` is the row for which it did not hold.
    pub(crate) async fn put_when(
        &self,
        item: Attributes,
        condition: Condition,
    ) -> Result<Option<Attributes>, StoreError> {
        let sent = self
            .dynamodb()
            .put_item()
            .table_name(self.table())
            .set_item(Some(item))
            .condition_expression(condition.text)
            .set_expression_attribute_names(some_unless_empty(condition.terms.names))
            .set_expression_attribute_values(some_unless_empty(condition.terms.values))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        match sent {
            Ok(_) => Ok(None),
            Err(SdkError::ServiceError(refused)) if refused.err().is_conditional_check_failed_exception() => {
                match refused.into_err() {
                    PutItemError::ConditionalCheckFailedException(refused) => {
                        Ok(Some(refused.item.unwrap_or_default()))
                    }
                    _ => Ok(Some(Attributes::default())),
                }
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Changes a row on a condition.
    pub(crate) async fn update(&self, key: RowKey, change: Change) -> Result<Updated, StoreError> {
        let expression = change.expression();
        let sent = self
            .dynamodb()
            .update_item()
            .table_name(self.table())
            .set_key(Some(key.attributes()))
            .update_expression(expression.trim_end())
            .condition_expression(change.condition)
            .set_expression_attribute_names(some_unless_empty(change.terms.names))
            .set_expression_attribute_values(some_unless_empty(change.terms.values))
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        match sent {
            Ok(output) => Ok(Updated::Applied(output.attributes.unwrap_or_default())),
            Err(SdkError::ServiceError(refused)) if refused.err().is_conditional_check_failed_exception() => {
                match refused.into_err() {
                    UpdateItemError::ConditionalCheckFailedException(refused) => {
                        Ok(Updated::Refused(refused.item))
                    }
                    _ => Ok(Updated::Refused(None)),
                }
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Adds to a number, in a row that is made where there is none and may go at `expires`. The new number.
    ///
    /// **The only write that is not the same when it is repeated**: where a reply is lost, the SDK adds again.
    pub(crate) async fn add(
        &self,
        key: RowKey,
        attribute: &str,
        by: u64,
        expires: AttributeValue,
    ) -> Result<u64, StoreError> {
        let sent = self
            .dynamodb()
            .update_item()
            .table_name(self.table())
            .set_key(Some(key.attributes()))
            .update_expression("ADD #number :by SET #expires = :expires")
            .expression_attribute_names("#number", attribute)
            .expression_attribute_names("#expires", EXPIRES)
            .expression_attribute_values(":by", number(by))
            .expression_attribute_values(":expires", expires)
            .return_values(ReturnValue::AllNew)
            .send()
            .await?;
        Row::new("count", &sent.attributes.unwrap_or_default()).count(attribute)
    }

    /// Deletes a row on a condition. Whether it held.
    pub(crate) async fn delete_when(&self, key: RowKey, condition: Condition) -> Result<bool, StoreError> {
        let sent = self
            .dynamodb()
            .delete_item()
            .table_name(self.table())
            .set_key(Some(key.attributes()))
            .condition_expression(condition.text)
            .set_expression_attribute_names(some_unless_empty(condition.terms.names))
            .set_expression_attribute_values(some_unless_empty(condition.terms.values))
            .send()
            .await;
        match sent {
            Ok(_) => Ok(true),
            Err(SdkError::ServiceError(refused)) if refused.err().is_conditional_check_failed_exception() => {
                Ok(false)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Deletes all rows of a partition.
    pub(crate) async fn delete_partition(&self, pk: String) -> Result<(), StoreError> {
        let range = Range { pk, sort: Sort::Any, newest: None };
        let keys = self.query_attributes(range, Some("pk, sk")).await?;
        for batch in keys.chunks(BATCH) {
            let deletes = batch.iter().cloned().map(delete_request).collect::<Result<_, _>>()?;
            self.write_batch(deletes).await?;
        }
        Ok(())
    }

    async fn write_batch(&self, mut writes: Vec<WriteRequest>) -> Result<(), StoreError> {
        for tried in 0..TRIES {
            pause(tried).await;
            let sent = self.dynamodb().batch_write_item().request_items(self.table(), writes).send().await?;
            let left = sent.unprocessed_items.and_then(|mut tables| tables.remove(self.table()));
            match left {
                Some(left) if !left.is_empty() => writes = left,
                _ => return Ok(()),
            }
        }
        Err(unprocessed("UnprocessedItems"))
    }

    /// Applies all writes or none. `Some` is the index of the first write whose condition did not hold.
    pub(crate) async fn transact(&self, writes: Vec<Write>) -> Result<Option<usize>, StoreError> {
        let items: Vec<_> =
            writes.into_iter().map(|write| self.transaction_item(write)).collect::<Result<_, _>>()?;
        for tried in 0..TRIES {
            pause(tried).await;
            let request = self.dynamodb().transact_write_items().set_transact_items(Some(items.clone()));
            // One token for one try: the SDK's own repetitions of it are applied once.
            let sent = request.client_request_token(self.request_token()).send().await;
            match sent {
                Ok(_) => return Ok(None),
                Err(error) => match error.as_service_error() {
                    Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) => {
                        if let Some(refused) = refused_write(cancelled) {
                            return Ok(Some(refused));
                        }
                    }
                    _ => return Err(error.into()),
                },
            }
        }
        Err(unprocessed("TransactionConflict"))
    }

    fn transaction_item(&self, write: Write) -> Result<TransactWriteItem, StoreError> {
        let item = TransactWriteItem::builder();
        Ok(match write {
            Write::Put(row, condition) => {
                let put = Put::builder()
                    .table_name(self.table())
                    .set_item(Some(row))
                    .condition_expression(condition.text)
                    .set_expression_attribute_names(some_unless_empty(condition.terms.names))
                    .set_expression_attribute_values(some_unless_empty(condition.terms.values));
                item.put(put.build().map_err(unbuildable)?).build()
            }
            Write::Delete(key, condition) => {
                let delete = Delete::builder()
                    .table_name(self.table())
                    .set_key(Some(key.attributes()))
                    .condition_expression(condition.text)
                    .set_expression_attribute_names(some_unless_empty(condition.terms.names))
                    .set_expression_attribute_values(some_unless_empty(condition.terms.values));
                item.delete(delete.build().map_err(unbuildable)?).build()
            }
            Write::Update(key, change) => {
                let update = Update::builder()
                    .table_name(self.table())
                    .set_key(Some(key.attributes()))
                    .update_expression(change.expression().trim_end())
                    .condition_expression(change.condition)
                    .set_expression_attribute_names(some_unless_empty(change.terms.names))
                    .set_expression_attribute_values(some_unless_empty(change.terms.values));
                item.update(update.build().map_err(unbuildable)?).build()
            }
        })
    }
}

fn refused_write(cancelled: &TransactionCanceledException) -> Option<usize> {
    cancelled.cancellation_reasons().iter().position(|reason| reason.code() == Some("ConditionalCheckFailed"))
}

/// The service did only a part of what it was asked, again and again.
fn unprocessed(code: &str) -> StoreError {
    StoreError::Throttled(Fault { kind: "service", code: Some(code.to_owned()) })
}

fn delete_request(mut row: Attributes) -> Result<WriteRequest, StoreError> {
    row.retain(|name, _| name == PK || name == SK);
    let delete = DeleteRequest::builder().set_key(Some(row)).build().map_err(unbuildable)?;
    Ok(WriteRequest::builder().delete_request(delete).build())
}

/// 0, 40, 80, 160… ms before another try.
async fn pause(tried: u32) {
    if tried > 0 {
        tokio::time::sleep(Duration::from_millis(20 << tried)).await;
    }
}

fn unbuildable(_: aws_sdk_dynamodb::error::BuildError) -> StoreError {
    StoreError::Misconfigured(Fault { kind: "request", code: None })
}

/// DynamoDB refuses an empty map of names or values.
fn some_unless_empty<K, V>(map: HashMap<K, V>) -> Option<HashMap<K, V>> {
    (!map.is_empty()).then_some(map)
}
