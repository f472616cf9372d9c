//! `SendMessage` and `SendMessageBatch`.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use super::QueueUrl;
use super::batch::{self, BatchRequest, Entry};
use crate::sqs::message::{AttributeValue, md5_of_attributes, md5_of_body};
use crate::sqs::{Account, ErrorCode, Millis, Outgoing, SqsError};

/// All messages of a batch together: 1 MiB.
const MAX_BATCH_BYTES: usize = 1_048_576;

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
        let trace_header =
            self.message_system_attributes.remove("AWSTraceHeader").and_then(|v| v.string_value);
        Ok(Outgoing {
            body: self.message_body.ok_or_else(|| SqsError::missing("MessageBody"))?,
            attributes: self.message_attributes,
            group: self.message_group_id,
            trace_header,
            delay_seconds: self.delay_seconds,
        })
    }
}

#[derive(Deserialize)]
pub(super) struct SendRequest {
    #[serde(rename = "QueueUrl")]
    queue: QueueUrl,
    #[serde(flatten)]
    fields: MessageFields,
}

pub(super) fn one(account: &mut Account, request: SendRequest, now: Millis) -> Result<Value, SqsError> {
    send_one(account, request.queue.name(), request.fields.into_outgoing()?, now)
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
pub(super) struct SendEntry {
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

pub(super) fn batch(
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
        body + Outgoing { attributes, ..Outgoing::default() }.size()
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
