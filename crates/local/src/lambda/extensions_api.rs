//! The Lambda Extensions API of one environment (version 2020-01-01).
//!
//! ```text
//! extension                            here
//! POST /extension/register        ──►  until the runtime's first poll; answers the extension's id
//! GET  /extension/event/next      ──►  waits for INVOKE or SHUTDOWN; asking again says that it is done with the last one
//! POST /extension/init|exit/error ──►  ends the start or the invocation, with an error
//! ```

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde_json::json;
use uuid::Uuid;

use super::lifecycle::Refusal;
use super::runtime_api::{Inner, accept, refuse};
use crate::FunctionError;
use crate::sqs::ACCOUNT_ID;

const NAME: &str = "lambda-extension-name";
const IDENTIFIER: &str = "lambda-extension-identifier";
const ERROR_TYPE: &str = "lambda-extension-function-error-type";
const ACCEPT_FEATURE: &str = "lambda-extension-accept-feature";

pub(super) fn routes() -> Router<Arc<Inner>> {
    Router::new()
        .route("/2020-01-01/extension/register", post(register))
        .route("/2020-01-01/extension/event/next", get(next))
        .route("/2020-01-01/extension/init/error", post(failed))
        .route("/2020-01-01/extension/exit/error", post(failed))
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        refuse(StatusCode::FORBIDDEN, self.error_type, &self.message)
    }
}

#[derive(Deserialize)]
struct Registration {
    #[serde(default)]
    events: Vec<String>,
}

async fn register(
    State(inner): State<Arc<Inner>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Refusal> {
    let registration: Registration = serde_json::from_slice(&body)
        .map_err(|error| Refusal::new("InvalidRequestFormat", error.to_string()))?;
    let name = text(&headers, NAME);
    let id = inner.update(|lifecycle| lifecycle.register(name, &registration.events))?;
    let mut answer =
        json!({"functionName": inner.function, "functionVersion": "$LATEST", "handler": "bootstrap"});
    if text(&headers, ACCEPT_FEATURE).split(',').any(|feature| feature.trim() == "accountId") {
        answer["accountId"] = ACCOUNT_ID.into();
    }
    Ok(([(IDENTIFIER, id.to_string())], axum::Json(answer)).into_response())
}

async fn next(State(inner): State<Arc<Inner>>, headers: HeaderMap) -> Result<Response, Refusal> {
    let id = identified(&inner, &headers)?;
    inner.update(|lifecycle| lifecycle.ask_as(id));
    Ok(match inner.take(|lifecycle| lifecycle.give_to(id)).await {
        Ok(event) => ([(IDENTIFIER, id.to_string())], axum::Json(event)).into_response(),
        Err(error) => refuse(StatusCode::GONE, &error.error_type, &error.error_message),
    })
}

/// An extension that fails ends its environment: the process is to be replaced.
async fn failed(
    State(inner): State<Arc<Inner>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Refusal> {
    identified(&inner, &headers)?;
    let named = text(&headers, ERROR_TYPE);
    if named.is_empty() {
        let message = "Missing Lambda-Extension-Function-Error-Type header";
        return Err(Refusal::new("Extension.MissingHeader", message));
    }
    let error = serde_json::from_slice(&body).ok().filter(|e: &FunctionError| !e.error_type.is_empty());
    let error = error.unwrap_or_else(|| FunctionError::new(named, String::from_utf8_lossy(&body)));
    inner.update(|lifecycle| lifecycle.fail(error));
    Ok(accept())
}

fn identified(inner: &Inner, headers: &HeaderMap) -> Result<Uuid, Refusal> {
    let text = text(headers, IDENTIFIER);
    if text.is_empty() {
        let message = "Missing Lambda-Extension-Identifier header";
        return Err(Refusal::new("Extension.MissingExtensionIdentifier", message));
    }
    let invalid =
        |_| Refusal::new("Extension.InvalidExtensionIdentifier", "Invalid Lambda-Extension-Identifier");
    let id = Uuid::parse_str(text).map_err(invalid)?;
    inner.lock().knows(id)?;
    Ok(id)
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}
