//! `ReceiveMessage`: the request, and how messages are shown.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::QueueUrl;
use crate::sqs::message::{md5_of_attributes, md5_of_body};
use crate::sqs::{ACCOUNT_ID, Message, SqsError};

/// A `ReceiveMessage` request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(in crate::sqs) struct ReceiveRequest {
    #[serde(rename = "QueueUrl")]
    pub(in crate::sqs) queue: QueueUrl,
    max_number_of_messages: Option<i64>,
    pub(in crate::sqs) visibility_timeout: Option<u32>,
    pub(in crate::sqs) wait_time_seconds: Option<u32>,
    #[serde(default)]
    attribute_names: Vec<String>,
    #[serde(default)]
    message_system_attribute_names: Vec<String>,
    #[serde(default)]
    message_attribute_names: Vec<String>,
}

impl ReceiveRequest {
    /// How many messages are wanted, 1 to 10.
    pub(in crate::sqs) fn max(&self) -> Result<usize, SqsError> {
        let wanted = self.max_number_of_messages.unwrap_or(1);
        usize::try_from(wanted).ok().filter(|n| (1..=10).contains(n)).ok_or_else(|| {
            SqsError::parameter("MaxNumberOfMessages", wanted, "Must be between 1 and 10, if provided.")
        })
    }

    /// Refuses waiting for more than 20 seconds and hiding for more than 12 hours.
    pub(in crate::sqs) fn check(&self) -> Result<(), SqsError> {
        if let Some(wait) = self.wait_time_seconds.filter(|w| *w > 20) {
            return Err(SqsError::parameter("WaitTimeSeconds", wait, "Must be >= 0 and <= 20, if provided."));
        }
        if let Some(timeout) = self.visibility_timeout.filter(|t| *t > 43_200) {
            return Err(SqsError::parameter("VisibilityTimeout", timeout, "Must be between 0 and 43200."));
        }
        self.max().map(|_| ())
    }

    /// The answer: only the attributes that were asked for are shown.
    pub(in crate::sqs) fn answer(&self, received: &[(String, Message)]) -> Value {
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
        let wanted = |name: &str| self.message_attribute_names.iter().any(|pattern| matches(pattern, name));
        let attributes: BTreeMap<_, _> = message.attributes.iter().filter(|(name, _)| wanted(name)).collect();
        if let Some(digest) = md5_of_attributes(attributes.iter().map(|(name, value)| (*name, *value))) {
            shown["MD5OfMessageAttributes"] = digest.into();
            shown["MessageAttributes"] = json!(attributes);
        }
        shown
    }

    fn system_attributes(&self, message: &Message) -> Map<String, Value> {
        let all = [
            ("ApproximateFirstReceiveTimestamp", message.first_received_at.map(|at| at.to_string())),
            ("ApproximateReceiveCount", Some(message.receive_count.to_string())),
            ("AWSTraceHeader", message.trace_header.clone()),
            ("DeadLetterQueueSourceArn", message.dead_letter_source.clone()),
            ("MessageGroupId", message.group.as_deref().map(str::to_owned)),
            ("SenderId", Some(ACCOUNT_ID.to_owned())),
            ("SentTimestamp", Some(message.sent_at.to_string())),
        ];
        let names = || self.attribute_names.iter().chain(&self.message_system_attribute_names);
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
