//! What is answered when a request cannot be served: the one conversion of errors to responses.

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::{HeaderValue, RETRY_AFTER};
use millrace_engine::{ErrorKind, RunError, TweakError};
use millrace_runner::RunnerError;
use millrace_store::{StoreError, TaskId};
use serde_json::{Value, json};

use crate::respond;

/// How long a client is asked to wait, in seconds.
const RETRY_SECONDS: &str = "1";

/// An answer that is an error: `{"detail": …}`, and a sentence for the log.
#[derive(Debug)]
pub(crate) struct ApiError {
    status: StatusCode,
    detail: Value,
    internal: Option<String>,
    task: Option<TaskId>,
}

impl ApiError {
    pub(crate) fn new(status: StatusCode, detail: impl Into<Value>) -> Self {
        Self { status, detail: detail.into(), internal: None, task: None }
    }

    pub(crate) fn not_found(detail: impl Into<Value>) -> Self {
        Self::new(StatusCode::NOT_FOUND, detail)
    }

    /// A fault of ours: the caller learns no more than that.
    pub(crate) fn internal(because: impl ToString) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error").because(because)
    }

    /// Adds the sentence for the log. **Never a payload or a secret.**
    pub(crate) fn because(mut self, internal: impl ToString) -> Self {
        self.internal = Some(internal.to_string());
        self
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
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static(RETRY_SECONDS));
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
            StoreError::Invalid { .. } => StatusCode::UNPROCESSABLE_ENTITY,
            StoreError::Corrupt { .. } | StoreError::Misconfigured(_) => StatusCode::INTERNAL_SERVER_ERROR,
        };
        let answer = Self::new(status, sentence(&error));
        match std::error::Error::source(&error) {
            Some(fault) => answer.because(fault),
            None if status.is_server_error() => answer.because(&error),
            None => answer,
        }
    }
}

impl From<RunError> for ApiError {
    fn from(error: RunError) -> Self {
        let status = match error.kind {
            ErrorKind::Input | ErrorKind::Tweak => StatusCode::BAD_REQUEST,
            ErrorKind::Flow | ErrorKind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            ErrorKind::Upstream => StatusCode::BAD_GATEWAY,
            ErrorKind::Timeout => StatusCode::GATEWAY_TIMEOUT,
            ErrorKind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        };
        let answer = Self::new(status, error.message);
        match error.internal {
            Some(internal) => answer.because(internal),
            None => answer,
        }
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
        match error {
            RunnerError::Store(error) => error.into(),
            RunnerError::Tweak(error) => error.into(),
            RunnerError::Flow(error) => error.into(),
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
mod tests {
    use millrace_store::Fault;

    use super::*;

    fn fault() -> Fault {
        Fault { kind: "service", code: Some("ThrottlingException".into()) }
    }

    #[test]
    fn errors_of_the_store_have_a_status() {
        for (error, status) in [
            (StoreError::Throttled(fault()), 503),
            (StoreError::Unavailable(fault()), 503),
            (StoreError::TooLarge { what: "flow", size: 500_000, limit: 400_000 }, 413),
            (StoreError::Conflict { what: "endpoint name" }, 409),
            (StoreError::Invalid { what: "the name is too long" }, 422),
            (StoreError::Corrupt { what: "task" }, 500),
            (StoreError::Misconfigured(fault()), 500),
        ] {
            let text = error.to_string();
            let response = ApiError::from(error).into_response();
            assert_eq!(response.status(), status, "{text}");
            assert_eq!(response.headers().contains_key(RETRY_AFTER), status == 503, "{text}");
        }
    }

    #[test]
    fn failed_runs_say_who_has_to_act() {
        for (kind, status) in [
            (ErrorKind::Input, 400),
            (ErrorKind::Tweak, 400),
            (ErrorKind::Flow, 500),
            (ErrorKind::Internal, 500),
            (ErrorKind::Upstream, 502),
            (ErrorKind::Timeout, 504),
            (ErrorKind::Unavailable, 503),
        ] {
            let error = ApiError::from(RunError::new(kind, "a sentence").because("for the log"));
            assert_eq!(error.parts(), (status, &json!("a sentence")));
        }
    }

    #[test]
    fn a_tweak_of_code_is_refused_in_the_form_of_1_x() {
        let error = ApiError::from(TweakError::Refused("code".into()));
        let (status, detail) = error.parts();
        assert_eq!(
            (status, &detail["code"], &detail["fields"]),
            (422, &json!("TWEAKS_REFUSED"), &json!(["code"]))
        );
        let error = ApiError::from(TweakError::UnknownNode("X".into()));
        assert_eq!(error.parts(), (400, &json!("Tweak for unknown node 'X'")));
    }

    #[test]
    fn the_log_s_sentence_is_not_the_caller_s() {
        let error = ApiError::from(StoreError::Unavailable(fault()));
        assert!(!error.detail.to_string().contains("ThrottlingException"));
        assert_eq!(error.internal.as_deref(), Some("service: ThrottlingException"));
    }
}
