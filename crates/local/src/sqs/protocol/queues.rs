//! Operations on queues: creating, finding, describing, purging, deleting.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use super::{QueueUrl, queue_url};
use crate::sqs::{Account, Millis, SqsError};

#[derive(Deserialize)]
pub(super) struct QueueRequest {
    #[serde(rename = "QueueUrl")]
    queue: QueueUrl,
}

/// `PurgeQueue`.
pub(super) fn purge(account: &mut Account, request: &QueueRequest, now: Millis) -> Result<Value, SqsError> {
    account.purge(request.queue.name(), now).map(|()| json!({}))
}

/// `DeleteQueue`.
pub(super) fn delete(account: &mut Account, request: &QueueRequest, now: Millis) -> Result<Value, SqsError> {
    account.delete_queue(request.queue.name(), now).map(|()| json!({}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct CreateRequest {
    queue_name: String,
    #[serde(default)]
    attributes: BTreeMap<String, String>,
}

pub(super) fn create(
    account: &mut Account,
    base: &str,
    request: &CreateRequest,
    now: Millis,
) -> Result<Value, SqsError> {
    account.create_queue(&request.queue_name, &request.attributes, now)?;
    Ok(json!({"QueueUrl": queue_url(base, &request.queue_name)}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct NameRequest {
    queue_name: String,
}

pub(super) fn get_url(account: &Account, base: &str, request: &NameRequest) -> Result<Value, SqsError> {
    account.queue(&request.queue_name)?;
    Ok(json!({"QueueUrl": queue_url(base, &request.queue_name)}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListRequest {
    #[serde(default)]
    queue_name_prefix: String,
    max_results: Option<usize>,
    next_token: Option<String>,
}

/// Up to 1000 at a time; the token is the last name that was given.
pub(super) fn list(account: &Account, base: &str, request: &ListRequest) -> Result<Value, SqsError> {
    let limit = request.max_results.unwrap_or(1000);
    if !(1..=1000).contains(&limit) {
        return Err(SqsError::parameter(
            "MaxResults",
            limit,
            "MaxResults must be an integer between 1 and 1000.",
        ));
    }
    let after = request.next_token.as_deref().unwrap_or_default();
    let names: Vec<&str> = account
        .names()
        .filter(|name| name.starts_with(&request.queue_name_prefix) && *name > after)
        .take(limit + 1)
        .collect();
    let page = &names[..names.len().min(limit)];
    let mut answer = json!({"QueueUrls": page.iter().map(|name| queue_url(base, name)).collect::<Vec<_>>()});
    if names.len() > limit {
        answer["NextToken"] = page.last().copied().into();
    }
    Ok(answer)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct SetAttributesRequest {
    #[serde(rename = "QueueUrl")]
    queue: QueueUrl,
    attributes: BTreeMap<String, String>,
}

pub(super) fn set_attributes(
    account: &mut Account,
    request: &SetAttributesRequest,
    now: Millis,
) -> Result<Value, SqsError> {
    account.set_attributes(request.queue.name(), &request.attributes, now).map(|()| json!({}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct GetAttributesRequest {
    #[serde(rename = "QueueUrl")]
    queue: QueueUrl,
    #[serde(default)]
    attribute_names: Vec<String>,
}

pub(super) fn get_attributes(
    account: &mut Account,
    request: &GetAttributesRequest,
    now: Millis,
) -> Result<Value, SqsError> {
    let name = request.queue.name();
    let queue = account.settled(name, now)?;
    let counts = queue.counts();
    let mut all = queue.attributes.to_map();
    all.extend(
        [
            ("ApproximateNumberOfMessages", counts.visible.to_string()),
            ("ApproximateNumberOfMessagesNotVisible", counts.in_flight.to_string()),
            ("ApproximateNumberOfMessagesDelayed", counts.delayed.to_string()),
            ("CreatedTimestamp", (queue.created_at / 1000).to_string()),
            ("LastModifiedTimestamp", (queue.modified_at / 1000).to_string()),
            ("QueueArn", Account::arn(name)),
        ]
        .map(|(name, value)| (name.to_owned(), value)),
    );
    if !request.attribute_names.iter().any(|name| name == "All") {
        all.retain(|name, _| request.attribute_names.contains(name));
    }
    Ok(json!({"Attributes": all}))
}
