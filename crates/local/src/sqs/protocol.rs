//! The JSON shapes of the SQS API (AWS JSON 1.0, version 2012-11-05) and what each means for the [`Account`].

mod batch;
mod handles;
mod queues;
mod receive;
mod send;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

pub(super) use self::receive::ReceiveRequest;
use super::{ACCOUNT_ID, Account, ErrorCode, Millis, SqsError};

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
        "SendMessage" => send::one(account, parse(body)?, now),
        "SendMessageBatch" => send::batch(account, parse(body)?, now),
        "DeleteMessage" => handles::delete(account, &parse(body)?, now),
        "DeleteMessageBatch" => handles::delete_batch(account, parse(body)?, now),
        "ChangeMessageVisibility" => handles::change_visibility(account, &parse(body)?, now),
        "ChangeMessageVisibilityBatch" => handles::change_visibility_batch(account, parse(body)?, now),
        "CreateQueue" => queues::create(account, base, &parse(body)?, now),
        "GetQueueUrl" => queues::get_url(account, base, &parse(body)?),
        "ListQueues" => queues::list(account, base, &parse(body)?),
        "GetQueueAttributes" => queues::get_attributes(account, &parse(body)?, now),
        "SetQueueAttributes" => queues::set_attributes(account, &parse(body)?, now),
        "PurgeQueue" => queues::purge(account, &parse(body)?, now),
        "DeleteQueue" => queues::delete(account, &parse(body)?, now),
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
