//! Requests: their bodies, forms, and whole, through the router and the functions over a cloud in this process.

use std::sync::{Arc, OnceLock};

use axum::Router;
use axum::body::Body;
use http::{HeaderName, HeaderValue, Method, Request};
use http_body_util::BodyExt;
use millrace_api::{App, fuzzing, handle, router};
use millrace_local::{LocalCloud, LocalConfig};
use millrace_outbound::{Outbound, OutboundConfig};
use millrace_runner::{Runner, RunnerConfig};
use millrace_store::{
    FlowDraft, MasterKey, Store, StoreConfig, SystemHost, TenantId, create_table_if_absent,
};
use serde_json::{Value as Json, json};
use tokio::runtime::Runtime;
use tower::ServiceExt;

use super::halves;
use crate::Target;

pub(super) const JSON: Target = Target::of("json", json_text).words(&[
    "{\"",
    "\":",
    "[",
    "]",
    "\\ud83d\\ude00",
    "\\ud800",
    "1e5",
    "-0",
    "1.0E+2",
    "Infinity",
    "\u{feff}",
]);

/// A body is what `serde_json` makes of it, or is refused at a place that is in it.
fn json_text(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let expected = serde_json::from_str::<Json>(text);
    match fuzzing::json(text) {
        Ok(value) => {
            assert!(depth(&value) <= fuzzing::MAX_DEPTH);
            assert_eq!(expected.ok(), Some(value));
        }
        Err(offset) => {
            assert!(offset <= text.chars().count(), "at {offset}");
            assert!(expected.is_err() || expected.is_ok_and(|value| depth(&value) > fuzzing::MAX_DEPTH));
        }
    }
    let refused = fuzzing::uuid(text).is_some();
    assert!(refused || (32..=45).contains(&text.len()));
}

fn depth(value: &Json) -> usize {
    match value {
        Json::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Json::Object(fields) => 1 + fields.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

const FORM_WORDS: &[&str] = &[
    "--b\r\n",
    "--b--\r\n",
    "\r\n\r\n",
    "Content-Disposition: form-data; name=\"file\"; filename=\"a.json\"",
    "Content-Type: text/plain; charset=utf-8",
    "name=",
    "filename*=utf-8''a",
    "multipart/form-data; boundary=b",
    "tweaks",
    "input_value",
];

pub(super) const FORM: Target = Target::of("form", form).words(FORM_WORDS);

/// A content type in the first line, and a form.
fn form(input: &[u8]) {
    let end = input.iter().position(|byte| *byte == b'\n').unwrap_or(input.len());
    let content_type = String::from_utf8_lossy(&input[..end]);
    let body = input.get(end + 1..).unwrap_or_default().to_vec();
    let size = body.len();
    let parts = stack().runtime.block_on(fuzzing::form(&content_type, body.into()));
    assert!(
        parts.unwrap_or_default().iter().map(|part| part.len()).sum::<usize>() <= size,
        "parts are parts of it"
    );
}

pub(super) const REQUEST: Target = Target::of("request", request).limits(32 << 10, 4_000, 512).words(&[
    "GET ",
    "POST ",
    "PATCH ",
    "DELETE ",
    "/api/v1/process/FLOW",
    "/api/v1/predict/FLOW",
    "/api/v1/process/preload/FLOW",
    "/api/v1/run/FLOW",
    "/api/v1/run/echo",
    "/api/v1/task/",
    "/cancel",
    "/retry",
    "/api/v1/tasks",
    "/api/v1/flows/",
    "/api/v1/flows/batch/",
    "/api/v1/flows/upload/",
    "/api/v1/flows/download/",
    "/api/v1/flows/FLOW",
    "/api/v1/upload/FLOW",
    "/api/v1/api_key/",
    "/api/v1/callback_secret",
    "/health",
    "?stream=true",
    "?wait=0",
    "?limit=1",
    "?cursor=",
    "?state=failed",
    "?presigned=true",
    "\ncontent-type: application/json",
    "\ncontent-type: multipart/form-data; boundary=b",
    "\nidempotency-key: k",
    "\n\n",
    "\"inputs\"",
    "\"tweaks\"",
    "\"sync\"",
    "\"session_id\"",
    "\"clear_cache\"",
    "\"input_value\"",
    "\"input_type\"",
    "\"output_type\"",
    "\"output_component\"",
    "\"timeout\"",
    "\"journal\"",
    "\"callback_url\"",
    "\"name\"",
    "\"data\"",
    "\"nodes\"",
    "\"edges\"",
    "\"endpoint_name\"",
    "\"flows\"",
    "\"file_name\"",
    "\"size\"",
    "\"sha256\"",
    "false",
    "1e2",
]);

/// A method and a target, headers in lines, an empty line, and a body; `FLOW` stands for a flow that is there.
fn request(input: &[u8]) {
    let stack = stack();
    let end = input.windows(2).position(|pair| pair == b"\n\n").unwrap_or(input.len());
    let head = String::from_utf8_lossy(&input[..end]).replace("FLOW", &stack.flow);
    let body = String::from_utf8_lossy(input.get(end + 2..).unwrap_or_default()).replace("FLOW", &stack.flow);
    let (line, headers) = halves(&head, "\n");
    let (method, target) = halves(line, " ");
    let Ok(mut request) = Request::builder().method(method).uri(target).body(Body::from(body)) else {
        return;
    };
    // A socket would not have let these through.
    if request.uri().path_and_query().is_none() || request.method() == Method::CONNECT {
        return;
    }
    request.headers_mut().insert("x-api-key", HeaderValue::from_static(KEY));
    for header in headers.lines().take(8) {
        let (name, value) = halves(header, ": ");
        if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), HeaderValue::from_str(value)) {
            request.headers_mut().append(name, value);
        }
    }
    let status = stack.runtime.block_on(async {
        let answer = match stack.router.clone().oneshot(request).await {
            Ok(answer) => answer,
            Err(never) => match never {},
        };
        let status = answer.status();
        assert!(answer.into_body().collect().await.is_ok(), "an answer can be read");
        status
    });
    assert!(!status.is_server_error(), "{status}");
}

