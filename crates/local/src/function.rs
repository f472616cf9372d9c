//! What plays a Lambda function.

use async_trait::async_trait;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// The largest event and the largest answer of a synchronous invocation: 6 MB, counted as Lambda does.
pub const MAX_PAYLOAD_BYTES: usize = 6 * 1024 * 1024;

/// A function: takes an event's JSON, gives the answer's JSON.
#[async_trait]
pub trait Function: Send + Sync + 'static {
    /// Runs one event.
    ///
    /// # Errors
    /// What Lambda would report with `X-Amz-Function-Error`: the function's own error, a crash, a timeout, an event or
    /// answer over [`MAX_PAYLOAD_BYTES`].
    async fn invoke(&self, event: Bytes) -> Result<Bytes, FunctionError>;
}

/// A failed invocation, in the two fields that Lambda reports.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[error("{error_type}: {error_message}")]
#[serde(rename_all = "camelCase")]
pub struct FunctionError {
    /// For example `Runtime.ExitError`, `Sandbox.Timedout`, or the function's own type.
    #[serde(default)]
    pub error_type: String,
    /// The sentence.
    #[serde(default)]
    pub error_message: String,
}

impl FunctionError {
    /// An error of the given type.
    pub fn new(error_type: impl Into<String>, error_message: impl Into<String>) -> Self {
        Self { error_type: error_type.into(), error_message: error_message.into() }
    }
}

/// Refuses an event that Lambda would not take.
pub(crate) fn check_event(event: &Bytes) -> Result<(), FunctionError> {
    let size = event.len();
    if size <= MAX_PAYLOAD_BYTES {
        return Ok(());
    }
    let message = format!(
        "Request must be smaller than {MAX_PAYLOAD_BYTES} bytes for the InvokeFunction operation; it has {size}."
    );
    Err(FunctionError::new("RequestTooLargeException", message))
}

/// Refuses an answer that Lambda would not pass on.
pub(crate) fn check_answer(answer: Bytes) -> Result<Bytes, FunctionError> {
    let size = answer.len();
    if size <= MAX_PAYLOAD_BYTES {
        return Ok(answer);
    }
    let message = format!(
        "Response payload size ({size} bytes) exceeded maximum allowed payload size ({MAX_PAYLOAD_BYTES} bytes)."
    );
    Err(FunctionError::new("Function.ResponseSizeTooLarge", message))
}

/// A function made of an async closure, under Lambda's size limits. It has no timeout: the closure keeps its own.
pub struct FromAsync<F>(F);

/// Makes a function of an async closure from event to answer.
pub fn from_async<F, Fut>(run: F) -> FromAsync<F>
where
    F: Fn(Bytes) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<Bytes, FunctionError>> + Send + 'static,
{
    FromAsync(run)
}

#[async_trait]
impl<F, Fut> Function for FromAsync<F>
where
    F: Fn(Bytes) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<Bytes, FunctionError>> + Send + 'static,
{
    async fn invoke(&self, event: Bytes) -> Result<Bytes, FunctionError> {
        check_event(&event)?;
        // A task of its own, so that a panic is one failed invocation and not the end of its caller.
        let run = tokio_util::task::AbortOnDropHandle::new(tokio::spawn((self.0)(event)));
        match run.await {
            Ok(answer) => check_answer(answer?),
            Err(panic) => {
                Err(FunctionError::new("Runtime.ExitError", format!("The function panicked: {panic}")))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn size_limits_hold_both_ways_and_a_panic_is_an_error() {
        let sized = from_async(|event: Bytes| async move {
            let size: usize = std::str::from_utf8(&event).ok().and_then(|n| n.trim().parse().ok()).unwrap();
            Ok(Bytes::from(vec![b'1'; size]))
        });
        assert_eq!(sized.invoke(Bytes::from_static(b"6291456")).await.unwrap().len(), MAX_PAYLOAD_BYTES);
        let cases = [
            (Bytes::from_static(b"6291457"), "Function.ResponseSizeTooLarge"),
            (Bytes::from(vec![b' '; MAX_PAYLOAD_BYTES + 1]), "RequestTooLargeException"),
            (Bytes::from_static(b"many"), "Runtime.ExitError"),
        ];
        for (event, error_type) in cases {
            assert_eq!(sized.invoke(event).await.unwrap_err().error_type, error_type);
        }
    }
}
