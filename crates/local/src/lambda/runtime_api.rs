//! The Lambda Runtime API of one environment (version 2018-06-01): one event at a time.
//!
//! ```text
//! runtime                              here
//! GET  /runtime/invocation/next   ──►  waits for an event; the first poll ends the environment's start
//! POST /runtime/invocation/{id}/response | error  ──►  ends the invocation
//! POST /runtime/init/error        ──►  ends the start, with an error
//! ```
//!
//! The paths of extensions are beside them: see `extensions_api`.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use bytes::Bytes;
use http::StatusCode;
use serde_json::json;
use tokio::sync::Notify;
use uuid::Uuid;

use super::extensions_api;
use super::lifecycle::{Invocation, Lifecycle};
use crate::function::check_answer;
use crate::listen::{Serving, bind};
use crate::sqs::{ACCOUNT_ID, Clock, SystemClock};
use crate::{FunctionError, LocalError, MAX_PAYLOAD_BYTES, REGION};

/// An environment's Runtime API and Extensions API, on a loopback port of its own.
pub struct RuntimeApi {
    serving: Serving,
    inner: Arc<Inner>,
}

/// What the handlers share.
pub(super) struct Inner {
    pub(super) function: String,
    lifecycle: Mutex<Lifecycle>,
    /// Told after every change of the state.
    changed: Notify,
}

impl RuntimeApi {
    /// Starts to listen on behalf of the function of this name. All its extensions are internal: parts of the runtime's
    /// own process, which may register for `INVOKE` alone.
    ///
    /// # Errors
    /// No port can be had.
    pub async fn start(function: &str) -> Result<Self, LocalError> {
        Self::start_with(function, &[]).await
    }

    /// The same, with extensions of these names that are processes of their own, as Lambda starts them from
    /// `/opt/extensions`. Those may register for `SHUTDOWN` too. They are the caller's to start.
    ///
    /// # Errors
    /// No port can be had.
    pub async fn start_with(function: &str, external: &[&str]) -> Result<Self, LocalError> {
        let external = external.iter().map(|name| (*name).to_owned()).collect();
        let inner = Arc::new(Inner {
            function: function.to_owned(),
            lifecycle: Mutex::new(Lifecycle::new(external)),
            changed: Notify::new(),
        });
        let router = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route("/2018-06-01/runtime/invocation/{id}/response", post(response))
            .route("/2018-06-01/runtime/invocation/{id}/error", post(error))
            .route("/2018-06-01/runtime/init/error", post(init_error))
            .merge(extensions_api::routes())
            // Larger answers are refused as Lambda does, not cut off; beyond this there is no telling how large.
            .layer(DefaultBodyLimit::max(4 * MAX_PAYLOAD_BYTES))
            .with_state(inner.clone());
        let listener = bind(0, "the Lambda Runtime API").await?;
        Ok(Self { serving: Serving::start(listener, router)?, inner })
    }

    /// `host:port`, the value of `AWS_LAMBDA_RUNTIME_API`.
    pub fn address(&self) -> String {
        self.serving.address().to_string()
    }

    /// Waits until the runtime and every registered extension have asked for their first event.
    ///
    /// # Errors
    /// One of them reported that its start failed.
    pub async fn started(&self) -> Result<(), FunctionError> {
        self.inner.take(|lifecycle| lifecycle.started()).await
    }

    /// Gives the runtime and the extensions an event and waits for the outcome; `timeout` only tells them their deadline.
    /// One call at a time, and after [`RuntimeApi::free`] where extensions work on after answers: Lambda gives an environment
    /// one event at a time.
    ///
    /// # Errors
    /// What the runtime, or an extension that cannot go on, reports.
    pub async fn invoke(&self, id: &str, event: Bytes, timeout: Duration) -> Result<Bytes, FunctionError> {
        let deadline = after(timeout);
        let function_arn = format!("arn:aws:lambda:{REGION}:{ACCOUNT_ID}:function:{}", self.inner.function);
        let trace = trace_id(deadline);
        let invocation = Invocation { id: id.to_owned(), event, deadline, function_arn, trace };
        self.inner.update(|lifecycle| lifecycle.offer(invocation));
        self.inner.take(Lifecycle::take_outcome).await
    }

    /// Waits until the next event can be taken: the runtime has asked for it, and so has every extension that is
    /// registered for `INVOKE`. Until then extensions may work on for the last one.
    ///
    /// # Errors
    /// One of them reported that it cannot go on, or [`RuntimeApi::stop`] was called.
    pub async fn free(&self) -> Result<(), FunctionError> {
        self.inner.take(|lifecycle| lifecycle.freed()).await
    }

    /// Whether the runtime or an extension reported that it cannot go on: its process is to be replaced.
    pub fn has_failed(&self) -> bool {
        self.inner.lock().has_failed()
    }

