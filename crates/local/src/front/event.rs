//! A request as an event of payload format 2.0.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::net::SocketAddr;

use base64::display::Base64Display;
use base64::engine::general_purpose::STANDARD;
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use jiff::Timestamp;
use serde::{Serialize, Serializer};
use uuid::Uuid;

use crate::sqs::ACCOUNT_ID;

/// Headers between two hops, which the gateway keeps to itself, and the cookies, which have a field of their own.
const DROPPED: [HeaderName; 6] = [
    header::CONNECTION,
    header::COOKIE,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Event<'a> {
    version: &'static str,
    route_key: &'static str,
    raw_path: &'a str,
    raw_query_string: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    cookies: Vec<Cow<'a, str>>,
    headers: BTreeMap<&'a str, Cow<'a, str>>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    query_string_parameters: BTreeMap<Cow<'a, str>, Cow<'a, str>>,
    request_context: RequestContext<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<Payload<'a>>,
    is_base64_encoded: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RequestContext<'a> {
    account_id: &'static str,
    api_id: &'static str,
    domain_name: &'a str,
    domain_prefix: &'a str,
    http: Http<'a>,
    request_id: String,
    route_key: &'static str,
    stage: &'static str,
    time: String,
    time_epoch: i64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Http<'a> {
    method: &'a str,
    path: &'a str,
    protocol: &'static str,
    source_ip: String,
    user_agent: &'a str,
}

/// A body goes into the event without a copy of its own.
enum Payload<'a> {
    Text(&'a str),
    Binary(&'a [u8]),
}

impl Serialize for Payload<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => serializer.serialize_str(text),
            Self::Binary(bytes) => serializer.collect_str(&Base64Display::new(bytes, &STANDARD)),
        }
    }
}

/// The event's JSON.
pub(super) fn of(parts: &Parts, body: &[u8], peer: SocketAddr) -> Vec<u8> {
    let payload = payload(&parts.headers, body);
    let is_base64_encoded = matches!(payload, Some(Payload::Binary(_)));
    let mut json = Vec::with_capacity(2048 + body.len() / 3 * 4);
    let event = Event {
        version: "2.0",
        route_key: "$default",
        raw_path: parts.uri.path(),
        raw_query_string: parts.uri.query().unwrap_or_default(),
        cookies: cookies(&parts.headers),
        headers: headers(&parts.headers, peer),
        query_string_parameters: query(parts.uri.query().unwrap_or_default()),
        request_context: request_context(parts, peer),
        body: payload,
        is_base64_encoded,
    };
    // Strings, and maps with string keys, always serialise; and a `Vec` takes every write.
    let _ = serde_json::to_writer(&mut json, &event);
    json
}

fn request_context(parts: &Parts, peer: SocketAddr) -> RequestContext<'_> {
    let host = text_of(&parts.headers, &header::HOST);
    let domain = host.rsplit_once(':').map_or(host, |(domain, _)| domain);
    let now = Timestamp::now();
    RequestContext {
        account_id: ACCOUNT_ID,
        api_id: "local",
        domain_name: domain,
        domain_prefix: domain.split('.').next().unwrap_or(domain),
        http: Http {
            method: parts.method.as_str(),
            path: parts.uri.path(),
            protocol: if parts.version == http::Version::HTTP_10 { "HTTP/1.0" } else { "HTTP/1.1" },
            source_ip: peer.ip().to_string(),
            user_agent: text_of(&parts.headers, &header::USER_AGENT),
        },
        request_id: Uuid::new_v4().to_string(),
        route_key: "$default",
        stage: "$default",
        time: now.strftime("%d/%b/%Y:%H:%M:%S +0000").to_string(),
        time_epoch: now.as_millisecond(),
    }
}

fn text_of<'a>(headers: &'a HeaderMap, name: &HeaderName) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

fn text(value: &HeaderValue) -> Cow<'_, str> {
    String::from_utf8_lossy(value.as_bytes())
}

/// Lower-case names (which `http` has anyway), repeated ones joined by commas, and what the gateway adds.
fn headers(given: &HeaderMap, peer: SocketAddr) -> BTreeMap<&str, Cow<'_, str>> {
    let mut headers: BTreeMap<&str, Cow<'_, str>> = BTreeMap::new();
    for (name, value) in given.iter().filter(|(name, _)| !DROPPED.contains(name)) {
        join(headers.entry(name.as_str()).or_default(), text(value));
    }
    join(headers.entry("x-forwarded-for").or_default(), peer.ip().to_string().into());
    let host = text_of(given, &header::HOST);
    let port = host.rsplit_once(':').map_or("80", |(_, port)| port);
    headers.entry("x-forwarded-port").or_insert(Cow::Borrowed(port));
    headers.entry("x-forwarded-proto").or_insert(Cow::Borrowed("http"));
    headers
}

