//! Servers that mean harm, and an environment that names a proxy.

use std::process::Command;
use std::sync::atomic::Ordering;

use millrace_outbound::{OutboundError, Request, TransportError};

use crate::outbound;
use crate::stand_in::{PACKED, raw, stand_in};

/// A few bytes of a bomb stay a few bytes: nothing is unpacked, and nothing packed is asked for.
#[tokio::test]
async fn nothing_is_unpacked() {
    let (base, seen) = stand_in().await;
    let response = outbound().send(Request::get(format!("{base}/packed"))).await.unwrap();
    assert_eq!((response.status, response.header("content-encoding")), (200, Some("gzip")));
    assert_eq!(response.body, PACKED);
    let (_, _, headers, _) = seen.requests.lock().unwrap().pop().unwrap();
    assert!(!headers.contains_key("accept-encoding") && !headers.contains_key("te"), "{headers:?}");
}

#[tokio::test]
async fn heads_without_end_are_no_answer() {
    let closed =
        OutboundError::Unreachable { host: "127.0.0.1".to_owned(), reason: TransportError::ConnectionClosed };
    let head = |lines: &str| format!("HTTP/1.1 200 OK\r\n{lines}content-length: 0\r\n\r\n");
    for (lines, passes) in [
        ("a: b\r\n".repeat(99), true),
        ("a: b\r\n".repeat(100), false),
        (format!("a: {}\r\n", "b".repeat(1_000_000)), false),
    ] {
        let (address, _) = raw(Some(&head(&lines))).await;
        let outcome = outbound().send(Request::get(format!("http://{address}/"))).await;
        match outcome {
            Ok(response) => assert!(passes && response.status == 200),
            Err(error) => assert!(!passes && error == closed, "{error:?}"),
        }
    }
}

/// An answer to nothing, and a length that contradicts itself.
#[tokio::test]
async fn framing_that_contradicts_itself_is_no_answer() {
    for head in [
        "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab",
        "HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 99999999999999999999999\r\n\r\n",
    ] {
        let (address, _) = raw(Some(head)).await;
        let error = outbound().send(Request::get(format!("http://{address}/"))).await.unwrap_err();
        assert!(error.is_transient() || matches!(error, OutboundError::TooLarge { .. }), "{error:?}");
    }
}

const TARGET: &str = "MILLRACE_TEST_TARGET";

/// The variables are set for a process of its own, since they cannot be for this one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_proxy_of_the_environment_is_not_used() {
    let (proxy, connections) = raw(None).await;
    let (base, seen) = stand_in().await;
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "hostile::a_request_under_proxy_variables", "--ignored"]);
    for name in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"] {
        child.env(name, format!("http://{proxy}")).env(name.to_lowercase(), format!("http://{proxy}"));
    }
    child.env_remove("NO_PROXY").env_remove("no_proxy").env_remove("REQUEST_METHOD");
    child.env(TARGET, format!("{base}/ok"));
    let ended = tokio::task::spawn_blocking(move || child.output().unwrap()).await.unwrap();
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stdout));
    assert_eq!((seen.paths(), connections.load(Ordering::SeqCst)), (vec!["/ok".to_owned()], 0));
}

#[tokio::test]
#[ignore = "played by a_proxy_of_the_environment_is_not_used, in a process of its own"]
async fn a_request_under_proxy_variables() {
    let target = std::env::var(TARGET).unwrap();
    assert!(std::env::var("HTTP_PROXY").is_ok_and(|proxy| proxy.starts_with("http://127.0.0.1:")));
    assert_eq!(outbound().send(Request::get(target)).await.unwrap().status, 200);
}
