//! The HTTP front, over real connections.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, StatusCode};
use millrace_local::{Front, FrontConfig, FunctionError, LocalError, from_async};
use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::http::{get, post, send};

async fn front(answer: impl Fn(Value) -> Result<Value, FunctionError> + Send + Sync + 'static) -> Front {
    let function = from_async(move |event: Bytes| {
        let answer = answer(serde_json::from_slice(&event).unwrap());
        async move { answer.map(|answer| answer.to_string().into()) }
    });
    let config = FrontConfig { port: 0, ..FrontConfig::default() };
    Front::start(config, Arc::new(function)).await.unwrap()
}

#[tokio::test]
async fn a_request_goes_in_as_an_event_and_an_answer_comes_out_as_a_response() {
    let front = front(|event| {
        let headers = json!({"X-Path": event["rawPath"], "X-Number": 7, "content-length": "1", "content-type": "text/html"});
        let body = format!("{} {}", event["body"].as_str().unwrap(), event["queryStringParameters"]["q"]);
        Ok(json!({"statusCode": 201, "headers": headers, "cookies": ["a=1; Path=/", "b=2"], "body": body}))
    })
    .await;
    let answer = post(&format!("{}/api/v1/run/x?q=1", front.url()), "{}").await;
    assert_eq!((answer.status, answer.text()), (StatusCode::CREATED, "{} \"1\""));
    assert_eq!((answer.header("x-path"), answer.header("x-number")), ("/api/v1/run/x", "7"));
    assert_eq!((answer.header("content-length"), answer.header("content-type")), ("6", "text/html"));
    let cookies: Vec<_> = answer.headers.get_all("set-cookie").iter().collect();
    assert_eq!(cookies, ["a=1; Path=/", "b=2"]);
    front.stop().await;
}

#[tokio::test]
async fn binary_bodies_pass_both_ways() {
    let front = front(|event| {
        assert_eq!(event["isBase64Encoded"], true);
        Ok(json!({"statusCode": "200", "body": event["body"], "isBase64Encoded": true}))
    })
    .await;
    let bytes: Vec<u8> = (0..=255).collect();
    let request =
        Request::put(front.url()).header("content-type", "application/octet-stream").body(bytes.clone());
    assert_eq!(send(request.unwrap()).await.body, bytes);
    front.stop().await;
}

#[tokio::test]
async fn every_method_reaches_the_function() {
    let front = front(|event| {
        let method = event["requestContext"]["http"]["method"].clone();
        Ok(json!({"statusCode": 200, "headers": {"x-method": method}, "body": "body"}))
    })
    .await;
    for method in [Method::GET, Method::HEAD, Method::OPTIONS, Method::PATCH, Method::DELETE] {
        let answer = send(Request::builder().method(&method).uri(front.url()).body("").unwrap()).await;
        assert_eq!(answer.header("x-method"), method.as_str());
        assert_eq!(answer.text(), if method == Method::HEAD { "" } else { "body" });
    }
    front.stop().await;
}

#[tokio::test]
async fn what_the_function_does_wrong_is_answered_as_the_gateway_does() {
    let front = front(|event| match event["rawPath"].as_str().unwrap() {
        "/error" => Err(FunctionError::new("Oh", "a secret")),
        "/panic" => panic!("as planned"),
        "/status" => Ok(json!({"statusCode": 99_999})),
        "/headers" => Ok(json!({"statusCode": 200, "headers": {"two words": "x"}})),
        "/base64" => Ok(json!({"statusCode": 200, "body": "?", "isBase64Encoded": true})),
        "/body" => Ok(json!({"statusCode": 200, "body": {"not": "a text"}})),
        _ => Ok(json!({"plain": ["json"]})),
    })
    .await;
    for path in ["error", "panic", "status", "headers", "base64", "body"] {
        let answer = get(&format!("{}/{path}", front.url())).await;
        assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR, "{path}");
        assert_eq!(answer.json(), json!({"message": "Internal Server Error"}), "{path}");
    }
    let inferred = get(&format!("{}/json", front.url())).await;
    assert_eq!((inferred.status, inferred.json()), (StatusCode::OK, json!({"plain": ["json"]})));
    front.stop().await;
}

#[tokio::test]
async fn sizes_are_limited_as_by_the_gateway_and_by_lambda() {
    let front = front(|_| Ok(json!({"statusCode": 200}))).await;
    let cases = [
        (10 * 1024 * 1024 + 1, 413, "Request Entity Too Large"),
        (7 * 1024 * 1024, 413, "Request Too Long"),
        (5 * 1024 * 1024, 200, ""),
    ];
    for (size, status, message) in cases {
        let answer = post(&front.url(), vec![b'x'; size]).await;
        assert_eq!(answer.status.as_u16(), status, "{size}");
        if status != 200 {
            assert_eq!(answer.json()["message"], message, "{size}");
        }
        if message == "Request Too Long" {
            assert!(answer.json()["detail"].as_str().unwrap().contains("6291456"), "{}", answer.text());
        }
    }
    front.stop().await;
}

#[tokio::test]
async fn a_request_that_takes_too_long_is_given_up_but_its_invocation_is_not() {
    let (go, done) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (wait, tell) = (go.clone(), done.clone());
    let function = from_async(move |_| {
        let (wait, tell) = (wait.clone(), tell.clone());
        async move {
            wait.notified().await;
            tell.notify_one();
            Ok(Bytes::from_static(b"{}"))
        }
    });
    let config = FrontConfig { port: 0, timeout: Duration::from_millis(50) };
    let front = Front::start(config, Arc::new(function)).await.unwrap();
    let answer = get(&front.url()).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.json(), json!({"message": "Service Unavailable"}));
    go.notify_one();
    front.stop().await;
    done.notified().await;
}

#[tokio::test]
async fn a_taken_port_is_named() {
    let first = front(|_| Ok(json!({}))).await;
    let port = first.url().rsplit(':').next().unwrap().parse().unwrap();
    let function = from_async(|_| async { Ok(Bytes::new()) });
    let config = FrontConfig { port, ..FrontConfig::default() };
    let refused = Front::start(config, Arc::new(function)).await.unwrap_err();
    assert!(
        matches!(&refused, LocalError::PortTaken { port: p, wanted_by } if *p == port && wanted_by.contains("front"))
    );
    first.stop().await;
}
