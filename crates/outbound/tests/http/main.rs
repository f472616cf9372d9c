//! The client against a stand-in server on loopback.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, clippy::expect_used)]

mod hostile;
mod stand_in;

use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::http::Method;
use millrace_outbound::{Outbound, OutboundConfig, OutboundError, Request, Retry, TransportError};
use tokio::net::TcpListener;

use stand_in::{raw, stand_in};

fn local() -> OutboundConfig {
    OutboundConfig { allow_loopback: true, max_response_bytes: 1000, ..OutboundConfig::default() }
}

fn outbound() -> Outbound {
    Outbound::new(local()).unwrap()
}

/// Retries without a noticeable pause.
fn quick(attempts: u32) -> Retry {
    Retry { base_delay: Duration::from_millis(1), ..Retry::attempts(attempts) }
}

#[tokio::test]
async fn any_status_is_a_response() {
    let (base, _) = stand_in().await;
    for status in [200, 204, 400, 401, 404, 418, 500, 503] {
        let (outbound, url) = (outbound(), format!("{base}/status/{status}"));
        let response = outbound.send(Request::get(url)).await.unwrap();
        assert_eq!((response.status, response.attempts), (status, 1));
        assert_eq!(response.is_success(), status < 300);
    }
}

#[tokio::test]
async fn method_headers_and_body_arrive() {
    let (base, seen) = stand_in().await;
    let request = Request::post(format!("{base}/ok?q=a%20b"))
        .bearer("token")
        .and_then(|request| request.header("x-own", "1"))
        .and_then(|request| request.json(&serde_json::json!({"a": 1})))
        .unwrap();
    let response = outbound().send(request).await.unwrap();
    assert_eq!(response.header("x-answer"), Some("42"));
    assert_eq!(response.json::<serde_json::Value>().unwrap(), serde_json::json!({"ok": true}));
    let (method, uri, headers, body) = seen.requests.lock().unwrap()[0].clone();
    assert_eq!((method, uri.to_string().as_str()), (Method::POST, "/ok?q=a%20b"));
    assert_eq!(headers["authorization"], "Bearer token");
    assert_eq!(headers["x-own"], "1");
    assert_eq!(headers["content-type"], "application/json");
    assert!(headers["user-agent"].to_str().unwrap().starts_with("millrace/"));
    assert_eq!(body, r#"{"a":1}"#);
}

#[tokio::test]
async fn retries_are_counted() {
    let cases = [
        ("429-500-200", 3, 200, 3),
        ("429-500-200", 5, 200, 3),
        ("503", 3, 503, 3),
        ("408-409-200", 2, 409, 2),
        ("401-200", 3, 401, 1),
        ("400-200", 3, 400, 1),
        ("500-200", 1, 500, 1),
    ];
    for (script, attempts, status, tried) in cases {
        let (base, seen) = stand_in().await;
        let request = Request::post(format!("{base}/status/{script}")).body("prompt").retry(quick(attempts));
        let response = outbound().send(request).await.unwrap();
        assert_eq!((response.status, response.attempts), (status, tried), "{script}");
        let requests = seen.requests.lock().unwrap();
        assert_eq!(requests.len(), tried as usize, "{script}");
        assert!(requests.iter().all(|(_, _, _, body)| body == "prompt"), "each attempt sends the body");
    }
}

#[tokio::test]
async fn the_servers_pause_replaces_our_own() {
    let (base, _) = stand_in().await;
    // An hour of our own, none of the server's: only the last can end in time.
    let hour = Duration::from_secs(3600);
    let retry = Retry { base_delay: hour, max_delay: hour, ..Retry::attempts(3) };
    let (outbound, request) = (outbound(), Request::get(format!("{base}/wait/0")).retry(retry));
    let sent = tokio::time::timeout(Duration::from_secs(60), outbound.send(request));
    assert_eq!(sent.await.expect("waited for our own pause").unwrap().attempts, 3);
}

#[tokio::test]
async fn a_long_wish_of_the_server_ends_the_tries_and_is_handed_on() {
    let (base, _) = stand_in().await;
    let request = Request::get(format!("{base}/wait/3600")).retry(quick(3));
    let response = outbound().send(request).await.unwrap();
    assert_eq!((response.status, response.attempts), (429, 1));
    assert_eq!(response.retry_after(), Some(Duration::from_secs(3600)));
}

#[tokio::test]
async fn a_refused_connection_is_unreachable() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let error =
        outbound().send(Request::get(format!("http://{address}/")).retry(quick(2))).await.unwrap_err();
    let expected = OutboundError::Unreachable {
        host: "127.0.0.1".to_owned(),
        reason: TransportError::ConnectionRefused,
    };
    assert_eq!(error, expected);
    assert!(error.is_transient());
}

