//! The Runtime API, driven as a runtime would, and real processes under it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use lambda_runtime::LambdaEvent;
use millrace_local::{
    Front, FrontConfig, Function, FunctionError, LogLine, MAX_PAYLOAD_BYTES, Process, ProcessConfig,
    RuntimeApi, WatchedFunction, from_async,
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

/// This test's own binary as a function: [`child`] runs the real `lambda_runtime`.
fn process(timeout: Duration, lines: &Arc<Mutex<Vec<LogLine>>>) -> Process {
    let mut config = ProcessConfig::new("child", std::env::current_exe().unwrap());
    config.args = ["--exact", "lambda::child", "--ignored", "--nocapture"].map(str::to_owned).to_vec();
    config.environment = vec![("MILLRACE_TABLE".into(), "t".into())];
    config.timeout = timeout;
    config.max_environments = 2;
    let lines = lines.clone();
    config.on_line = Some(Arc::new(move |line| lines.lock().unwrap().push(line.clone())));
    Process::new(config)
}

async fn call(process: &Process, event: Value) -> Result<Value, FunctionError> {
    let answer = process.invoke(event.to_string().into()).await?;
    Ok(serde_json::from_slice(&answer).unwrap())
}

#[tokio::test]
#[ignore = "the function that the tests of `Process` start"]
async fn child() {
    let function = lambda_runtime::service_fn(|event: LambdaEvent<Value>| async move {
        match event.payload["do"].as_str().unwrap_or_default() {
            "fail" => return Err(lambda_runtime::Error::from("as planned")),
            "exit" => std::process::exit(3),
            "hang" => std::future::pending().await,
            _ => {}
        }
        println!("hello from {}", event.context.request_id);
        let env: BTreeMap<String, String> = std::env::vars().collect();
        Ok(json!({"pid": std::process::id(), "env": env, "payload": event.payload}))
    });
    lambda_runtime::run(function).await.unwrap();
}

#[tokio::test]
async fn an_environment_is_reused_and_sees_only_what_it_is_given() {
    let lines = Arc::default();
    let process = process(Duration::from_secs(30), &lines);
    let first = call(&process, json!({"n": 1})).await.unwrap();
    let failed = call(&process, json!({"do": "fail"})).await.unwrap_err();
    let second = call(&process, json!({"n": 2})).await.unwrap();
    assert_eq!(failed.error_message, "as planned");
    assert_eq!(first["pid"], second["pid"]);
    assert_eq!(second["payload"], json!({"n": 2}));
    assert_eq!(process.start_times().len(), 1);
    let env = first["env"].as_object().unwrap();
    assert_eq!(env["MILLRACE_TABLE"], "t");
    assert_eq!(env["AWS_LAMBDA_FUNCTION_NAME"], "child");
    assert!(env.contains_key("PATH"));
    assert!(!env.keys().any(|name| name.starts_with("CARGO")), "{env:?}");
    process.stop().await;
    assert!(lines.lock().unwrap().iter().any(|line: &LogLine| line.text.contains("hello from")), "{lines:?}");
    assert_eq!(call(&process, json!({})).await.unwrap_err().error_type, "Lambda.Stopped");
}

#[tokio::test]
async fn a_crash_and_a_timeout_are_errors_and_the_next_event_has_a_new_environment() {
    let lines = Arc::default();
    let process = process(Duration::from_secs(2), &lines);
    let first = call(&process, json!({})).await.unwrap()["pid"].clone();
    let crashed = call(&process, json!({"do": "exit"})).await.unwrap_err();
    assert_eq!(crashed.error_type, "Runtime.ExitError");
    assert!(crashed.error_message.contains("exit status: 3"), "{crashed}");
    let second = call(&process, json!({})).await.unwrap()["pid"].clone();
    let timed_out = call(&process, json!({"do": "hang"})).await.unwrap_err();
    assert_eq!(timed_out.error_type, "Sandbox.Timedout");
    assert!(timed_out.error_message.ends_with("Task timed out after 2.00 seconds"), "{timed_out}");
    let third = call(&process, json!({})).await.unwrap()["pid"].clone();
    assert!(first != second && second != third && first != third);
    assert_eq!(process.start_times().len(), 3);
    process.stop().await;
}

#[tokio::test]
async fn what_cannot_run_is_said() {
    let missing = Process::new(ProcessConfig::new("missing", "/nowhere/to/be/found"));
    let error = call(&missing, json!({})).await.unwrap_err();
    assert_eq!(error.error_type, "Runtime.InvalidEntrypoint");
    assert!(error.error_message.contains("/nowhere/to/be/found"), "{error}");
    let too_large = missing.invoke(vec![b' '; MAX_PAYLOAD_BYTES + 1].into()).await.unwrap_err();
    assert_eq!(too_large.error_type, "RequestTooLargeException");
    let mut exits = ProcessConfig::new("exits", std::env::current_exe().unwrap());
    exits.args = vec!["--list".into()];
    let error = call(&Process::new(exits), json!({})).await.unwrap_err();
    assert_eq!(error.error_type, "Runtime.ExitError");
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
