//! The Extensions API, driven as extensions would.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::FutureExt;
use http::{Request, StatusCode};
use millrace_local::{FunctionError, RuntimeApi};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::http::{Answer, get, post, send};

struct Environment {
    api: Arc<RuntimeApi>,
    base: String,
}

/// One extension is known as a process of its own: `external`.
async fn environment() -> Environment {
    let api = Arc::new(RuntimeApi::start_with("worker", &["external"]).await.unwrap());
    let base = format!("http://{}", api.address());
    Environment { api, base }
}

impl Environment {
    async fn register(&self, name: &str, body: impl Into<String>) -> Answer {
        let request = Request::post(format!("{}/2020-01-01/extension/register", self.base));
        let request = request.header("Lambda-Extension-Name", name);
        send(request.header("Lambda-Extension-Accept-Feature", "accountId").body(body.into()).unwrap()).await
    }

    async fn registered(&self, name: &str, events: Value) -> String {
        let answer = self.register(name, json!({"events": events}).to_string()).await;
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
        answer.header("lambda-extension-identifier").to_owned()
    }

    /// A poll for the next event, on its way.
    fn poll(&self, id: &str) -> JoinHandle<Answer> {
        let request = Request::get(format!("{}/2020-01-01/extension/event/next", self.base));
        let request = request.header("Lambda-Extension-Identifier", id).body("").unwrap();
        tokio::spawn(send(request))
    }

    fn poll_as_runtime(&self) -> JoinHandle<Answer> {
        let url = format!("{}/2018-06-01/runtime/invocation/next", self.base);
        tokio::spawn(async move { get(&url).await })
    }

    fn invoke(&self) -> JoinHandle<Result<Bytes, FunctionError>> {
        let api = self.api.clone();
        let event = Bytes::from_static(b"{}");
        tokio::spawn(async move { api.invoke("id-1", event, Duration::from_secs(3)).await })
    }

    async fn answer(&self) -> Answer {
        post(&format!("{}/2018-06-01/runtime/invocation/id-1/response", self.base), "1").await
    }

    async fn fail(&self, stage: &str, id: &str, error_type: &str, body: &'static str) -> Answer {
        let request = Request::post(format!("{}/2020-01-01/extension/{stage}/error", self.base));
        let request = request.header("Lambda-Extension-Identifier", id);
        send(request.header("Lambda-Extension-Function-Error-Type", error_type).body(body).unwrap()).await
    }
}