#[tokio::test]
async fn a_peer_without_tls_fails_the_handshake() {
    let (address, accepted) = raw(Some("HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n")).await;
    let error =
        outbound().send(Request::get(format!("https://{address}/")).retry(quick(2))).await.unwrap_err();
    let expected =
        OutboundError::Unreachable { host: "127.0.0.1".to_owned(), reason: TransportError::HandshakeFailed };
    assert_eq!(error, expected);
    assert_eq!(accepted.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_hang_is_cut() {
    let (address, _) = raw(None).await;
    let request =
        Request::get(format!("http://{address}/")).timeout(Duration::from_millis(50)).retry(quick(2));
    let error = outbound().send(request).await.unwrap_err();
    assert_eq!(error, OutboundError::TimedOut { host: "127.0.0.1".to_owned(), seconds: 0.05 });
    assert!(error.is_transient());
}

#[tokio::test]
async fn answers_that_break_off_are_transient_errors() {
    let closed =
        OutboundError::Unreachable { host: "127.0.0.1".to_owned(), reason: TransportError::ConnectionClosed };
    let broken = OutboundError::BodyBroken { host: "127.0.0.1".to_owned() };
    let cases = [
        ("", &closed),
        ("HTTP/1.1 200 OK\r\ncontent-le", &closed),
        ("not http at all\r\n\r\n", &closed),
        ("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf", &broken),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n", &broken),
    ];
    for (answer, expected) in cases {
        let (address, accepted) = raw(Some(answer)).await;
        let request = Request::get(format!("http://{address}/")).retry(quick(2));
        assert_eq!(outbound().send(request).await.as_ref().err(), Some(expected), "{answer:?}");
        assert_eq!(accepted.load(Ordering::SeqCst), 2, "{answer:?}");
        assert!(expected.is_transient());
    }
}

#[tokio::test]
async fn bodies_are_capped_whether_announced_or_not() {
    let (base, _) = stand_in().await;
    let too_large = OutboundError::TooLarge { host: "127.0.0.1".to_owned(), limit: 1000 };
    for (path, expected) in [
        ("/bytes/1000", Ok(1000)),
        ("/bytes/1001", Err(too_large.clone())),
        ("/chunks/10", Ok(1000)),
        ("/chunks/11", Err(too_large.clone())),
        ("/chunks/1000000000000", Err(too_large.clone())),
    ] {
        let (outbound, url) = (outbound(), format!("{base}{path}"));
        let length =
            outbound.send(Request::get(url).retry(quick(3))).await.map(|response| response.body.len());
        assert_eq!(length, expected, "{path}");
    }
}

#[tokio::test]
async fn redirects_are_followed_or_handed_back() {
    let (base, seen) = stand_in().await;
    let request = Request::post(format!("{base}/to/303//ok")).body("form");
    let response = outbound().send(request.clone()).await.unwrap();
    assert_eq!((response.status, response.url.path()), (200, "/ok"));
    assert_eq!(seen.requests.lock().unwrap()[1].0, Method::GET);
    let handed_back = outbound().send(Request { follow_redirects: false, ..request }).await.unwrap();
    assert_eq!((handed_back.status, handed_back.header("location")), (303, Some("/ok")));
    assert_eq!(seen.paths(), ["/to/303//ok", "/ok", "/to/303//ok"]);
}

#[tokio::test]
async fn credentials_stay_with_their_origin() {
    let (first, _) = stand_in().await;
    let (second, seen) = stand_in().await;
    for (base, expected) in [(&first, false), (&second, true)] {
        let request = Request::get(format!("{base}/to/307/{second}/ok"))
            .bearer("secret")
            .and_then(|request| request.header("x-api-key", "secret"))
            .unwrap();
        outbound().send(request).await.unwrap();
        let (_, _, headers, _) = seen.requests.lock().unwrap().pop().unwrap();
        let carried = headers.contains_key("authorization") || headers.contains_key("x-api-key");
        assert_eq!(carried, expected, "from {base} to {second}");
    }
}

#[tokio::test]
async fn redirects_to_blocked_targets_are_refused() {
    let (base, _) = stand_in().await;
    for target in [
        "http://169.254.169.254/latest/meta-data",
        "https://169.254.169.254/",
        "https://0xa9fea9fe/",
        "https://[fd00:ec2::254]/",
        "http://example.com/",
        "https://metadata.google.internal/",
    ] {
        let error = outbound().send(Request::get(format!("{base}/to/302/{target}"))).await.unwrap_err();
        assert!(matches!(error, OutboundError::Blocked { .. }), "{target}: {error:?}");
    }
    for target in ["file:///etc/passwd", "https://user:pw@example.com/"] {
        let error = outbound().send(Request::get(format!("{base}/to/302/{target}"))).await.unwrap_err();
        assert!(matches!(error, OutboundError::InvalidUrl { .. }), "{target}: {error:?}");
    }
}

#[tokio::test]
async fn redirect_loops_are_cut() {
    let (base, seen) = stand_in().await;
    let error = outbound().send(Request::get(format!("{base}/loop")).retry(quick(3))).await.unwrap_err();
    assert_eq!(error, OutboundError::TooManyRedirects { host: "127.0.0.1".to_owned(), limit: 5 });
    assert_eq!(seen.paths().len(), 6, "the request and five redirects, not retried");
}

#[tokio::test]
async fn what_is_not_allowed_is_never_connected_to() {
    let (address, accepted) = raw(None).await;
    let strict = Outbound::new(OutboundConfig::default()).unwrap();
    let port = address.port();
    for url in [
        format!("http://{address}/"),
        format!("https://{address}/"),
        format!("https://localhost:{port}/"),
        format!("https://2130706433:{port}/"),
        format!("https://[::ffff:127.0.0.1]:{port}/"),
        "http://example.com/".to_owned(),
    ] {
        let error = strict.send(Request::get(&url).retry(quick(3))).await.unwrap_err();
        assert!(matches!(error, OutboundError::Blocked { .. }), "{url}: {error:?}");
        assert!(!error.is_transient());
    }
    assert_eq!(accepted.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn an_allowed_address_is_reached_over_http() {
    let (base, _) = stand_in().await;
    let rule = base.trim_start_matches("http://").parse().unwrap();
    let strict = Outbound::new(OutboundConfig { allow: vec![rule], ..OutboundConfig::default() }).unwrap();
    assert_eq!(strict.send(Request::get(format!("{base}/ok"))).await.unwrap().status, 200);
}

#[tokio::test]
async fn localhost_is_found_by_the_systems_resolver() {
    let (base, _) = stand_in().await;
    let url = format!("{}/ok", base.replace("127.0.0.1", "localhost"));
    assert_eq!(outbound().send(Request::get(url)).await.unwrap().status, 200);
}

#[tokio::test]
async fn urls_that_cannot_be_requested_are_named() {
    for url in
        ["", "example.com", "/path", "ftp://127.0.0.1/", "http://user:pw@127.0.0.1/", "http://127.0.0.1:x/"]
    {
        let error = outbound().send(Request::get(url)).await.unwrap_err();
        assert!(matches!(error, OutboundError::InvalidUrl { .. }), "{url}: {error:?}");
    }
}

/// Plants a secret in every place of a request, and looks for it in whatever can be printed.
#[tokio::test]
async fn secrets_are_in_no_error_and_no_debug_output() {
    let (base, _) = stand_in().await;
    let (hanging, _) = raw(None).await;
    let (broken, _) = raw(Some("HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\ncanary")).await;
    let (closed, _) = raw(Some("")).await;
    let targets = [
        format!("{base}/ok?canary"),
        format!("{base}/bytes/2000?canary"),
        format!("{base}/to/302/https://10.0.0.1/canary?canary"),
        format!("{base}/to/302/https://canary:canary@example.com/"),
        format!("{base}/loop?canary"),
        format!("http://{hanging}/canary"),
        format!("http://{broken}/canary"),
        format!("http://{closed}/canary"),
        "https://canary:canary@example.com/".to_owned(),
        "https://10.0.0.1/canary?canary#canary".to_owned(),
        "http://[canary".to_owned(),
    ];
    let outbound = outbound();
    for url in targets {
        let request = Request::get(&url)
            .bearer("canary")
            .and_then(|request| request.secret_header("x-api-key", "canary"))
            .unwrap()
            .body("canary")
            .timeout(Duration::from_millis(500));
        let printed = format!("{request:?} {outbound:?}");
        let outcome = match outbound.send(request).await {
            Ok(response) => format!("{response:?}"),
            Err(error) => format!("{error} {error:?}"),
        };
        assert!(!format!("{printed} {outcome}").contains("canary"), "{url}: {printed} {outcome}");
    }
}
