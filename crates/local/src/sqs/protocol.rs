//! The JSON shapes of the SQS API (AWS JSON 1.0, version 2012-11-05) and what each means for the [`Account`].

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::batch::{self, Entry};
use super::message::{AttributeValue, md5_of_attributes, md5_of_body};
use super::{ACCOUNT_ID, Account, ErrorCode, Message, Millis, Outgoing, SqsError};

/// All messages of a batch together: 1 MiB.
const MAX_BATCH_BYTES: usize = 1_048_576;

/// Performs every operation but `ReceiveMessage`, which may have to wait (see [`ReceiveRequest`]).
/// `base` is the address that queue URLs start with.
pub(super) fn perform(
    account: &mut Account,
    base: &str,
    operation: &str,
    body: &[u8],
    now: Millis,
) -> Result<Value, SqsError> {
    match operation {
        "SendMessage" => send(account, parse(body)?, now),
        "SendMessageBatch" => send_batch(account, parse(body)?, now),
        "DeleteMessage" => delete(account, &parse::<DeleteRequest>(body)?, now),
        "DeleteMessageBatch" => delete_batch(account, parse(body)?, now),
        "ChangeMessageVisibility" => change_visibility(account, &parse::<VisibilityRequest>(body)?, now),
        "ChangeMessageVisibilityBatch" => change_visibility_batch(account, parse(body)?, now),
        "CreateQueue" => create_queue(account, base, &parse::<CreateRequest>(body)?, now),
        "GetQueueUrl" => get_queue_url(account, base, &parse::<NameRequest>(body)?),
        "ListQueues" => list_queues(account, base, &parse::<ListRequest>(body)?),
        "GetQueueAttributes" => get_attributes(account, &parse::<GetAttributesRequest>(body)?, now),
        "SetQueueAttributes" => {
            let request: SetAttributesRequest = parse(body)?;
            account
                .set_attributes(request.queue.name(), &request.attributes, now)
                .map(|()| json!({}))
        }
        "PurgeQueue" => account
            .purge(parse::<QueueRequest>(body)?.queue.name(), now)
            .map(|()| json!({})),
        "DeleteQueue" => account
            .delete_queue(parse::<QueueRequest>(body)?.queue.name(), now)
            .map(|()| json!({})),
        _ => {
            let message = format!("The operation {operation} is not known here.");
            Err(SqsError::new(ErrorCode::UnknownOperation, message))
        }
    }
}

/// Reads a request.
pub(super) fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, SqsError> {
    serde_json::from_slice(body).map_err(|e| SqsError::new(ErrorCode::SerializationException, e.to_string()))
}

/// The URL of a queue: its name is the last segment.
pub(super) fn queue_url(base: &str, name: &str) -> String {
    format!("{base}/{ACCOUNT_ID}/{name}")
}

/// A queue as a request names it: by URL, of which only the last segment counts.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub(super) struct QueueUrl(String);

impl QueueUrl {
    pub(super) fn name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or(&self.0)
    }
}

#[derive(Deserialize)]
struct QueueRequest {
    #[serde(rename = "QueueUrl")]
    queue: QueueUrl,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct MessageFields {
    message_body: Option<String>,
    delay_seconds: Option<u32>,
    #[serde(default)]
    message_attributes: BTreeMap<String, AttributeValue>,
    #[serde(default)]
    message_system_attributes: BTreeMap<String, AttributeValue>,
    message_group_id: Option<String>,
    message_deduplication_id: Option<String>,
}

impl MessageFields {
    fn into_outgoing(mut self) -> Result<Outgoing, SqsError> {
        if let Some(id) = self.message_deduplication_id {
            let reason = "The request includes a parameter that is not valid for this queue type.";
            return Err(SqsError::parameter("MessageDeduplicationId", id, reason));
        }
        let trace_header = self
            .message_system_attributes
            .remove("AWSTraceHeader")
            .and_then(|v| v.string_value);
        Ok(Outgoing {
            body: self
                .message_body
                .ok_or_else(|| SqsError::missing("MessageBody"))?,
            attributes: self.message_attributes,
            group: self.message_group_id,
            trace_header,
            delay_seconds: self.delay_seconds,
        })
    }
}

#[derive(Deserialize)]
struct SendRequest {
    #[serde(rename = "QueueUrl")]
    queue: QueueUrl,
    #[serde(flatten)]
    fields: MessageFields,
}

fn send(account: &mut Account, request: SendRequest, now: Millis) -> Result<Value, SqsError> {
    send_one(
        account,
        request.queue.name(),
        request.fields.into_outgoing()?,
        now,
    )
}

fn send_one(account: &mut Account, name: &str, outgoing: Outgoing, now: Millis) -> Result<Value, SqsError> {
    let mut answer = json!({"MD5OfMessageBody": md5_of_body(&outgoing.body)});
    if let Some(digest) = md5_of_attributes(&outgoing.attributes) {
        answer["MD5OfMessageAttributes"] = digest.into();
    }
    if let Some(header) = &outgoing.trace_header {
        let value = AttributeValue {
            data_type: "String".into(),
            string_value: Some(header.clone()),
            binary_value: None,
        };
        answer["MD5OfMessageSystemAttributes"] =
            md5_of_attributes([(&"AWSTraceHeader".to_owned(), &value)]).into();
    }
    answer["MessageId"] = account.send(name, outgoing, now)?.to_string().into();
    Ok(answer)
}

#[derive(Deserialize)]
struct BatchRequest<E> {
    #[serde(rename = "QueueUrl")]
    queue: QueueUrl,
    #[serde(rename = "Entries")]
    entries: Vec<E>,
}

#[derive(Deserialize)]
struct SendEntry {
    #[serde(rename = "Id")]
    id: String,
    #[serde(flatten)]
    fields: MessageFields,
}

impl Entry for SendEntry {
    const SHAPE: &'static str = "SendMessageBatchRequestEntry";

