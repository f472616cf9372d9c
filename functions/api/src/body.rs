//! Bodies of requests, read within a limit and by their content type.

use axum::body::{Body as Stream, HttpBody};
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, StatusCode};
use http_body_util::{BodyExt, Limited};
use serde_json::Value;

use crate::error::ApiError;
use crate::json;
use crate::validation::Fault;

/// What a request brought.
#[derive(Debug, PartialEq)]
pub(crate) enum Body {
    /// Nothing.
    Absent,
    /// JSON; a body without a content type is taken for it.
    Json(Value),
    /// Something of another content type.
    Other {
        /// As the header says.
        content_type: String,
        /// As it came.
        bytes: Bytes,
    },
}

impl Body {
    /// Reads a body of up to `limit` bytes.
    pub(crate) async fn read(stream: Stream, headers: &HeaderMap, limit: usize) -> Result<Self, ApiError> {
        if let Some(size) = HttpBody::size_hint(&stream).exact().filter(|size| *size > limit as u64) {
            return Err(too_large(&format!("The request body has {size} bytes; the limit is {limit}")));
        }
        let bytes = match Limited::new(stream, limit).collect().await {
            Ok(body) => body.to_bytes(),
            Err(error) if error.is::<http_body_util::LengthLimitError>() => {
                return Err(too_large(&format!(
                    "The request body has more than {limit} bytes, which is the limit"
                )));
            }
            Err(_) => return Err(unreadable().because("the body broke off")),
        };
        Self::of(headers, bytes)
    }

    fn of(headers: &HeaderMap, bytes: Bytes) -> Result<Self, ApiError> {
        let content_type =
            headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        match content_type {
            _ if bytes.is_empty() => Ok(Self::Absent),
            content_type if content_type.is_empty() || is_json(content_type) => {
                json_body(&bytes).map(Self::Json)
            }
            content_type => Ok(Self::Other { content_type: content_type.to_owned(), bytes }),
        }
    }

    /// The value, as FastAPI gives it to a model: what is no JSON is text.
    pub(crate) fn into_value(self) -> Option<Value> {
        match self {
            Self::Absent => None,
            Self::Json(value) => Some(value),
            Self::Other { bytes, .. } => Some(String::from_utf8_lossy(&bytes).into()),
        }
    }
}

/// Reads JSON whatever its content type says.
pub(crate) fn json_body(bytes: &[u8]) -> Result<Value, ApiError> {
    let text = std::str::from_utf8(bytes).map_err(|_| unreadable())?;
    // Python's reader takes a byte order mark.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    json::parse(text).map_err(|error| Fault::syntax(vec!["body".into()], &error).into())
}

fn is_json(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let subtype = essence.strip_prefix("application/");
    subtype.is_some_and(|subtype| subtype == "json" || subtype.ends_with("+json"))
}

fn too_large(detail: &str) -> ApiError {
    ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, detail)
}

/// FastAPI's sentence for a body that is no text.
fn unreadable() -> ApiError {
    ApiError::new(StatusCode::BAD_REQUEST, "There was an error parsing the body")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(content_type: Option<&'static str>, body: &'static [u8]) -> Result<Body, ApiError> {
        let headers = content_type.map(|text| (CONTENT_TYPE, http::HeaderValue::from_static(text)));
        Body::of(&headers.into_iter().collect(), Bytes::from_static(body))
    }

    #[test]
    fn the_content_type_decides_what_is_json() {
        for content_type in [
            None,
            Some(""),
            Some("application/json"),
            Some("Application/JSON; charset=utf-8"),
            Some("application/vnd.api+json"),
        ] {
            assert_eq!(
                of(content_type, b"{\"a\":1}").unwrap(),
                Body::Json(json!({"a": 1})),
                "{content_type:?}"
            );
        }
        for content_type in
            ["text/plain", "application/x-www-form-urlencoded", "text/json", "application/jsonp"]
        {
            assert!(matches!(of(Some(content_type), b"{}"), Ok(Body::Other { .. })), "{content_type}");
        }
    }

    #[test]
    fn a_body_may_be_absent_or_null() {
        assert_eq!(of(None, b"").unwrap(), Body::Absent);
        assert_eq!(of(Some("text/plain"), b"").unwrap(), Body::Absent);
        assert_eq!(of(None, b"null").unwrap(), Body::Json(Value::Null));
        assert_eq!(of(None, b"\xef\xbb\xbf[]").unwrap(), Body::Json(json!([])));
    }

    #[test]
    fn what_is_no_json_says_where() {
        let error = of(None, b"{\"inputs\": ").unwrap_err();
        let expected = json!([{"type": "json_invalid", "loc": ["body", 11], "msg": "JSON decode error",
            "input": {}, "ctx": {"error": "Expecting value"}}]);
        assert_eq!(error.parts(), (422, &expected));
        assert_eq!(of(None, b"\xff").unwrap_err().parts().0, 400);
    }

    #[tokio::test]
    async fn a_body_is_read_up_to_the_limit() {
        let headers = HeaderMap::new();
        let read = |body: Stream| Body::read(body, &headers, 10);
        assert_eq!(read(Stream::from("1234567890")).await.unwrap(), Body::Json(json!(1_234_567_890)));
        let error = read(Stream::from("12345678901")).await.unwrap_err();
        assert_eq!(error.parts(), (413, &json!("The request body has 11 bytes; the limit is 10")));
        let chunks = futures::stream::iter(["123456", "789012"].map(Ok::<_, std::io::Error>));
        let error = read(Stream::from_stream(chunks)).await.unwrap_err();
        assert_eq!(
            error.parts(),
            (413, &json!("The request body has more than 10 bytes, which is the limit"))
        );
    }
}
