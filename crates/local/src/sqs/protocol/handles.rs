//! What is done with receipt handles: deleting, and changing the visibility timeout.

use serde::Deserialize;
use serde_json::{Value, json};

use super::QueueUrl;
use super::batch::{self, BatchRequest, Entry};
use crate::sqs::{Account, Millis, SqsError};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct DeleteRequest {
    #[serde(rename = "QueueUrl")]
    queue: QueueUrl,
    receipt_handle: String,
}

pub(super) fn delete(account: &mut Account, request: &DeleteRequest, now: Millis) -> Result<Value, SqsError> {
    account.delete(request.queue.name(), &request.receipt_handle, now).map(|()| json!({}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct DeleteEntry {
    id: String,
    receipt_handle: String,
}

impl Entry for DeleteEntry {
    const SHAPE: &'static str = "DeleteMessageBatchRequestEntry";

    fn id(&self) -> &str {
        &self.id
    }
}

pub(super) fn delete_batch(
    account: &mut Account,
    request: BatchRequest<DeleteEntry>,
    now: Millis,
) -> Result<Value, SqsError> {
    let name = request.queue.name();
    account.queue(name)?;
    batch::check(&request.entries)?;
    Ok(batch::perform_each(request.entries, |entry| {
        account.delete(name, &entry.receipt_handle, now).map(|()| json!({}))
    }))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct VisibilityRequest {
    #[serde(rename = "QueueUrl")]
    queue: QueueUrl,
    receipt_handle: String,
    visibility_timeout: u32,
}

pub(super) fn change_visibility(
    account: &mut Account,
    request: &VisibilityRequest,
    now: Millis,
) -> Result<Value, SqsError> {
    account
        .change_visibility(request.queue.name(), &request.receipt_handle, request.visibility_timeout, now)
        .map(|()| json!({}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct VisibilityEntry {
    id: String,
    receipt_handle: String,
    visibility_timeout: Option<u32>,
}

impl Entry for VisibilityEntry {
    const SHAPE: &'static str = "ChangeMessageVisibilityBatchRequestEntry";

    fn id(&self) -> &str {
        &self.id
    }
}

pub(super) fn change_visibility_batch(
    account: &mut Account,
    request: BatchRequest<VisibilityEntry>,
    now: Millis,
) -> Result<Value, SqsError> {
    let name = request.queue.name();
    account.queue(name)?;
    batch::check(&request.entries)?;
    Ok(batch::perform_each(request.entries, |entry| {
        let seconds = entry.visibility_timeout.ok_or_else(|| SqsError::missing("VisibilityTimeout"))?;
        account.change_visibility(name, &entry.receipt_handle, seconds, now).map(|()| json!({}))
    }))
}
