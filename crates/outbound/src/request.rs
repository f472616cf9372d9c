//! What goes out.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderName, HeaderValue, Method};
use serde::Serialize;
use url::Url;

use crate::{OutboundError, Retry};

/// One HTTP request. `Debug` shows neither the path and query nor any header value or body.
#[derive(Clone)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// The absolute URL, without credentials.
    pub url: String,
    /// The headers, in order; framing headers such as `Content-Length` are set by the client.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// The body, if any.
    pub body: Option<Bytes>,
    /// Limit for one attempt, instead of [`OutboundConfig::timeout`](crate::OutboundConfig::timeout).
    pub timeout: Option<Duration>,
    /// Limit for all attempts and pauses together, if there is one. Default none.
    pub budget: Option<Duration>,
    /// How often it is tried. Default once.
    pub retry: Retry,
    /// Whether redirects are followed (at most 5, each checked) or handed back. Default true.
    pub follow_redirects: bool,
}

impl Request {
    /// A request without headers and body, tried once.
    pub fn new(method: Method, url: impl Into<String>) -> Self {
        Self {
            method,
            url: url.into(),
            headers: Vec::new(),
            body: None,
            timeout: None,
            budget: None,
            retry: Retry::never(),
            follow_redirects: true,
        }
    }

    /// A GET request.
    pub fn get(url: impl Into<String>) -> Self {
        Self::new(Method::GET, url)
    }

    /// A POST request.
    pub fn post(url: impl Into<String>) -> Self {
        Self::new(Method::POST, url)
    }

    /// Adds a header.
    ///
    /// # Errors
    /// [`OutboundError::InvalidRequest`] where the name or the value cannot stand in a header.
    pub fn header(mut self, name: &str, value: &str) -> Result<Self, OutboundError> {
        let header = header(name, value)?;
        self.headers.push(header);
        Ok(self)
    }

    /// Adds a header whose value is a secret: it is marked sensitive.
    ///
    /// # Errors
    /// [`OutboundError::InvalidRequest`] where the name or the value cannot stand in a header.
    pub fn secret_header(mut self, name: &str, value: &str) -> Result<Self, OutboundError> {
        let (name, mut value) = header(name, value)?;
        value.set_sensitive(true);
        self.headers.push((name, value));
        Ok(self)
    }

    /// Adds `Authorization: Bearer …`.
    ///
    /// # Errors
    /// [`OutboundError::InvalidRequest`] where the token cannot stand in a header.
    pub fn bearer(self, token: &str) -> Result<Self, OutboundError> {
        self.secret_header(AUTHORIZATION.as_str(), &format!("Bearer {token}"))
    }

    /// Sets the body.
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = Some(body.into());
        self
    }

    /// Sets the body to `value` as JSON, and its content type unless there is one.
    ///
    /// # Errors
    /// [`OutboundError::InvalidRequest`] where `value` has no JSON form.
    pub fn json<T: Serialize + ?Sized>(mut self, value: &T) -> Result<Self, OutboundError> {
        let body = serde_json::to_vec(value)
            .map_err(|_| OutboundError::InvalidRequest { reason: "the body has no JSON form".to_owned() })?;
        if !self.headers.iter().any(|(name, _)| *name == CONTENT_TYPE) {
            self.headers.push((CONTENT_TYPE, HeaderValue::from_static("application/json")));
        }
        Ok(self.body(body))
    }

    /// Sets the limit for one attempt.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Sets the limit for all attempts and pauses together.
    ///
    /// No pause or attempt goes past it: an attempt's limit is cut to what is left, and where a pause does not
    /// fit, the last outcome stands.
    pub fn within(mut self, budget: Duration) -> Self {
        self.budget = Some(budget);
        self
    }

    /// Sets how often it is tried.
    pub fn retry(mut self, retry: Retry) -> Self {
        self.retry = retry;
        self
    }
}

fn header(name: &str, value: &str) -> Result<(HeaderName, HeaderValue), OutboundError> {
    let parsed_name = HeaderName::from_bytes(name.as_bytes())
        .map_err(|_| OutboundError::InvalidRequest { reason: "a header has an invalid name".to_owned() })?;
    let value = HeaderValue::from_bytes(value.as_bytes()).map_err(|_| OutboundError::InvalidRequest {
        reason: format!("the value of the header {parsed_name} contains characters that are not allowed"),
    })?;
    Ok((parsed_name, value))
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url = Url::parse(&self.url).ok();
        f.debug_struct("Request")
            .field("method", &self.method)
            .field("host", &url.as_ref().and_then(Url::host_str))
            .field("headers", &self.headers.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>())
            .field("body_bytes", &self.body.as_ref().map(Bytes::len))
            .field("timeout", &self.timeout)
            .field("budget", &self.budget)
            .field("retry", &self.retry)
            .field("follow_redirects", &self.follow_redirects)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_secret_is_printed() {
        let request = Request::post("https://canary:canary@example.com/canary?key=canary#canary")
            .bearer("canary")
            .and_then(|request| request.header("x-api-key", "canary"))
            .and_then(|request| request.json("canary"))
            .unwrap();
        let printed = format!("{request:?}");
        assert!(!printed.contains("canary"), "{printed}");
        assert!(printed.contains("example.com") && printed.contains("x-api-key"), "{printed}");
        assert!(request.headers[0].1.is_sensitive());
    }

    #[test]
    fn a_secret_that_is_no_header_value_is_not_quoted() {
        let error = Request::get("https://example.com").bearer("canary\n").unwrap_err();
        assert!(!format!("{error} {error:?}").contains("canary"), "{error:?}");
        let error = Request::get("https://example.com").header("canary canary", "a").unwrap_err();
        assert!(!format!("{error} {error:?}").contains("canary"), "{error:?}");
    }

    #[test]
    fn json_keeps_a_content_type_of_the_caller() {
        let plain = Request::post("https://example.com").json(&[1]).unwrap();
        assert_eq!(plain.headers, [(CONTENT_TYPE, HeaderValue::from_static("application/json"))]);
        assert_eq!(plain.body.as_deref(), Some(&b"[1]"[..]));
        let own = Request::post("https://example.com").header("Content-Type", "application/x").unwrap();
        assert_eq!(own.json(&[1]).unwrap().headers.len(), 1);
    }
}