    /// Whether [`RuntimeApi::free`] has to be waited for: an extension is registered for `INVOKE`.
    pub fn works_after_answers(&self) -> bool {
        self.inner.lock().works_after_answers()
    }

    /// Whether there is any extension, whatever it is registered for. Lambda sends SIGTERM only then.
    pub fn has_extensions(&self) -> bool {
        self.inner.lock().has_extensions()
    }

    /// Tells the extensions that are registered for it that the environment ends in `limit`. `reason` is one of Lambda's:
    /// `spindown`, `timeout`, `failure`.
    pub fn shut_down(&self, reason: &'static str, limit: Duration) {
        self.inner.update(|lifecycle| lifecycle.shut_down(reason, after(limit)));
    }

    /// Stops listening; whoever waits for an event is answered 410.
    pub async fn stop(self) {
        self.inner.update(Lifecycle::close);
        self.serving.stop().await;
    }
}

impl Inner {
    /// Changes the state, and lets all who wait look again.
    pub(super) fn update<T>(&self, change: impl FnOnce(&mut Lifecycle) -> T) -> T {
        let result = change(&mut self.lock());
        self.changed.notify_waiters();
        result
    }

    /// Waits until `attempt` gives something.
    pub(super) async fn take<T>(&self, mut attempt: impl FnMut(&mut Lifecycle) -> Option<T>) -> T {
        loop {
            // Registered before looking, so that a change in between is not missed.
            let mut changed = std::pin::pin!(self.changed.notified());
            changed.as_mut().enable();
            let taken = attempt(&mut self.lock());
            if let Some(taken) = taken {
                self.changed.notify_waiters();
                return taken;
            }
            changed.await;
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Lifecycle> {
        self.lifecycle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Milliseconds since 1970, so much later than now.
fn after(time: Duration) -> u64 {
    SystemClock.now().saturating_add(u64::try_from(time.as_millis()).unwrap_or(u64::MAX / 2))
}

/// An X-Ray trace that is not sampled.
fn trace_id(now: u64) -> String {
    let (high, low) = Uuid::new_v4().as_u64_pair();
    format!("Root=1-{:08x}-{:08x}{low:016x};Parent={low:016x};Sampled=0", now / 1000, high >> 32)
}

pub(super) fn refuse(status: StatusCode, error_type: &str, message: &str) -> Response {
    (status, axum::Json(json!({"errorType": error_type, "errorMessage": message}))).into_response()
}

pub(super) fn accept() -> Response {
    (StatusCode::ACCEPTED, axum::Json(json!({"status": "OK"}))).into_response()
}

async fn next(State(inner): State<Arc<Inner>>) -> Response {
    inner.update(Lifecycle::ask);
    let Invocation { id, event, deadline, function_arn, trace } = match inner.take(Lifecycle::give).await {
        Ok(invocation) => invocation,
        Err(error) => return refuse(StatusCode::GONE, &error.error_type, &error.error_message),
    };
    let headers = [
        ("content-type", "application/json".to_owned()),
        ("lambda-runtime-aws-request-id", id),
        ("lambda-runtime-deadline-ms", deadline.to_string()),
        ("lambda-runtime-invoked-function-arn", function_arn),
        ("lambda-runtime-trace-id", trace),
    ];
    (headers, event).into_response()
}

fn finish(inner: &Inner, id: &str, outcome: Result<Bytes, FunctionError>) -> Response {
    match inner.update(|lifecycle| lifecycle.finish(id, outcome)) {
        true => accept(),
        false => refuse(StatusCode::BAD_REQUEST, "InvalidRequestID", "Invalid request ID"),
    }
}

async fn response(State(inner): State<Arc<Inner>>, Path(id): Path<String>, body: Bytes) -> Response {
    match check_answer(body) {
        Ok(answer) => finish(&inner, &id, Ok(answer)),
        Err(error) => {
            let message = error.error_message.clone();
            finish(&inner, &id, Err(error));
            refuse(StatusCode::PAYLOAD_TOO_LARGE, "RequestEntityTooLarge", &message)
        }
    }
}

async fn error(State(inner): State<Arc<Inner>>, Path(id): Path<String>, body: Bytes) -> Response {
    finish(&inner, &id, Err(reported(&body)))
}

async fn init_error(State(inner): State<Arc<Inner>>, body: Bytes) -> Response {
    inner.update(|lifecycle| lifecycle.fail(reported(&body)));
    accept()
}

/// The error that a runtime reports; whatever it sends is kept as a sentence if it has another form.
fn reported(body: &[u8]) -> FunctionError {
    serde_json::from_slice(body)
        .unwrap_or_else(|_| FunctionError::new("Runtime.Unknown", String::from_utf8_lossy(body)))
}
