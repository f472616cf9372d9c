//! The rules that all batch operations share: one to ten entries, distinct ids, an answer for each entry.

use std::collections::HashSet;

use serde::Deserialize;
use serde_json::{Value, json};

use super::QueueUrl;
use crate::sqs::{ErrorCode, SqsError};

/// A batch request.
#[derive(Deserialize)]
pub(super) struct BatchRequest<E> {
    #[serde(rename = "QueueUrl")]
    pub(super) queue: QueueUrl,
    #[serde(rename = "Entries")]
    pub(super) entries: Vec<E>,
}

/// An entry of a batch has an id, by which its outcome is told.
pub(super) trait Entry {
    /// The name of the entry's shape, for the message about an empty batch.
    const SHAPE: &'static str;

    fn id(&self) -> &str;
}

/// Refuses a batch as a whole: empty, more than ten, an id malformed or twice.
pub(super) fn check<E: Entry>(entries: &[E]) -> Result<(), SqsError> {
    if entries.is_empty() {
        let message = format!("There should be at least one {} in the request.", E::SHAPE);
        return Err(SqsError::new(ErrorCode::EmptyBatchRequest, message));
    }
    if entries.len() > 10 {
        let message =
            format!("Maximum number of entries per request are 10. You have sent {}.", entries.len());
        return Err(SqsError::new(ErrorCode::TooManyEntriesInBatchRequest, message));
    }
    let mut seen = HashSet::new();
    for id in entries.iter().map(Entry::id) {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
        if !(1..=80).contains(&id.len()) || !id.bytes().all(allowed) {
            let message = "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at \
                           most 80 letters long.";
            return Err(SqsError::new(ErrorCode::InvalidBatchEntryId, message));
        }
        if !seen.insert(id) {
            return Err(SqsError::new(ErrorCode::BatchEntryIdsNotDistinct, format!("Id {id} repeated.")));
        }
    }
    Ok(())
}

/// Performs each entry; what one is refused does not touch the others. `perform` gives the fields of a success.
pub(super) fn perform_each<E: Entry>(
    entries: Vec<E>,
    mut perform: impl FnMut(E) -> Result<Value, SqsError>,
) -> Value {
    let (mut successful, mut failed) = (Vec::new(), Vec::new());
    for entry in entries {
        let id = entry.id().to_owned();
        match perform(entry) {
            Ok(mut fields) => {
                fields["Id"] = id.into();
                successful.push(fields);
            }
            Err(SqsError { code, message }) => {
                let code = code.query_code();
                failed.push(json!({"Id": id, "SenderFault": true, "Code": code, "Message": message}));
            }
        }
    }
    json!({"Successful": successful, "Failed": failed})
}