fn join<'a>(value: &mut Cow<'a, str>, next: Cow<'a, str>) {
    if value.is_empty() {
        *value = next;
    } else {
        let joined = value.to_mut();
        joined.push(',');
        joined.push_str(&next);
    }
}

fn cookies(headers: &HeaderMap) -> Vec<Cow<'_, str>> {
    let split = |value| match text(value) {
        Cow::Borrowed(all) => all.split(';').map(|cookie| Cow::Borrowed(cookie.trim())).collect::<Vec<_>>(),
        Cow::Owned(all) => all.split(';').map(|cookie| Cow::Owned(cookie.trim().to_owned())).collect(),
    };
    headers.get_all(header::COOKIE).iter().flat_map(split).filter(|cookie| !cookie.is_empty()).collect()
}

/// Decoded, repeated ones joined by commas.
fn query(raw: &str) -> BTreeMap<Cow<'_, str>, Cow<'_, str>> {
    let mut parameters = BTreeMap::<_, Cow<'_, str>>::new();
    for (name, value) in url::form_urlencoded::parse(raw.as_bytes()) {
        match parameters.entry(name) {
            std::collections::btree_map::Entry::Vacant(entry) => {
                entry.insert(value);
            }
            std::collections::btree_map::Entry::Occupied(mut entry) => {
                let joined = entry.get_mut().to_mut();
                joined.push(',');
                joined.push_str(&value);
            }
        }
    }
    parameters
}

/// Text where the content type says so and it is UTF-8, Base64 otherwise.
fn payload<'a>(headers: &HeaderMap, body: &'a [u8]) -> Option<Payload<'a>> {
    if body.is_empty() {
        return None;
    }
    let text =
        is_text(text_of(headers, &header::CONTENT_TYPE)).then(|| std::str::from_utf8(body).ok()).flatten();
    Some(text.map_or(Payload::Binary(body), Payload::Text))
}

fn is_text(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let subtype = essence.strip_prefix("application/");
    essence.starts_with("text/")
        || essence.ends_with("+json")
        || essence.ends_with("+xml")
        || matches!(
            subtype,
            Some("json" | "x-ndjson" | "xml" | "javascript" | "x-javascript" | "x-www-form-urlencoded")
        )
}

#[cfg(test)]
mod tests {
    use http::Request;
    use serde_json::Value;

    use super::*;

    fn event(request: Request<&[u8]>) -> Value {
        let (parts, body) = request.into_parts();
        serde_json::from_slice(&of(&parts, body, SocketAddr::from(([127, 0, 0, 1], 5000)))).unwrap()
    }

    #[test]
    fn has_the_shape_of_format_2() {
        let request = Request::post("/api/v1/run/a%20b?stream=true&tag=x&tag=y%26z&empty")
            .header("Host", "localhost:7860")
            .header("Content-Type", "application/json; charset=utf-8")
            .header("User-Agent", "test")
            .header("X-Twice", "1")
            .header("X-Twice", "2")
            .header("Cookie", "a=1; b=2")
            .header("Connection", "keep-alive")
            .body(br#"{"input_value":"h\u00e9"}"#.as_slice())
            .unwrap();
        let mut event = event(request);
        let context = event["requestContext"].as_object_mut().unwrap();
        assert_eq!(context["requestId"].as_str().unwrap().len(), 36);
        let time = context["time"].as_str().unwrap();
        let epoch = jiff::fmt::strtime::parse("%d/%b/%Y:%H:%M:%S %z", time).unwrap().to_timestamp().unwrap();
        assert_eq!(epoch.as_second(), context["timeEpoch"].as_i64().unwrap() / 1000);
        for varying in ["requestId", "time", "timeEpoch"] {
            context.remove(varying);
        }
        insta::assert_json_snapshot!(event);
    }

    #[test]
    fn bodies_are_text_only_where_they_are() {
        let cases: [(&str, &[u8], Option<&str>, bool); 8] = [
            ("application/json", b"{}", Some("{}"), false),
            ("text/csv", "ä".as_bytes(), Some("ä"), false),
            ("application/x-www-form-urlencoded", b"a=b", Some("a=b"), false),
            ("application/problem+json", b"{}", Some("{}"), false),
            ("text/plain", &[0xff, 0xfe], Some("//4="), true),
            ("multipart/form-data; boundary=x", b"--x--", Some("LS14LS0="), true),
            ("application/octet-stream", b"{}", Some("e30="), true),
            ("application/json", b"", None, false),
        ];
        for (content_type, body, expected, base64) in cases {
            let event = event(Request::post("/").header("content-type", content_type).body(body).unwrap());
            assert_eq!(event.get("body").and_then(Value::as_str), expected, "{content_type}");
            assert_eq!(event["isBase64Encoded"], base64, "{content_type}");
        }
    }
}
