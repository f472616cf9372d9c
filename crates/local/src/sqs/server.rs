//! SQS over HTTP: `POST /` with an `x-amz-target` header.

use axum::Router;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, State};
use axum::response::Response;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use uuid::Uuid;

use super::{Reply, Sqs};

/// A batch of 1 MiB may be six times as long in JSON, where each control character is `\u0000`.
const MAX_REQUEST_BYTES: usize = 8 * 1024 * 1024;

/// The routes of the service. Signatures are not checked: it listens on loopback only.
pub fn router(sqs: Sqs) -> Router {
    Router::new().fallback(answer).layer(DefaultBodyLimit::max(MAX_REQUEST_BYTES)).with_state(sqs)
}

async fn answer(State(sqs): State<Sqs>, headers: HeaderMap, body: Bytes) -> Response {
    let target = headers.get("x-amz-target").and_then(|v| v.to_str().ok()).unwrap_or_default();
    into_response(sqs.call(target, &body).await)
}

fn into_response(Reply { status, query_error, body }: Reply) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-amz-json-1.0"));
    if let Ok(id) = HeaderValue::from_str(&Uuid::new_v4().to_string()) {
        headers.insert("x-amzn-requestid", id);
    }
    if let Some(Ok(error)) = query_error.as_deref().map(HeaderValue::from_str) {
        headers.insert("x-amzn-query-error", error);
    }
    response
}