pub(super) const EVENT: Target =
    Target::of("event", event).limits(64 << 10, 4_000, 512).seeds(&["events *.json"]).words(&[
        "version",
        "2.0",
        "rawPath",
        "rawQueryString",
        "headers",
        "cookies",
        "requestContext",
        "http",
        "method",
        "body",
        "isBase64Encoded",
        "host",
        "Records",
        "messageId",
        "receiptHandle",
        "attributes",
        "ApproximateReceiveCount",
        "eventSource",
        "aws:sqs",
        "md5OfBody",
        "pathParameters",
        "stage",
        "$default",
    ]);

/// An event of any function, given to each of them.
fn event(input: &[u8]) {
    let stack = stack();
    stack.runtime.block_on(async {
        let answer = handle(&stack.router, input).await;
        assert!(
            answer.is_err() || answer.is_ok_and(|answer| serde_json::from_slice::<Json>(&answer).is_ok())
        );
        let Ok(event) = serde_json::from_slice::<Json>(input) else { return };
        let _ = millrace_worker::handle_json(&stack.runner, input, None).await;
        if event.get("Records").is_some() {
            let _ = millrace_sweeper::handle(&stack.runner, event, None).await;
        }
    });
}

const KEY: &str = "local-key";

/// The functions over a cloud of their own.
struct Stack {
    runtime: Runtime,
    router: Router,
    runner: Runner,
    flow: String,
    _cloud: LocalCloud,
}

fn stack() -> &'static Stack {
    static STACK: OnceLock<Stack> = OnceLock::new();
    STACK.get_or_init(|| {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.unwrap_or_else(|error| panic!("a runtime: {error}"));
        let (router, runner, flow, cloud) = runtime.block_on(started());
        Stack { runtime, router, runner, flow, _cloud: cloud }
    })
}

async fn started() -> (Router, Runner, String, LocalCloud) {
    // The HTTP client wants a provider, whatever it talks.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let cloud = must(LocalCloud::start(LocalConfig::default()).await);
    must(create_table_if_absent(&cloud.dynamodb_client(), "millrace").await);
    let config = StoreConfig {
        plain_keys: true,
        master_key: MasterKey::local([7; 32]),
        ..StoreConfig::new("millrace", cloud.queue_url())
    };
    let store = Store::new(cloud.dynamodb_client(), cloud.sqs_client(), config, Arc::new(SystemHost))
        .with_bucket(cloud.s3_client(), cloud.bucket());
    let tenant: TenantId = must("default".parse());
    must(store.seed_key(&tenant, KEY, "fuzz").await);
    let flow = must(store.create_flow(&tenant, draft(), Vec::new()).await).id.to_string();
    let outbound = must(Outbound::new(OutboundConfig::default()));
    let runner = Runner::new(store, millrace_components::registry(), outbound, RunnerConfig::default());
    (router(Arc::new(App::new(runner.clone(), 1 << 20))), runner, flow, cloud)
}

/// A flow that says what it is told, without a model.
fn draft() -> FlowDraft {
    let node = |id: &str, kind: &str, template: Json, output: &str| json!({"id": id, "data": {"id": id, "type": kind, "node": {"template": template, "outputs": [{"name": output}]}}});
    let nodes = [
        node(
            "ChatInput-a",
            "ChatInput",
            json!({"_type": "Component", "input_value": {"type": "str", "value": "hi"}}),
            "message",
        ),
        node(
            "ChatOutput-b",
            "ChatOutput",
            json!({"_type": "Component", "input_value": {"type": "str", "value": ""}}),
            "message",
        ),
    ];
    let edge = json!({"source": "ChatInput-a", "target": "ChatOutput-b", "data": {
        "sourceHandle": {"id": "ChatInput-a", "name": "message", "dataType": "ChatInput"},
        "targetHandle": {"id": "ChatOutput-b", "fieldName": "input_value"}}});
    FlowDraft {
        name: "echo".to_owned(),
        description: None,
        data: Some(json!({"nodes": nodes, "edges": [edge]})),
        is_component: false,
        folder: None,
        endpoint_name: Some("echo".to_owned()),
    }
}

fn must<T, E: std::fmt::Display>(made: Result<T, E>) -> T {
    made.unwrap_or_else(|error| panic!("the cloud in this process: {error}"))
}
