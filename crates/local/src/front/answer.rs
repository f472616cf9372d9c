//! A function's answer as a response: payload format 2.0.

use std::collections::BTreeMap;

use axum::body::Body;
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, StatusCode, header};
use serde::Deserialize;
use serde_json::Value;

/// `multiValueHeaders` belongs to format 1.0 and is ignored, as the gateway does.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    status_code: StatusNumber,
    headers: Option<BTreeMap<String, Value>>,
    cookies: Option<Vec<String>>,
    body: Option<String>,
    is_base64_encoded: Option<bool>,
}

/// Some functions send it as a text.
#[derive(Deserialize)]
#[serde(untagged)]
enum StatusNumber {
    Number(u16),
    Text(String),
}

impl StatusNumber {
    fn status(&self) -> Option<StatusCode> {
        let number = match self {
            Self::Number(number) => *number,
            Self::Text(text) => text.parse().ok()?,
        };
        StatusCode::from_u16(number).ok()
    }
}

/// The response, or what is wrong with the answer. JSON without a `statusCode` is a response of its own: 200 with that JSON.
pub(super) fn into_response(payload: &Bytes) -> Result<Response, String> {
    let answer: Answer = match serde_json::from_slice(payload) {
        Ok(answer) => answer,
        Err(_) if is_other_json(payload)? => {
            let mut response = Response::new(Body::from(payload.clone()));
            response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
            return Ok(response);
        }
        Err(error) => return Err(error.to_string()),
    };
    let mut response = Response::new(Body::empty());
    *response.status_mut() = answer.status_code.status().ok_or("statusCode is not a status")?;
    for (name, value) in answer.headers.iter().flatten() {
        let (name, value) = header_of(name, value)?;
        response.headers_mut().insert(name, value);
    }
    for cookie in answer.cookies.iter().flatten() {
        let cookie = HeaderValue::from_str(cookie).map_err(|_| "a cookie is not a header value")?;
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    // The length is that of the body below, whatever the function counted.
    response.headers_mut().remove(header::CONTENT_LENGTH);
    let body = answer.body.unwrap_or_default();
    *response.body_mut() = if answer.is_base64_encoded == Some(true) {
        Body::from(STANDARD.decode(body).map_err(|error| format!("body is not Base64: {error}"))?)
    } else {
        Body::from(body)
    };
    // The gateway's default, which a body without a type gets.
    response
        .headers_mut()
        .entry(header::CONTENT_TYPE)
        .or_insert(HeaderValue::from_static("text/plain;charset=UTF-8"));
    Ok(response)
}

/// Whether the payload is JSON, and not an object with a `statusCode`.
fn is_other_json(payload: &[u8]) -> Result<bool, String> {
    let payload: Value = serde_json::from_slice(payload).map_err(|error| error.to_string())?;
    Ok(payload.get("statusCode").is_none())
}

fn header_of(name: &str, value: &Value) -> Result<(HeaderName, HeaderValue), String> {
    let text = match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let header = (HeaderName::try_from(name), HeaderValue::try_from(text));
    match header {
        (Ok(name), Ok(value)) => Ok((name, value)),
        _ => Err(format!("header {name} is not one")),
    }
}
