//! A message: what a sender gives, what the queue adds, and the checks and digests of the service.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{ErrorCode, Millis, SqsError};

/// At most this many message attributes.
const MAX_ATTRIBUTES: usize = 10;

/// A message attribute's value. Binary values are kept as the Base64 text that travels in the JSON protocol.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct AttributeValue {
    /// `String`, `Number` or `Binary`, with an optional custom label after a point.
    pub data_type: String,
    /// The value of a string or number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub string_value: Option<String>,
    /// The value of a binary, in Base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub binary_value: Option<String>,
}

impl AttributeValue {
    /// The value's bytes and the tag of its transport type in the digest (1 text, 2 binary).
    fn content(&self) -> Option<(u8, Vec<u8>)> {
        use base64::Engine;
        match self.data_type.split('.').next() {
            Some("String" | "Number") => self.string_value.as_ref().map(|v| (1, v.as_bytes().to_vec())),
            Some("Binary") => {
                let text = self.binary_value.as_ref()?;
                Some((2, base64::engine::general_purpose::STANDARD.decode(text).ok()?))
            }
            _ => None,
        }
    }
}

/// What a sender gives.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outgoing {
    /// The text, at least one character.
    pub body: String,
    /// Message attributes by name.
    pub attributes: BTreeMap<String, AttributeValue>,
    /// The message group: on a standard queue the unit of fairness.
    pub group: Option<String>,
    /// The system attribute `AWSTraceHeader`.
    pub trace_header: Option<String>,
    /// Seconds until it can be received; the queue's own delay where it is `None`.
    pub delay_seconds: Option<u32>,
}

impl Outgoing {
    /// Bytes that count against the size limit: the body, and each attribute's name, type and value.
    pub fn size(&self) -> usize {
        let attribute = |(name, value): (&String, &AttributeValue)| {
            name.len() + value.data_type.len() + value.content().map_or(0, |(_, bytes)| bytes.len())
        };
        self.body.len() + self.attributes.iter().map(attribute).sum::<usize>()
    }

    /// Checks everything but the size.
    pub(super) fn check(&self) -> Result<(), SqsError> {
        if self.body.is_empty() {
            return Err(SqsError::missing("MessageBody"));
        }
        if let Some(character) = self.body.chars().find(|c| !is_allowed(*c)) {
            let reason = "Invalid binary character was found in the message body, the set of allowed characters is \
                          #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF";
            let message = format!("{reason} (found #x{:X})", u32::from(character));
            return Err(SqsError::new(ErrorCode::InvalidMessageContents, message));
        }
        if self.attributes.len() > MAX_ATTRIBUTES {
            let message = format!(
                "Number of message attributes [{}] exceeds the allowed maximum [10].",
                self.attributes.len()
            );
            return Err(SqsError::new(ErrorCode::InvalidParameterValue, message));
        }
        if let Some(delay) = self.delay_seconds.filter(|d| *d > 900) {
            return Err(SqsError::parameter("DelaySeconds", delay, "DelaySeconds must be >= 0 and <= 900."));
        }
        check_group(self.group.as_deref())?;
        self.attributes.iter().try_for_each(|(name, value)| check_attribute(name, value))
    }
}

/// The characters of XML 1.0, which are all that a message may hold.
fn is_allowed(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | '\u{20}'..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..='\u{10FFFF}')
}

/// A group is 1 to 128 letters, digits and ASCII punctuation.
fn check_group(group: Option<&str>) -> Result<(), SqsError> {
    let allowed = |g: &str| (1..=128).contains(&g.len()) && g.bytes().all(|b| b.is_ascii_graphic());
    match group {
        Some(group) if !allowed(group) => Err(SqsError::parameter(
            "MessageGroupId",
            group,
            "MessageGroupId can only include alphanumeric and punctuation characters. 1 to 128 in length.",
        )),
        _ => Ok(()),
    }
}

fn check_attribute(name: &str, value: &AttributeValue) -> Result<(), SqsError> {
    let well_named = (1..=256).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'))
        && !(name.starts_with('.') || name.ends_with('.') || name.contains(".."));
    let refused = |reason: &str| {
        Err(SqsError::new(
            ErrorCode::InvalidParameterValue,
            format!("The message attribute '{name}' {reason}"),
        ))
    };
    if !well_named {
        return refused("has an invalid name.");
    }
    match value.content() {
        Some((_, bytes)) if bytes.is_empty() => refused("must contain a non-empty value."),
        Some(_) => Ok(()),
        None => refused(
            "has an invalid message attribute type, the set of supported type prefixes is Binary, Number, and String.",
        ),
    }
}

/// The MD5 of a body, as 32 hex digits.
pub(super) fn md5_of_body(body: &str) -> String {
    format!("{:x}", md5::compute(body))
}

