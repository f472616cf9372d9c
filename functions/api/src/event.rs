//! A Lambda event in, the answer out, without a Lambda.

use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, catch_unwind};

use axum::Router;
use futures::FutureExt;
use lambda_http::lambda_runtime::{Context, LambdaEvent};
use lambda_http::request::LambdaRequest;
use lambda_http::{Adapter, Service};
use thiserror::Error;

/// Why an event has no answer. In Lambda it would be a failed invocation.
#[derive(Debug, Error)]
pub enum EventError {
    /// The bytes are no event of an HTTP API or a Function URL.
    #[error("not an event of an HTTP API or a Function URL")]
    NotAnEvent(#[source] serde_json::Error),
    /// The event cannot be made a request of, its host or path being none.
    #[error("the event could not be made a request of")]
    NotARequest,
    /// The answer cannot be written.
    #[error("the answer could not be written")]
    Answer(#[source] serde_json::Error),
}

/// Answers one event (payload format 2.0, of an HTTP API or a Function URL) with the JSON that Lambda would
/// hand back. It takes the same way as in Lambda: `lambda_http`'s own adapter.
///
/// # Errors
/// [`EventError`], where the invocation of a deployed function would fail.
pub async fn handle(router: &Router, event: &[u8]) -> Result<Vec<u8>, EventError> {
    let payload: LambdaRequest = serde_json::from_slice(event).map_err(EventError::NotAnEvent)?;
    let router = router.clone();
    // The adapter panics over a `Host` that is none; the runtime catches that in Lambda. It is called outside
    // the future, which could not move between threads with the adapter in it.
    let call = move || Adapter::from(router).call(LambdaEvent::new(payload, Context::default()));
    let call = catch_unwind(AssertUnwindSafe(call)).map_err(|_| EventError::NotARequest)?;
    let answered = AssertUnwindSafe(call).catch_unwind().await.map_err(|_| EventError::NotARequest)?;
    let response = answered.unwrap_or_else(|never: Infallible| match never {});
    serde_json::to_vec(&response).map_err(EventError::Answer)
}
