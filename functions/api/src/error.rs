//! What is answered when a request cannot be served: the one conversion of errors to responses.

use std::num::NonZeroU64;

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use millrace_engine::{Cause, RunError, TweakError};
use millrace_runner::RunnerError;
use millrace_store::{OverLimit, StoreError, TaskError, TaskId};
use serde_json::{Value, json};

use crate::respond;
use crate::validation::Fault;

/// How long a client is asked to wait, in seconds, where nothing else is known: 1.
const RETRY_SECONDS: NonZeroU64 = NonZeroU64::MIN;

/// An answer that is an error: `{"detail": …}`, and a sentence for the log.
#[derive(Debug)]
pub(crate) struct ApiError {
    status: StatusCode,
    detail: Value,
    internal: Option<Box<str>>,
    task: Option<TaskId>,
    retry_after: Option<NonZeroU64>,
}

impl ApiError {
    pub(crate) fn new(status: StatusCode, detail: impl Into<Value>) -> Self {
        let retry_after = (status == StatusCode::SERVICE_UNAVAILABLE).then_some(RETRY_SECONDS);
        Self { status, detail: detail.into(), internal: None, task: None, retry_after }
    }

    pub(crate) fn not_found(detail: impl Into<Value>) -> Self {
        Self::new(StatusCode::NOT_FOUND, detail)
    }

    /// What stands already is in the way.
    pub(crate) fn conflict(detail: impl Into<Value>) -> Self {
        Self::new(StatusCode::CONFLICT, detail)
    }

    /// A fault of ours: the caller learns no more than that.
    pub(crate) fn internal(because: impl Cause) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error").because(because)
    }

    /// Adds the sentence for the log. **Never a payload or a secret.**
    pub(crate) fn because(self, cause: impl Cause) -> Self {
        Self { internal: Some(cause.told().into()), ..self }
    }

    /// Says which task failed.
    pub(crate) fn of_task(mut self, task: TaskId) -> Self {
        self.task = Some(task);
        self
    }

    /// Puts the sentence into another form, which a dialect's clients know.
    pub(crate) fn reworded(mut self, form: impl FnOnce(Value) -> Value) -> Self {
        self.detail = form(self.detail);
        self
    }

    /// Says when to try again, in seconds.
    fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after = NonZeroU64::new(seconds);
        self
    }

    /// What the caller is told.
    pub(crate) fn detail(&self) -> &Value {
        &self.detail
    }

    /// Status and detail, for tests.
    #[cfg(test)]
    pub(crate) fn parts(&self) -> (u16, &Value) {
        (self.status.as_u16(), &self.detail)
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        if let Some(internal) = &self.internal {
            tracing::warn!(status = self.status.as_u16(), %internal, "refused");
        }
        let mut response = respond::json(self.status, &json!({"detail": self.detail}));
        if let Some(seconds) = self.retry_after {
            response = respond::again_in(response, seconds.get());
        }
        match self.task {
            Some(task) => respond::of_task(response, task),
            None => response,
        }
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        let status = match &error {
            StoreError::Throttled(_) | StoreError::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
            StoreError::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            StoreError::Conflict { .. } => StatusCode::CONFLICT,
            StoreError::Invalid { .. } | StoreError::TooMany { .. } => StatusCode::UNPROCESSABLE_ENTITY,
            StoreError::Corrupt { .. } | StoreError::Misconfigured(_) => StatusCode::INTERNAL_SERVER_ERROR,
        };
        let answer = Self::new(status, sentence(&error));
        match std::error::Error::source(&error) {
            Some(fault) => answer.because(("store,", fault.to_string().as_str())),
            None if status.is_server_error() => answer.because(("store,", error.to_string().as_str())),
            None => answer,
        }
    }
}

impl From<OverLimit> for ApiError {
    fn from(error: OverLimit) -> Self {
        let OverLimit { limit, seconds } = error;
        let detail = format!(
            "This API key has made its {limit} requests of this minute (requests_per_minute); try again in {seconds} s"
        );
        Self::new(StatusCode::TOO_MANY_REQUESTS, detail).retry_after(seconds)
    }
}

impl From<RunError> for ApiError {
    fn from(error: RunError) -> Self {
        let answer = Self::new(status_of(error.kind.code()), error.message);
        Self { internal: error.internal.map(Into::into), ..answer }
    }
}

impl From<TaskError> for ApiError {
    fn from(error: TaskError) -> Self {
        Self::new(status_of(&error.kind), error.message)
    }
}

/// The status of a failure of this kind, whether it has just happened or is read from its task.
fn status_of(kind: &str) -> StatusCode {
    match kind {
        "input" | "tweak" => StatusCode::BAD_REQUEST,
        "cancelled" => StatusCode::CONFLICT,
        "upstream" => StatusCode::BAD_GATEWAY,
        "limit" => StatusCode::UNPROCESSABLE_ENTITY,
        "timeout" => StatusCode::GATEWAY_TIMEOUT,
        "unavailable" => StatusCode::SERVICE_UNAVAILABLE,
        // The flow, its version, the size of its result, or Millrace itself.
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

impl From<TweakError> for ApiError {
    fn from(error: TweakError) -> Self {
        let message = error.to_string();
        let TweakError::Refused(field) = error else {
            return Self::new(StatusCode::BAD_REQUEST, message);
        };
        // The form of Langflow 1.x (1.13 contract 2.2); 0.x would have executed the code.
        let detail = json!({"error": "Refused tweaks", "code": "TWEAKS_REFUSED", "message": message, "fields": [field]});
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, detail)
    }
}

impl From<RunnerError> for ApiError {
    fn from(error: RunnerError) -> Self {
        let sentence = error.to_string();
        match error {
            RunnerError::Store(error) => error.into(),
            RunnerError::Tweak(error) => error.into(),
            RunnerError::Flow(error) => error.into(),
            RunnerError::InProgress { seconds } => Self::conflict(sentence).retry_after(seconds),
            RunnerError::OtherRequest
            | RunnerError::NotFailed(_)
            | RunnerError::NotKept
            | RunnerError::TweaksNotKept
            | RunnerError::Erased(_)
            | RunnerError::Ended(_) => Self::conflict(sentence),
            // The URL is not repeated: it may hold a secret of its own.
            RunnerError::Callback(_) => {
                Fault::rule(vec!["body".into(), "callback_url".into()], &sentence, Value::Null).into()
            }
            RunnerError::Redirected(_) => Self::new(StatusCode::FORBIDDEN, sentence),
            RunnerError::NoTask => Self::not_found(sentence),
        }
    }
}

/// An error's text with a capital, as the other details have.
fn sentence(error: &StoreError) -> String {
    let text = error.to_string();
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests;
