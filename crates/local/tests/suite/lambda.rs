//! The Runtime API, driven as a runtime would, and an invoke endpoint elsewhere.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use millrace_local::{
    Front, FrontConfig, Function, FunctionError, MAX_PAYLOAD_BYTES, RuntimeApi, WatchedFunction, from_async,
};
use serde_json::{Value, json};

use crate::http::{get, post};

async fn runtime() -> (Arc<RuntimeApi>, String) {
    let api = Arc::new(RuntimeApi::start("worker").await.unwrap());
    let base = format!("http://{}/2018-06-01/runtime", api.address());
    (api, base)
}

fn invoke(
    api: &Arc<RuntimeApi>,
    event: &'static str,
) -> tokio::task::JoinHandle<Result<Bytes, FunctionError>> {
    let api = api.clone();
    tokio::spawn(async move {
        api.invoke("id-1", Bytes::from_static(event.as_bytes()), Duration::from_secs(3)).await
    })
}

#[tokio::test]
async fn an_event_goes_to_the_runtime_and_its_answer_comes_back() {
    let (api, base) = runtime().await;
    let invocation = invoke(&api, "{\"n\":1}");
    let next = get(&format!("{base}/invocation/next")).await;
    api.started().await.unwrap();
    assert_eq!((next.status, next.json()), (StatusCode::OK, json!({"n": 1})));
    assert_eq!(next.header("lambda-runtime-aws-request-id"), "id-1");
    assert_eq!(
        next.header("lambda-runtime-invoked-function-arn"),
        "arn:aws:lambda:us-east-1:000000000000:function:worker"
    );
    assert!(next.header("lambda-runtime-deadline-ms").parse::<u64>().unwrap() > 1_600_000_000_000);
    assert!(next.header("lambda-runtime-trace-id").starts_with("Root=1-"));
    let other = post(&format!("{base}/invocation/id-2/response"), "{}").await;
    assert_eq!(
        (other.status, other.json()["errorType"].clone()),
        (StatusCode::BAD_REQUEST, "InvalidRequestID".into())
    );
    let accepted = post(&format!("{base}/invocation/id-1/response"), "{\"n\":2}").await;
    assert_eq!(accepted.status, StatusCode::ACCEPTED);
    assert_eq!(invocation.await.unwrap().unwrap(), "{\"n\":2}");
    let late = post(&format!("{base}/invocation/id-1/response"), "{}").await;
    assert_eq!(late.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn errors_and_too_large_answers_are_function_errors() {
    let (api, base) = runtime().await;
    let reported = r#"{"errorType":"Oh","errorMessage":"no","stackTrace":[]}"#;
    let cases = [
        ("error", reported.to_owned(), 202, "Oh"),
        ("error", "not json".to_owned(), 202, "Runtime.Unknown"),
        ("response", "x".repeat(MAX_PAYLOAD_BYTES + 1), 413, "Function.ResponseSizeTooLarge"),
    ];
    for (end, body, status, error_type) in cases {
        let invocation = invoke(&api, "{}");
        get(&format!("{base}/invocation/next")).await;
        assert_eq!(post(&format!("{base}/invocation/id-1/{end}"), body).await.status.as_u16(), status);
        assert_eq!(invocation.await.unwrap().unwrap_err().error_type, error_type);
    }
}

#[tokio::test]
async fn a_failed_start_is_told() {
    let (api, base) = runtime().await;
    post(&format!("{base}/init/error"), r#"{"errorType":"Config","errorMessage":"no table"}"#).await;
    assert_eq!(api.started().await, Err(FunctionError::new("Config", "no table")));
}

/// An invoke endpoint that answers as Lambda does, and as `cargo lambda watch` does.
async fn endpoint() -> Front {
    let function = from_async(|event: Bytes| async move {
        let event: Value = serde_json::from_slice(&event).unwrap();
        let error = json!({"errorType": "Oh", "errorMessage": "no"}).to_string();
        let answer = match event["rawPath"].as_str().unwrap() {
            "/2015-03-31/functions/echo/invocations" => json!({"statusCode": 200, "body": event["body"]}),
            "/2015-03-31/functions/lambda/invocations" => {
                json!({"statusCode": 200, "headers": {"X-Amz-Function-Error": "Unhandled"}, "body": error})
            }
            "/2015-03-31/functions/watch/invocations" => json!({"statusCode": 500, "body": error}),
            _ => json!({"statusCode": 404, "body": "{\"title\":\"Missing function\"}"}),
        };
        Ok(answer.to_string().into())
    });
    let config = FrontConfig { port: 0, ..FrontConfig::default() };
    Front::start(config, Arc::new(function)).await.unwrap()
}

#[tokio::test]
async fn a_watched_function_answers_and_fails_like_any_other() {
    let endpoint = endpoint().await;
    let invoke =
        async |name| WatchedFunction::new(&endpoint.url(), name).invoke(Bytes::from_static(b"{}")).await;
    assert_eq!(invoke("echo").await.unwrap(), "{}");
    for name in ["lambda", "watch"] {
        assert_eq!(invoke(name).await, Err(FunctionError::new("Oh", "no")), "{name}");
    }
    let missing = invoke("other").await.unwrap_err();
    assert_eq!(missing.error_type, "Invoke.404");
    assert!(missing.error_message.contains("Missing function"));
    let url = endpoint.url();
    endpoint.stop().await;
    let gone = WatchedFunction::new(&url, "echo").invoke(Bytes::from_static(b"{}")).await.unwrap_err();
    assert_eq!(gone.error_type, "Invoke.Unreachable");
}
