//! Responses.

use axum::body::Body;
use axum::response::Response;
use http::StatusCode;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER};
use millrace_store::TaskId;
use serde::Serialize;

/// Says which task an answer is about.
pub(crate) const TASK: HeaderName = HeaderName::from_static("x-millrace-task");

/// A body as JSON.
pub(crate) fn json(status: StatusCode, body: &impl Serialize) -> Response {
    match serde_json::to_vec(body) {
        Ok(body) => typed(status, HeaderValue::from_static("application/json"), body),
        Err(_) => {
            // Nothing that is answered has a map with other keys than text, the only way to get here.
            tracing::error!("an answer could not be written");
            typed(StatusCode::INTERNAL_SERVER_ERROR, HeaderValue::from_static("application/json"), Vec::new())
        }
    }
}

/// Everything is as it should be.
pub(crate) fn ok(body: &impl Serialize) -> Response {
    json(StatusCode::OK, body)
}

/// Something was created.
pub(crate) fn created(body: &impl Serialize) -> Response {
    json(StatusCode::CREATED, body)
}

/// It is gone.
pub(crate) fn nothing() -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    response
}

/// Something is being worked on.
pub(crate) fn accepted(body: &impl Serialize) -> Response {
    json(StatusCode::ACCEPTED, body)
}

/// Events, all at once.
pub(crate) fn events(frames: String) -> Response {
    typed(StatusCode::OK, HeaderValue::from_static("text/event-stream; charset=utf-8"), frames.into_bytes())
}

/// The answer with the task's id as a header.
pub(crate) fn of_task(mut response: Response, task: TaskId) -> Response {
    if let Ok(id) = HeaderValue::from_str(&task.to_string()) {
        response.headers_mut().insert(TASK, id);
    }
    response
}

/// The answer with the time after which to ask again, in seconds.
pub(crate) fn again_in(mut response: Response, seconds: u64) -> Response {
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    response
}

/// A text that never changes.
pub(crate) fn text(content_type: &'static str, text: &'static str) -> Response {
    let mut response = Response::new(Body::from(text));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

fn typed(status: StatusCode, content_type: HeaderValue, body: Vec<u8>) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    response
}
