//! The Lambda Runtime API of one environment (version 2018-06-01): one event at a time.
//!
//! ```text
//! runtime                              here
//! GET  /runtime/invocation/next   ──►  waits for an event; the first poll ends the environment's start
//! POST /runtime/invocation/{id}/response | error  ──►  ends the invocation
//! POST /runtime/init/error        ──►  ends the start, with an error
//! ```

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use bytes::Bytes;
use http::StatusCode;
use serde_json::json;
use tokio::sync::{mpsc, oneshot, watch};
use uuid::Uuid;

use crate::function::check_answer;
use crate::listen::{Serving, bind};
use crate::sqs::{ACCOUNT_ID, Clock, SystemClock};
use crate::{FunctionError, LocalError, MAX_PAYLOAD_BYTES, REGION};

/// An environment's Runtime API, on a loopback port of its own.
pub struct RuntimeApi {
    serving: Serving,
    inner: Arc<Inner>,
    events: mpsc::Sender<Invocation>,
}

struct Inner {
    function_arn: String,
    waiting: tokio::sync::Mutex<mpsc::Receiver<Invocation>>,
    running: Mutex<Option<(String, oneshot::Sender<Outcome>)>>,
    start: watch::Sender<Option<Result<(), FunctionError>>>,
}

type Outcome = Result<Bytes, FunctionError>;

struct Invocation {
    id: String,
    event: Bytes,
    deadline: u64,
    outcome: oneshot::Sender<Outcome>,
}

impl RuntimeApi {
    /// Starts to listen on behalf of the function of this name.
    ///
    /// # Errors
    /// No port can be had.
    pub async fn start(function: &str) -> Result<Self, LocalError> {
        let (events, waiting) = mpsc::channel(1);
        let inner = Arc::new(Inner {
            function_arn: format!("arn:aws:lambda:{REGION}:{ACCOUNT_ID}:function:{function}"),
            waiting: tokio::sync::Mutex::new(waiting),
            running: Mutex::new(None),
            start: watch::Sender::new(None),
        });
        let router = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route("/2018-06-01/runtime/invocation/{id}/response", post(response))
            .route("/2018-06-01/runtime/invocation/{id}/error", post(error))
            .route("/2018-06-01/runtime/init/error", post(init_error))
            // Larger answers are refused as Lambda does, not cut off; beyond this there is no telling how large.
            .layer(DefaultBodyLimit::max(4 * MAX_PAYLOAD_BYTES))
            .with_state(inner.clone());
        let listener = bind(0, "the Lambda Runtime API").await?;
        Ok(Self { serving: Serving::start(listener, router)?, inner, events })
    }

    /// `host:port`, the value of `AWS_LAMBDA_RUNTIME_API`.
    pub fn address(&self) -> String {
        self.serving.address().to_string()
    }

    /// Waits until the runtime has asked for its first event.
    ///
    /// # Errors
    /// The runtime reported that its start failed.
    pub async fn started(&self) -> Result<(), FunctionError> {
        let mut start = self.inner.start.subscribe();
        let result = start.wait_for(Option::is_some).await.ok().and_then(|result| result.clone());
        result.unwrap_or_else(|| Err(stopped()))
    }

    /// Gives the runtime an event and waits for the outcome; `timeout` only tells the runtime its deadline. One call at a
    /// time: Lambda gives an environment one event at a time.
    ///
    /// # Errors
    /// What the runtime reports.
    pub async fn invoke(&self, id: &str, event: Bytes, timeout: Duration) -> Result<Bytes, FunctionError> {
        let (outcome, answered) = oneshot::channel();
        let deadline = SystemClock.now() + u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX / 2);
        let invocation = Invocation { id: id.to_owned(), event, deadline, outcome };
        self.events.send(invocation).await.map_err(|_| stopped())?;
        answered.await.unwrap_or_else(|_| Err(stopped()))
    }

    /// Stops listening.
    pub async fn stop(self) {
        let Self { serving, events, .. } = self;
        drop(events);
        serving.stop().await;
    }
}

fn stopped() -> FunctionError {
    FunctionError::new("Runtime.ExitError", "The environment was stopped.")
}

impl Inner {
    fn running(&self) -> std::sync::MutexGuard<'_, Option<(String, oneshot::Sender<Outcome>)>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends the invocation `id`, or says that it is not the one running.
    fn finish(&self, id: &str, outcome: Outcome) -> Response {
        match self.running().take_if(|(running, _)| running == id) {
            Some((_, waiting)) => {
                // Whoever invoked may have given up waiting; the runtime is told the same.
                let _ = waiting.send(outcome);
                (StatusCode::ACCEPTED, axum::Json(json!({"status": "OK"}))).into_response()
            }
            None => refuse(StatusCode::BAD_REQUEST, "InvalidRequestID", "Invalid request ID"),
        }
    }
}

fn refuse(status: StatusCode, error_type: &str, message: &str) -> Response {
    (status, axum::Json(json!({"errorType": error_type, "errorMessage": message}))).into_response()
}

async fn next(State(inner): State<Arc<Inner>>) -> Response {
    inner.start.send_if_modified(|start| {
        let first = start.is_none();
        start.get_or_insert(Ok(()));
        first
    });
    let Some(Invocation { id, event, deadline, outcome }) = inner.waiting.lock().await.recv().await else {
        return refuse(StatusCode::GONE, "Runtime.Stopped", "The environment is being stopped.");
    };
    *inner.running() = Some((id.clone(), outcome));
    let headers = [
        ("content-type", "application/json".to_owned()),
        ("lambda-runtime-aws-request-id", id),
        ("lambda-runtime-deadline-ms", deadline.to_string()),
        ("lambda-runtime-invoked-function-arn", inner.function_arn.clone()),
        ("lambda-runtime-trace-id", trace_id(deadline)),
    ];
    (headers, event).into_response()
}

/// An X-Ray trace that is not sampled.
fn trace_id(now: u64) -> String {
    let (high, low) = Uuid::new_v4().as_u64_pair();
    format!("Root=1-{:08x}-{:08x}{low:016x};Parent={low:016x};Sampled=0", now / 1000, high >> 32)
}

async fn response(State(inner): State<Arc<Inner>>, Path(id): Path<String>, body: Bytes) -> Response {
    match check_answer(body) {
        Ok(answer) => inner.finish(&id, Ok(answer)),
        Err(error) => {
            let message = error.error_message.clone();
            inner.finish(&id, Err(error));
            refuse(StatusCode::PAYLOAD_TOO_LARGE, "RequestEntityTooLarge", &message)
        }
    }
}

async fn error(State(inner): State<Arc<Inner>>, Path(id): Path<String>, body: Bytes) -> Response {
    inner.finish(&id, Err(reported(&body)))
}

async fn init_error(State(inner): State<Arc<Inner>>, body: Bytes) -> Response {
    inner.start.send_replace(Some(Err(reported(&body))));
    (StatusCode::ACCEPTED, axum::Json(json!({"status": "OK"}))).into_response()
}

/// The error that a runtime reports; whatever it sends is kept as a sentence if it has another form.
fn reported(body: &[u8]) -> FunctionError {
    serde_json::from_slice(body)
        .unwrap_or_else(|_| FunctionError::new("Runtime.Unknown", String::from_utf8_lossy(body)))
}
