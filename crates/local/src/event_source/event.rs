//! The event of a batch, field by field as Lambda sends it.

use std::collections::BTreeMap;

use aws_sdk_sqs::types::{Message, MessageAttributeValue};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::Serialize;

use crate::REGION;

#[derive(Serialize)]
struct Event<'a> {
    #[serde(rename = "Records")]
    records: Vec<Record<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Record<'a> {
    message_id: Option<&'a str>,
    receipt_handle: Option<&'a str>,
    body: Option<&'a str>,
    attributes: BTreeMap<&'a str, &'a str>,
    message_attributes: BTreeMap<&'a str, Attribute<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    md5_of_message_attributes: Option<&'a str>,
    md5_of_body: Option<&'a str>,
    event_source: &'static str,
    #[serde(rename = "eventSourceARN")]
    event_source_arn: &'a str,
    aws_region: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Attribute<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    string_value: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    binary_value: Option<String>,
    string_list_values: [&'a str; 0],
    binary_list_values: [&'a str; 0],
    data_type: &'a str,
}

/// The JSON of a batch of messages of the queue.
pub(super) fn of(messages: &[Message], queue_arn: &str) -> Bytes {
    let records = messages.iter().map(|message| record(message, queue_arn)).collect();
    // Strings and maps with string keys always serialise.
    serde_json::to_vec(&Event { records }).unwrap_or_default().into()
}

fn record<'a>(message: &'a Message, queue_arn: &'a str) -> Record<'a> {
    let system = message.attributes.iter().flatten().map(|(name, value)| (name.as_str(), value.as_str()));
    let attributes = message.message_attributes.iter().flatten();
    Record {
        message_id: message.message_id(),
        receipt_handle: message.receipt_handle(),
        body: message.body(),
        attributes: system.collect(),
        message_attributes: attributes.map(|(name, value)| (name.as_str(), attribute(value))).collect(),
        md5_of_message_attributes: message.md5_of_message_attributes(),
        md5_of_body: message.md5_of_body(),
        event_source: "aws:sqs",
        event_source_arn: queue_arn,
        aws_region: queue_arn.split(':').nth(3).unwrap_or(REGION),
    }
}

fn attribute(value: &MessageAttributeValue) -> Attribute<'_> {
    Attribute {
        string_value: value.string_value(),
        binary_value: value.binary_value().map(|bytes| STANDARD.encode(bytes)),
        string_list_values: [],
        binary_list_values: [],
        data_type: value.data_type(),
    }
}
