//! One hop of a request, and the hop that a redirect leads to.

use http::header::{
    ACCEPT, ACCEPT_ENCODING, ACCEPT_LANGUAGE, CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE,
    LOCATION, TE, TRAILER, TRANSFER_ENCODING, UPGRADE, USER_AGENT,
};
use http::{HeaderMap, HeaderName, Method};
use url::Url;

use crate::response::host_of;
use crate::{Hop, OutboundError, Request};

/// How many redirects are followed.
pub(crate) const MAX_REDIRECTS: u32 = 5;

/// All that another origin is told. Which further headers carry a credential cannot be known.
const KEPT_ACROSS_ORIGINS: [HeaderName; 6] =
    [ACCEPT, ACCEPT_ENCODING, ACCEPT_LANGUAGE, CONTENT_ENCODING, CONTENT_TYPE, USER_AGENT];

/// Set by the client alone: a caller's framing could smuggle a second request.
const FRAMING: [HeaderName; 6] = [CONNECTION, CONTENT_LENGTH, TE, TRAILER, TRANSFER_ENCODING, UPGRADE];

/// Reads an absolute URL.
pub(crate) fn absolute(url: &str) -> Result<Url, OutboundError> {
    Url::parse(url).map_err(|_| OutboundError::InvalidUrl { reason: "it is not an absolute URL" })
}

impl Hop {
    /// The first hop of a request.
    pub(crate) fn first(request: &Request) -> Result<Self, OutboundError> {
        let url = absolute(&request.url)?;
        let mut headers = HeaderMap::new();
        for (name, value) in &request.headers {
            if !FRAMING.contains(name) {
                headers.append(name, value.clone());
            }
        }
        Ok(Self { method: request.method.clone(), url, headers, body: request.body.clone() })
    }

    /// The hop that an answer to this one asks for, or `None` where it is the final one.
    pub(crate) fn next(&self, status: u16, headers: &HeaderMap) -> Result<Option<Self>, OutboundError> {
        if !matches!(status, 301 | 302 | 303 | 307 | 308) {
            return Ok(None);
        }
        let Some(location) = headers.get(LOCATION) else {
            return Ok(None);
        };
        let url = std::str::from_utf8(location.as_bytes())
            .ok()
            .and_then(|location| self.url.join(location).ok())
            .ok_or_else(|| OutboundError::InvalidRedirect { host: host_of(&self.url) })?;
        let mut next = Self { url, ..self.clone() };
        if next.url.origin() != self.url.origin() {
            next.headers = kept_across_origins(&self.headers);
        }
        if becomes_get(status, &self.method) {
            next.method = Method::GET;
            next.body = None;
            next.headers.remove(CONTENT_TYPE);
            next.headers.remove(CONTENT_ENCODING);
        }
        Ok(Some(next))
    }
}

/// As browsers and Python's clients do it: 303 always, 301 and 302 for a POST.
fn becomes_get(status: u16, method: &Method) -> bool {
    match status {
        303 => method != Method::HEAD,
        301 | 302 => method == Method::POST,
        _ => false,
    }
}

fn kept_across_origins(headers: &HeaderMap) -> HeaderMap {
    let mut kept = HeaderMap::new();
    for (name, value) in headers {
        if KEPT_ACROSS_ORIGINS.contains(name) && !value.is_sensitive() {
            kept.append(name, value.clone());
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn hop(method: Method) -> Hop {
        let request = Request::new(method, "https://a.example/dir/page?q=1")
            .bearer("secret")
            .and_then(|request| request.header("x-api-key", "secret"))
            .and_then(|request| request.header("cookie", "secret"))
            .and_then(|request| request.header("accept", "text/html"))
            .and_then(|request| request.header("content-length", "1"))
            .and_then(|request| request.header("transfer-encoding", "chunked"))
            .and_then(|request| request.json("body"))
            .unwrap();
        Hop::first(&request).unwrap()
    }

    fn next(method: Method, status: u16, location: &'static str) -> Option<Hop> {
        let headers = HeaderMap::from_iter([(LOCATION, HeaderValue::from_static(location))]);
        hop(method).next(status, &headers).unwrap()
    }

    #[test]
    fn framing_headers_are_the_clients_own() {
        let names: Vec<_> = hop(Method::POST).headers.keys().map(|name| name.to_string()).collect();
        assert_eq!(names, ["authorization", "x-api-key", "cookie", "accept", "content-type"]);
    }

    #[test]
    fn locations_are_relative_to_the_hop() {
        for (location, expected) in [
            ("/other", "https://a.example/other"),
            ("other?x", "https://a.example/dir/other?x"),
            ("//b.example/c", "https://b.example/c"),
            ("http://10.0.0.1/", "http://10.0.0.1/"),
        ] {
            assert_eq!(next(Method::GET, 302, location).unwrap().url.as_str(), expected, "{location}");
        }
    }

    #[test]
    fn answers_that_are_no_redirect_are_final() {
        for status in [200, 201, 300, 304, 305, 404] {
            assert!(next(Method::GET, status, "/other").is_none(), "{status}");
        }
        assert!(hop(Method::GET).next(302, &HeaderMap::new()).unwrap().is_none());
    }

    #[test]
    fn locations_that_are_no_url_are_refused() {
        let headers = HeaderMap::from_iter([(LOCATION, HeaderValue::from_static("https://[::bad/"))]);
        let result = hop(Method::GET).next(302, &headers);
        assert_eq!(result.err(), Some(OutboundError::InvalidRedirect { host: "a.example".to_owned() }));
    }

    #[test]
    fn methods_and_bodies_follow_the_status() {
        let cases = [
            (Method::POST, 301, Method::GET),
            (Method::POST, 302, Method::GET),
            (Method::POST, 303, Method::GET),
            (Method::PUT, 303, Method::GET),
            (Method::PUT, 302, Method::PUT),
            (Method::HEAD, 303, Method::HEAD),
            (Method::POST, 307, Method::POST),
            (Method::POST, 308, Method::POST),
        ];
        for (method, status, expected) in cases {
            let next = next(method.clone(), status, "/other").unwrap();
            assert_eq!(next.method, expected, "{method} {status}");
            assert_eq!(next.body.is_some(), method == expected, "{method} {status}");
            assert_eq!(next.headers.contains_key(CONTENT_TYPE), method == expected, "{method} {status}");
        }
    }

    #[test]
    fn another_origin_gets_no_credentials() {
        for location in
            ["https://b.example/", "https://a.example:8443/", "http://a.example/", "https://x.a.example/"]
        {
            let headers = next(Method::POST, 307, location).unwrap().headers;
            let names: Vec<_> = headers.keys().map(|name| name.as_str()).collect();
            assert_eq!(names, ["accept", "content-type"], "{location}");
        }
        let same = next(Method::POST, 307, "https://a.example:443/other").unwrap().headers;
        assert_eq!(same, hop(Method::POST).headers);
    }
}
