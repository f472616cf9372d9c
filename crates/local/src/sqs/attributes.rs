//! A queue's attributes: their names, limits and defaults.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{ErrorCode, SqsError};

/// The largest message: 1 MiB of body and attributes.
const MAX_MESSAGE_BYTES: u32 = 1_048_576;

/// Attributes that are stored and shown but mean nothing here (access and encryption).
const OPAQUE: [&str; 5] = [
    "Policy",
    "RedriveAllowPolicy",
    "KmsMasterKeyId",
    "KmsDataKeyReusePeriodSeconds",
    "SqsManagedSseEnabled",
];

/// Where messages go that were received too often.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redrive {
    /// The ARN of the dead-letter queue.
    pub dead_letter_arn: String,
    /// Receives that a message may have, 1 to 1000; the next attempt moves it.
    pub max_receive_count: u32,
}

/// What can be set on a queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueAttributes {
    /// `VisibilityTimeout`: seconds that a received message stays hidden, 0 to 43,200.
    pub visibility_timeout: u32,
    /// `DelaySeconds`: seconds until a sent message can be received, 0 to 900.
    pub delay_seconds: u32,
    /// `MaximumMessageSize`: bytes of body and attributes, 1,024 to 1,048,576.
    pub maximum_message_size: u32,
    /// `MessageRetentionPeriod`: seconds that a message lives, 60 to 1,209,600.
    pub retention: u32,
    /// `ReceiveMessageWaitTimeSeconds`: seconds of a long poll that names none, 0 to 20.
    pub receive_wait: u32,
    /// `RedrivePolicy`.
    pub redrive: Option<Redrive>,
    /// Attributes without a meaning here, as they were set.
    pub opaque: BTreeMap<String, String>,
}

impl Default for QueueAttributes {
    fn default() -> Self {
        Self {
            visibility_timeout: 30,
            delay_seconds: 0,
            maximum_message_size: MAX_MESSAGE_BYTES,
            retention: 345_600,
            receive_wait: 0,
            redrive: None,
            opaque: BTreeMap::new(),
        }
    }
}

impl QueueAttributes {
    /// Sets what `changes` names.
    ///
    /// # Errors
    /// `InvalidAttributeName` and `InvalidAttributeValue`; nothing is changed then.
    pub fn apply(&mut self, changes: &BTreeMap<String, String>) -> Result<(), SqsError> {
        let mut changed = self.clone();
        for (name, value) in changes {
            changed.set(name, value)?;
        }
        *self = changed;
        Ok(())
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), SqsError> {
        let number = |low: u32, high: u32| {
            value.parse::<u32>().ok().filter(|n| (low..=high).contains(n)).ok_or_else(|| invalid(name))
        };
        match name {
            "VisibilityTimeout" => self.visibility_timeout = number(0, 43_200)?,
            "DelaySeconds" => self.delay_seconds = number(0, 900)?,
            "MaximumMessageSize" => self.maximum_message_size = number(1_024, MAX_MESSAGE_BYTES)?,
            "MessageRetentionPeriod" => self.retention = number(60, 1_209_600)?,
            "ReceiveMessageWaitTimeSeconds" => self.receive_wait = number(0, 20)?,
            "RedrivePolicy" => self.redrive = redrive(value)?,
            _ if OPAQUE.contains(&name) => {
                self.opaque.insert(name.to_owned(), value.to_owned());
            }
            _ => {
                let message = format!("Unknown Attribute {name}.");
                return Err(SqsError::new(ErrorCode::InvalidAttributeName, message));
            }
        }
        Ok(())
    }

    /// All attributes as names and values, in the form in which they are set.
    pub fn to_map(&self) -> BTreeMap<String, String> {
        let mut map = self.opaque.clone();
        let numbers = [
            ("VisibilityTimeout", self.visibility_timeout),
            ("DelaySeconds", self.delay_seconds),
            ("MaximumMessageSize", self.maximum_message_size),
            ("MessageRetentionPeriod", self.retention),
            ("ReceiveMessageWaitTimeSeconds", self.receive_wait),
        ];
        map.extend(numbers.map(|(name, value)| (name.to_owned(), value.to_string())));
        if let Some(Redrive { dead_letter_arn, max_receive_count }) = &self.redrive {
            let policy =
                json!({"deadLetterTargetArn": dead_letter_arn, "maxReceiveCount": max_receive_count});
            map.insert("RedrivePolicy".to_owned(), policy.to_string());
        }
        map
    }
}

fn invalid(name: &str) -> SqsError {
    SqsError::new(ErrorCode::InvalidAttributeValue, format!("Invalid value for the parameter {name}."))
}

/// An empty text takes the policy away; the count may be a number or its text, as the service accepts both.
fn redrive(text: &str) -> Result<Option<Redrive>, SqsError> {
    if text.is_empty() {
        return Ok(None);
    }
    let policy: Value = serde_json::from_str(text).map_err(|_| invalid("RedrivePolicy"))?;
    let count = match &policy["maxReceiveCount"] {
        Value::String(digits) => digits.parse().ok(),
        other => other.as_u64().and_then(|n| u32::try_from(n).ok()),
    };
    match (policy["deadLetterTargetArn"].as_str(), count) {
        (Some(arn), Some(count @ 1..=1000)) => {
            Ok(Some(Redrive { dead_letter_arn: arn.to_owned(), max_receive_count: count }))
        }
        _ => Err(invalid("RedrivePolicy")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_set_is_shown() {
        let policy =
            r#"{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:dead","maxReceiveCount":5}"#;
        let set = [("VisibilityTimeout", "7"), ("RedrivePolicy", policy), ("SqsManagedSseEnabled", "true")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()));
        let mut attributes = QueueAttributes::default();
        attributes.apply(&BTreeMap::from(set.clone())).unwrap();
        let shown = attributes.to_map();
        for (name, value) in set {
            assert_eq!(shown[&name], value);
        }
        let mut again = QueueAttributes::default();
        again.apply(&shown).unwrap();
        assert_eq!(again, attributes);
    }

    #[test]
    fn limits_hold_and_a_refused_change_changes_nothing() {
        let cases = [
            ("VisibilityTimeout", "43201", ErrorCode::InvalidAttributeValue),
            ("DelaySeconds", "-1", ErrorCode::InvalidAttributeValue),
            ("MaximumMessageSize", "1048577", ErrorCode::InvalidAttributeValue),
            ("ReceiveMessageWaitTimeSeconds", "21", ErrorCode::InvalidAttributeValue),
            ("RedrivePolicy", r#"{"maxReceiveCount":5}"#, ErrorCode::InvalidAttributeValue),
            (
                "RedrivePolicy",
                r#"{"deadLetterTargetArn":"a","maxReceiveCount":0}"#,
                ErrorCode::InvalidAttributeValue,
            ),
            ("Colour", "red", ErrorCode::InvalidAttributeName),
        ];
        for (name, value, code) in cases {
            let changes = [("DelaySeconds", "1"), (name, value)].map(|(n, v)| (n.to_owned(), v.to_owned()));
            let mut attributes = QueueAttributes::default();
            assert_eq!(attributes.apply(&BTreeMap::from(changes)).unwrap_err().code, code, "{name}");
            assert_eq!(attributes, QueueAttributes::default());
        }
    }
}
