//! What came back.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use serde::de::DeserializeOwned;
use serde_json::error::Category;
use url::Url;

use crate::OutboundError;
use crate::retry::retry_after;

/// A whole response, of any status. `Debug` shows neither the path and query nor any header value or body.
#[derive(Clone)]
pub struct Response {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, as received.
    pub body: Bytes,
    /// The URL that answered, which after redirects is not the one requested.
    pub url: Url,
    /// How many tries it took, 1 being the first.
    pub attempts: u32,
}

impl Response {
    /// Whether the status is 2xx.
    pub fn is_success(&self) -> bool {
        StatusCode::from_u16(self.status).is_ok_and(|status| status.is_success())
    }

    /// The first value of a header, where it is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The body as text; what is not UTF-8 becomes U+FFFD.
    pub fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.body)
    }

    /// The body as JSON, whatever the status and the content type.
    ///
    /// # Errors
    /// [`OutboundError::InvalidJson`], with the place and not the content.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, OutboundError> {
        let invalid = |problem, (line, column)| OutboundError::InvalidJson {
            host: host_of(&self.url),
            problem,
            line,
            column,
        };
        let text = std::str::from_utf8(&self.body)
            .map_err(|error| invalid("it is not UTF-8", place_after(&self.body[..error.valid_up_to()])))?;
        serde_json::from_str(text).map_err(|error| {
            let problem = match error.classify() {
                Category::Eof => "it ends early",
                Category::Data => "a value is missing or of another type",
                Category::Syntax | Category::Io => "it has a syntax error",
            };
            invalid(problem, (error.line(), error.column()))
        })
    }

    /// How long the server asks to be left alone, of any status: `retry-after-ms`, else `Retry-After` in
    /// seconds or as a date, which is compared with the server's own `Date`.
    pub fn retry_after(&self) -> Option<Duration> {
        retry_after(&self.headers)
    }
}

/// Line and column, from 1, of what follows `text`. Columns are bytes, as the JSON reader counts them.
fn place_after(text: &[u8]) -> (usize, usize) {
    let line_start = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |newline| newline + 1);
    (text.iter().filter(|byte| **byte == b'\n').count() + 1, text.len() - line_start + 1)
}

/// The host as errors name it.
pub(crate) fn host_of(url: &Url) -> String {
    url.host_str().unwrap_or_default().to_owned()
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response")
            .field("status", &self.status)
            .field("host", &self.url.host_str())
            .field("headers", &self.headers.keys().map(|name| name.as_str()).collect::<Vec<_>>())
            .field("body_bytes", &self.body.len())
            .field("attempts", &self.attempts)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, PartialEq, Deserialize)]
    struct Answer {
        id: u32,
    }

    fn response(body: &'static [u8]) -> Response {
        Response {
            status: 200,
            headers: [(http::header::SET_COOKIE, "canary".parse().unwrap())].into_iter().collect(),
            body: Bytes::from_static(body),
            url: Url::parse("https://example.com/canary?canary").unwrap(),
            attempts: 1,
        }
    }

    #[test]
    fn json_errors_tell_the_place_and_not_the_content() {
        assert_eq!(response(br#"{"id":7}"#).json(), Ok(Answer { id: 7 }));
        let cases: [(&[u8], &str); 6] = [
            (br#"{"id":"canary"}"#, "a value is missing or of another type"),
            (br#"{"canary":1}"#, "a value is missing or of another type"),
            (b"<html>canary", "it has a syntax error"),
            (br#"{"id":"#, "it ends early"),
            (b"{\"id\":1}\xff", "it is not UTF-8"),
            (b"{\"id\":1,\"canary\":\"\xff\"}", "it is not UTF-8"),
        ];
        for (body, expected) in cases {
            let error = response(body).json::<Answer>().unwrap_err();
            assert!(
                matches!(&error, OutboundError::InvalidJson { problem, .. } if *problem == expected),
                "{error:?}"
            );
            assert!(!format!("{error} {error:?}").contains("canary"), "{error}");
        }
    }

    #[test]
    fn the_place_of_bytes_that_are_no_text_is_found() {
        for (body, expected) in [(&b"\xff"[..], (1, 1)), (b"{}\xff", (1, 3)), (b"{\n\n  \xff", (3, 3))] {
            let error = response(body).json::<Answer>().unwrap_err();
            let OutboundError::InvalidJson { line, column, .. } = error else { panic!("{error:?}") };
            assert_eq!((line, column), expected, "{body:?}");
        }
    }

    #[test]
    fn text_survives_invalid_utf8_and_debug_shows_no_content() {
        let response = response(b"canary \xff");
        assert_eq!(response.text(), "canary \u{fffd}");
        assert!(!format!("{response:?}").contains("canary"), "{response:?}");
    }
}