    fn id(&self) -> &str {
        &self.id
    }
}

fn send_batch(
    account: &mut Account,
    request: BatchRequest<SendEntry>,
    now: Millis,
) -> Result<Value, SqsError> {
    let name = request.queue.name();
    account.queue(name)?;
    batch::check(&request.entries)?;
    let size = |entry: &SendEntry| {
        let attributes = entry.fields.message_attributes.clone();
        let body = entry.fields.message_body.as_ref().map_or(0, String::len);
        body + Outgoing {
            attributes,
            ..Outgoing::default()
        }
        .size()
    };
    let total: usize = request.entries.iter().map(size).sum();
    if total > MAX_BATCH_BYTES {
        let message = format!(
            "Batch requests cannot be longer than {MAX_BATCH_BYTES} bytes. You have sent {total} bytes."
        );
        return Err(SqsError::new(ErrorCode::BatchRequestTooLong, message));
    }
    Ok(batch::perform_each(request.entries, |entry| {
        send_one(account, name, entry.fields.into_outgoing()?, now)
    }))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DeleteRequest {
    #[serde(rename = "QueueUrl")]
    queue: QueueUrl,
    receipt_handle: String,
}

fn delete(account: &mut Account, request: &DeleteRequest, now: Millis) -> Result<Value, SqsError> {
    account
        .delete(request.queue.name(), &request.receipt_handle, now)
        .map(|()| json!({}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DeleteEntry {
    id: String,
    receipt_handle: String,
}

impl Entry for DeleteEntry {
    const SHAPE: &'static str = "DeleteMessageBatchRequestEntry";

    fn id(&self) -> &str {
        &self.id
    }
}

fn delete_batch(
    account: &mut Account,
    request: BatchRequest<DeleteEntry>,
    now: Millis,
) -> Result<Value, SqsError> {
    let name = request.queue.name();
    account.queue(name)?;
    batch::check(&request.entries)?;
    Ok(batch::perform_each(request.entries, |entry| {
        account
            .delete(name, &entry.receipt_handle, now)
            .map(|()| json!({}))
    }))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct VisibilityRequest {
    #[serde(rename = "QueueUrl")]
    queue: QueueUrl,
    receipt_handle: String,
    visibility_timeout: u32,
}

fn change_visibility(
    account: &mut Account,
    request: &VisibilityRequest,
    now: Millis,
) -> Result<Value, SqsError> {
    account
        .change_visibility(
            request.queue.name(),
            &request.receipt_handle,
            request.visibility_timeout,
            now,
        )
        .map(|()| json!({}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct VisibilityEntry {
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

fn change_visibility_batch(
    account: &mut Account,
    request: BatchRequest<VisibilityEntry>,
    now: Millis,
) -> Result<Value, SqsError> {
    let name = request.queue.name();
    account.queue(name)?;
    batch::check(&request.entries)?;
    Ok(batch::perform_each(request.entries, |entry| {
        let seconds = entry
            .visibility_timeout
            .ok_or_else(|| SqsError::missing("VisibilityTimeout"))?;
        account
            .change_visibility(name, &entry.receipt_handle, seconds, now)
            .map(|()| json!({}))
    }))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CreateRequest {
    queue_name: String,
    #[serde(default)]
    attributes: BTreeMap<String, String>,
}

fn create_queue(
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
struct NameRequest {
    queue_name: String,
}

fn get_queue_url(account: &Account, base: &str, request: &NameRequest) -> Result<Value, SqsError> {
    account.queue(&request.queue_name)?;
    Ok(json!({"QueueUrl": queue_url(base, &request.queue_name)}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListRequest {
    #[serde(default)]
    queue_name_prefix: String,
    max_results: Option<usize>,
    next_token: Option<String>,
}

/// Up to 1000 at a time; the token is the last name that was given.
fn list_queues(account: &Account, base: &str, request: &ListRequest) -> Result<Value, SqsError> {
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
struct SetAttributesRequest {
    #[serde(rename = "QueueUrl")]
    queue: QueueUrl,
    attributes: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GetAttributesRequest {
    #[serde(rename = "QueueUrl")]
    queue: QueueUrl,
    #[serde(default)]
    attribute_names: Vec<String>,
}

fn get_attributes(
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
            (
                "ApproximateNumberOfMessagesNotVisible",
                counts.in_flight.to_string(),
            ),
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

/// A `ReceiveMessage` request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ReceiveRequest {
    #[serde(rename = "QueueUrl")]
    pub(super) queue: QueueUrl,
    max_number_of_messages: Option<i64>,
    pub(super) visibility_timeout: Option<u32>,
    pub(super) wait_time_seconds: Option<u32>,
    #[serde(default)]
    attribute_names: Vec<String>,
    #[serde(default)]
    message_system_attribute_names: Vec<String>,
    #[serde(default)]
    message_attribute_names: Vec<String>,
}

impl ReceiveRequest {
    /// How many messages are wanted, 1 to 10.
    pub(super) fn max(&self) -> Result<usize, SqsError> {
        let wanted = self.max_number_of_messages.unwrap_or(1);
        usize::try_from(wanted)
            .ok()
            .filter(|n| (1..=10).contains(n))
            .ok_or_else(|| {
                SqsError::parameter(
                    "MaxNumberOfMessages",
                    wanted,
                    "Must be between 1 and 10, if provided.",
                )
            })
    }

    /// Refuses waiting for more than 20 seconds and hiding for more than 12 hours.
    pub(super) fn check(&self) -> Result<(), SqsError> {
        if let Some(wait) = self.wait_time_seconds.filter(|w| *w > 20) {
            return Err(SqsError::parameter(
                "WaitTimeSeconds",
                wait,
                "Must be >= 0 and <= 20, if provided.",
            ));
        }
        if let Some(timeout) = self.visibility_timeout.filter(|t| *t > 43_200) {
            return Err(SqsError::parameter(
                "VisibilityTimeout",
                timeout,
                "Must be between 0 and 43200.",
            ));
        }
        self.max().map(|_| ())
    }

    /// The answer: only the attributes that were asked for are shown.
    pub(super) fn answer(&self, received: &[(String, Message)]) -> Value {
        if received.is_empty() {
            return json!({});
        }
        json!({"Messages": received.iter().map(|(handle, message)| self.show(handle, message)).collect::<Vec<_>>()})
    }

    fn show(&self, handle: &str, message: &Message) -> Value {
        let mut shown = json!({
            "MessageId": message.id,
            "ReceiptHandle": handle,
            "MD5OfBody": md5_of_body(&message.body),
            "Body": &*message.body,
        });
        let system = self.system_attributes(message);
        if !system.is_empty() {
            shown["Attributes"] = system.into();
        }
        let wanted = |name: &str| {
            self.message_attribute_names
                .iter()
                .any(|pattern| matches(pattern, name))
        };
        let attributes: BTreeMap<_, _> = message
            .attributes
            .iter()
            .filter(|(name, _)| wanted(name))
            .collect();
        if let Some(digest) = md5_of_attributes(attributes.iter().map(|(name, value)| (*name, *value))) {
            shown["MD5OfMessageAttributes"] = digest.into();
            shown["MessageAttributes"] = json!(attributes);
        }
        shown
    }

    fn system_attributes(&self, message: &Message) -> Map<String, Value> {
        let all = [
            (
                "ApproximateFirstReceiveTimestamp",
                message.first_received_at.map(|at| at.to_string()),
            ),
            ("ApproximateReceiveCount", Some(message.receive_count.to_string())),
            ("AWSTraceHeader", message.trace_header.clone()),
            ("DeadLetterQueueSourceArn", message.dead_letter_source.clone()),
            ("MessageGroupId", message.group.as_deref().map(str::to_owned)),
            ("SenderId", Some(ACCOUNT_ID.to_owned())),
            ("SentTimestamp", Some(message.sent_at.to_string())),
        ];
        let names = || {
            self.attribute_names
                .iter()
                .chain(&self.message_system_attribute_names)
        };
        all.into_iter()
            .filter(|(name, _)| names().any(|wanted| wanted == "All" || wanted == name))
            .filter_map(|(name, value)| Some((name.to_owned(), value?.into())))
            .collect()
    }
}

/// `All` and `.*` mean every attribute, `prefix.*` those that start so.
fn matches(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix(".*") {
        Some(prefix) => name.starts_with(prefix),
        None => pattern == "All" || pattern == name,
    }
}