#[tokio::test]
async fn an_extension_learns_of_the_function_and_of_its_invocations() {
    let environment = environment().await;
    let answer = environment.register("inside", r#"{"events":["INVOKE"]}"#).await;
    let expected = json!({
        "functionName": "worker", "functionVersion": "$LATEST", "handler": "bootstrap",
        "accountId": "000000000000",
    });
    assert_eq!((answer.status, answer.json()), (StatusCode::OK, expected));
    let id = answer.header("lambda-extension-identifier").to_owned();
    let extension = environment.poll(&id);
    let invocation = environment.invoke();
    let next = environment.poll_as_runtime().await.unwrap();
    let told = extension.await.unwrap();
    assert_eq!(told.header("lambda-extension-identifier"), id);
    let deadline: u64 = next.header("lambda-runtime-deadline-ms").parse().unwrap();
    assert_eq!(
        told.json(),
        json!({
            "eventType": "INVOKE", "deadlineMs": deadline, "requestId": "id-1",
            "invokedFunctionArn": next.header("lambda-runtime-invoked-function-arn"),
            "tracing": {"type": "X-Amzn-Trace-Id", "value": next.header("lambda-runtime-trace-id")},
        })
    );
    environment.answer().await;
    assert_eq!(invocation.await.unwrap().unwrap(), "1");
}

#[tokio::test]
async fn the_start_is_over_when_everyone_has_polled() {
    let environment = environment().await;
    let ids = [
        environment.registered("a", json!(["INVOKE"])).await,
        environment.registered("b", json!([])).await,
        environment.registered("external", json!(["INVOKE", "SHUTDOWN"])).await,
    ];
    let mut polls = vec![environment.poll_as_runtime()];
    let started = {
        let api = environment.api.clone();
        tokio::spawn(async move { api.started().await })
    };
    for id in &ids {
        assert!(environment.api.started().now_or_never().is_none());
        polls.push(environment.poll(id));
    }
    started.await.unwrap().unwrap();
    assert!(polls.iter().all(|poll| !poll.is_finished()));
}

#[tokio::test]
async fn the_answer_goes_out_at_once_and_the_next_event_waits_for_the_extension() {
    let environment = environment().await;
    let id = environment.registered("inside", json!(["INVOKE"])).await;
    let bystander = environment.registered("bystander", json!([])).await;
    let asleep = environment.poll(&bystander);
    let (mut runtime, mut extension) = (environment.poll_as_runtime(), environment.poll(&id));
    for _ in 0..2 {
        let invocation = environment.invoke();
        runtime.await.unwrap();
        extension.await.unwrap();
        environment.answer().await;
        assert_eq!(invocation.await.unwrap().unwrap(), "1");

        runtime = environment.poll_as_runtime();
        let free = {
            let api = environment.api.clone();
            tokio::spawn(async move { api.free().await })
        };
        assert!(environment.api.free().now_or_never().is_none());
        extension = environment.poll(&id);
        free.await.unwrap().unwrap();
        assert!(!runtime.is_finished() && !extension.is_finished() && !asleep.is_finished());
    }
}

#[tokio::test]
async fn a_shutdown_is_told_to_those_registered_for_it() {
    let environment = environment().await;
    let inside = environment.registered("inside", json!(["INVOKE"])).await;
    let outside = environment.registered("external", json!(["SHUTDOWN"])).await;
    let (inside, outside) = (environment.poll(&inside), environment.poll(&outside));
    let runtime = environment.poll_as_runtime();
    environment.api.started().await.unwrap();
    environment.api.shut_down("spindown", Duration::from_secs(2));
    let told = outside.await.unwrap().json();
    assert_eq!((&told["eventType"], &told["shutdownReason"]), (&json!("SHUTDOWN"), &json!("spindown")));
    assert!(told["deadlineMs"].as_u64().unwrap() > 1_600_000_000_000);
    assert!(!inside.is_finished());
    Arc::into_inner(environment.api).unwrap().stop().await;
    for waiting in [inside, runtime] {
        assert_eq!(waiting.await.unwrap().status, StatusCode::GONE);
    }
}

#[tokio::test]
async fn what_lambda_refuses_is_refused() {
    let environment = environment().await;
    let cases = [
        ("", r#"{"events":[]}"#, "Extension.InvalidExtensionName"),
        ("a", "not json", "InvalidRequestFormat"),
        ("a", r#"{"events":["RESTORE"]}"#, "Extension.InvalidEventType"),
        ("a", r#"{"events":["INVOKE","SHUTDOWN"]}"#, "Extension.InvalidEventType"),
    ];
    for (name, body, error_type) in cases {
        let answer = environment.register(name, body).await;
        assert_eq!(
            (answer.status, answer.json()["errorType"].as_str()),
            (StatusCode::FORBIDDEN, Some(error_type))
        );
    }
    for name in ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"] {
        environment.registered(name, json!(["INVOKE"])).await;
        let twice = environment.register(name, r#"{"events":[]}"#).await;
        assert_eq!(twice.json()["errorType"], "Extension.InvalidExtensionState");
    }
    let eleventh = environment.register("10", r#"{"events":[]}"#).await;
    assert_eq!(eleventh.json()["errorType"], "Extension.TooManyExtensions");
    let invocation = environment.invoke();
    environment.poll_as_runtime().await.unwrap();
    let late = environment.register("late", r#"{"events":[]}"#).await;
    assert_eq!(late.json()["errorType"], "Extension.RegistrationClosed");
    for (id, error_type) in [
        ("", "Extension.MissingExtensionIdentifier"),
        ("me", "Extension.InvalidExtensionIdentifier"),
        ("00000000-0000-4000-8000-000000000000", "Extension.UnknownExtensionIdentifier"),
    ] {
        let answer = environment.poll(id).await.unwrap();
        assert_eq!(
            (answer.status, answer.json()["errorType"].as_str()),
            (StatusCode::FORBIDDEN, Some(error_type))
        );
    }
    environment.answer().await;
    invocation.await.unwrap().unwrap();
}

#[tokio::test]
async fn an_extension_that_fails_ends_the_start_or_the_invocation() {
    let cases = [("init", "", "Oh"), ("exit", r#"{"errorType":"Named","errorMessage":"no"}"#, "Named")];
    for (stage, body, error_type) in cases {
        let environment = environment().await;
        let id = environment.registered("inside", json!(["INVOKE"])).await;
        let nameless = environment.fail(stage, &id, "", body).await;
        assert_eq!(nameless.json()["errorType"], "Extension.MissingHeader");
        assert!(!environment.api.has_failed());
        let invocation = environment.invoke();
        assert_eq!(environment.fail(stage, &id, "Oh", body).await.status, StatusCode::ACCEPTED);
        assert_eq!(invocation.await.unwrap().unwrap_err().error_type, error_type);
        assert_eq!(environment.api.started().await.unwrap_err().error_type, error_type);
        assert!(environment.api.has_failed());
        assert_eq!(environment.poll_as_runtime().await.unwrap().status, StatusCode::GONE);
    }
}