/// The MD5 of message attributes, by the rule of the SQS developer guide: sorted by name, each as length-prefixed
/// name, length-prefixed type, a tag for the transport type, and the length-prefixed value. `None` for none.
pub(super) fn md5_of_attributes<'a>(
    attributes: impl IntoIterator<Item = (&'a String, &'a AttributeValue)>,
) -> Option<String> {
    let mut digest = md5::Context::new();
    let mut any = false;
    let prefixed = |digest: &mut md5::Context, bytes: &[u8]| {
        digest.consume(u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes());
        digest.consume(bytes);
    };
    for (name, value) in attributes {
        let (tag, bytes) = value.content()?;
        prefixed(&mut digest, name.as_bytes());
        prefixed(&mut digest, value.data_type.as_bytes());
        digest.consume([tag]);
        prefixed(&mut digest, &bytes);
        any = true;
    }
    any.then(|| format!("{:x}", digest.compute()))
}

/// Whether a message can be received, and from when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// Can be received.
    Ready,
    /// Delayed or in flight until then.
    Hidden(Millis),
}

/// A message in a queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Stays the same for life, in a dead-letter queue too.
    pub id: Uuid,
    /// The text.
    pub body: Arc<str>,
    /// Message attributes by name.
    pub attributes: Arc<BTreeMap<String, AttributeValue>>,
    /// The message group.
    pub group: Option<Arc<str>>,
    /// The system attribute `AWSTraceHeader`.
    pub trace_header: Option<String>,
    /// When it was sent. A dead letter keeps the time of its first queue.
    pub sent_at: Millis,
    /// How often it has been received.
    pub receive_count: u32,
    /// When it was received first.
    pub first_received_at: Option<Millis>,
    /// When it was received last.
    pub received_at: Option<Millis>,
    /// The ARN of the queue from which it was moved as a dead letter.
    pub dead_letter_source: Option<String>,
    pub(super) place: Place,
}

impl Message {
    /// Received and not yet visible again, as opposed to delayed.
    pub(super) fn is_in_flight(&self) -> bool {
        matches!(self.place, Place::Hidden(_)) && self.receive_count > 0
    }

    /// From when it can be received: the deadline of its delay or visibility timeout, 0 if it is ready.
    pub fn visible_at(&self) -> Millis {
        match self.place {
            Place::Ready => 0,
            Place::Hidden(until) => until,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(value: &str) -> AttributeValue {
        AttributeValue { data_type: "String".into(), string_value: Some(value.into()), binary_value: None }
    }

    #[test]
    fn digests_are_those_of_the_length_prefixed_form() {
        let attributes = BTreeMap::from([("b".to_owned(), text("2")), ("a".to_owned(), text("1"))]);
        let mut encoded = Vec::new();
        for (name, value) in [("a", "1"), ("b", "2")] {
            for part in [name, "String"] {
                encoded.extend((part.len() as u32).to_be_bytes());
                encoded.extend(part.as_bytes());
            }
            encoded.push(1);
            encoded.extend((value.len() as u32).to_be_bytes());
            encoded.extend(value.as_bytes());
        }
        assert_eq!(md5_of_attributes(&attributes), Some(format!("{:x}", md5::compute(encoded))));
        assert_eq!(md5_of_attributes(&BTreeMap::new()), None);
        assert_eq!(md5_of_body("hello"), "5d41402abc4b2a76b9719d911017c592");
    }

    #[test]
    fn contents_are_checked() {
        use ErrorCode::{InvalidMessageContents, InvalidParameterValue, MissingParameter};
        let body = |body: &str| Outgoing { body: body.into(), ..Outgoing::default() };
        let with =
            |name: &str, value| Outgoing { attributes: BTreeMap::from([(name.into(), value)]), ..body("x") };
        let number = AttributeValue { data_type: "Float".into(), ..text("1") };
        let cases = [
            (body("plain \u{1F600}\t\n"), None),
            (body(""), Some(MissingParameter)),
            (body("bell \u{7}"), Some(InvalidMessageContents)),
            (body("not a character \u{FFFE}"), Some(InvalidMessageContents)),
            (Outgoing { delay_seconds: Some(900), ..body("x") }, None),
            (Outgoing { delay_seconds: Some(901), ..body("x") }, Some(InvalidParameterValue)),
            (Outgoing { group: Some("tenant-1".into()), ..body("x") }, None),
            (Outgoing { group: Some("two words".into()), ..body("x") }, Some(InvalidParameterValue)),
            (with("name", text("v")), None),
            (with("name", text("")), Some(InvalidParameterValue)),
            (with(".name", text("v")), Some(InvalidParameterValue)),
            (with("name", number), Some(InvalidParameterValue)),
        ];
        for (outgoing, refusal) in cases {
            assert_eq!(outgoing.check().map_err(|e| e.code).err(), refusal, "{outgoing:?}");
        }
    }
}
