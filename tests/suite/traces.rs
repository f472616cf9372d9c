//! A trace from the request over the message to the provider, and its spans at a collector.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use millrace_runner::ExporterConfig;
use reqwest::Method;
use serde_json::{Value as Json, json};

use crate::durability::{process_path, until};
use crate::stack::{Answer, KEY, Setup, Stack, send};
use crate::usage::{queued, work};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const CALLER: &str = "00f067aa0ba902b7";

/// The headers and bodies of what was sent to a collector.
type Taken = Arc<Mutex<Vec<(HeaderMap, Json)>>>;

/// A collector that answers with a status.
async fn collector(status: StatusCode) -> (ExporterConfig, Taken) {
    async fn take(
        State((taken, status)): State<(Taken, StatusCode)>,
        headers: HeaderMap,
        body: axum::body::Bytes,
    ) -> StatusCode {
        taken.lock().unwrap().push((headers, serde_json::from_slice(&body).unwrap()));
        status
    }
    let taken = Taken::default();
    let socket = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}/otlp/", socket.local_addr().unwrap());
    let router = Router::new().route("/otlp/v1/traces", post(take)).with_state((taken.clone(), status));
    tokio::spawn(async move { axum::serve(socket, router).await });
    let headers = vec![("x-collector-key".to_owned(), "k-1".to_owned())];
    (ExporterConfig { endpoint, headers }, taken)
}

/// The spans of a trace that a collector took.
fn spans(taken: &Taken, trace: &str) -> Vec<Json> {
    let taken = taken.lock().unwrap();
    let all =
        taken.iter().flat_map(|(_, body)| body["resourceSpans"][0]["scopeSpans"][0]["spans"].as_array());
    all.flatten().filter(|span| span["traceId"] == trace).cloned().collect()
}

fn named<'a>(spans: &'a [Json], name: &str) -> &'a Json {
    spans.iter().find(|span| span["name"] == name).unwrap_or_else(|| panic!("no span {name}: {spans:?}"))
}

async fn call(stack: &Stack, path: &str, sync: bool, traceparent: Option<&str>) -> Answer {
    let mut request = stack.request(Method::POST, path).header("x-api-key", KEY);
    if let Some(traceparent) = traceparent {
        request = request.header("traceparent", traceparent);
    }
    send(request.json(&json!({"inputs": {"text": "hi"}, "sync": sync}))).await
}

fn traceparent() -> String {
    format!("00-{TRACE}-{CALLER}-01")
}

/// Version, trace, span and flags.
fn parts(traceparent: &str) -> Vec<&str> {
    traceparent.split('-').collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trace_goes_from_the_request_over_the_message_to_the_provider() {
    let stack = Stack::without_worker().await;
    let path = process_path(&stack, "chat_prompt").await;
    assert_eq!(call(&stack, &path, true, Some(&traceparent())).await.status, 200);

    let task = queued(&call(&stack, &path, false, Some(&traceparent())).await);
    let messages = stack.message_attributes().await;
    // Nobody collects spans, so that the caller's is the one before.
    assert_eq!(messages[0]["traceparent"], traceparent());
    let x_ray = format!("Root=1-{}-{};Parent={CALLER};Sampled=1", &TRACE[..8], &TRACE[8..]);
    assert_eq!(messages[0]["AWSTraceHeader"], x_ray);
    work(&stack.runner, &task).await;

    let seen = stack.provider.seen();
    let told: Vec<_> = seen.iter().map(|seen| parts(seen.traceparent.as_deref().unwrap())).collect();
    for told in &told {
        assert_eq!((told[0], told[1], told[3]), ("00", TRACE, "01"));
        assert_ne!(told[2], CALLER, "the effect has a span of its own");
    }
    assert_eq!(told.len(), 2);
    assert_ne!(told[0][2], told[1][2]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_nobody_traces_tells_nobody() {
    let stack = Stack::without_worker().await;
    let path = process_path(&stack, "chat_prompt").await;
    for wrong in [
        None,
        Some("00-0-0-01"),
        Some("no trace"),
        Some("00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01"),
    ] {
        assert_eq!(call(&stack, &path, true, wrong).await.status, 200);
        let task = queued(&call(&stack, &path, false, wrong).await);
        work(&stack.runner, &task).await;
    }
    assert!(stack.provider.seen().iter().all(|seen| seen.traceparent.is_none()));
    for message in stack.message_attributes().await {
        assert!(
            !message.contains_key("traceparent") && !message.contains_key("AWSTraceHeader"),
            "{message:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn spans_of_a_queued_call_hang_together() {
    let (config, taken) = collector(StatusCode::OK).await;
    let stack = Stack::with(Setup { collector: Some(config), ..Setup::default() }).await;
    let path = process_path(&stack, "chat_prompt").await;
    let task = queued(&call(&stack, &path, false, Some(&traceparent())).await);
    assert_eq!(stack.ended(&task).await["status"], "SUCCESS");
    until("the spans do not come", async || spans(&taken, TRACE).len() >= 3).await;

    let all = spans(&taken, TRACE);
    let (request, run) = (named(&all, "POST /api/v1/process/{flow_id}"), named(&all, "run"));
    let effect = all.iter().find(|span| span["kind"] == 3).unwrap();
    assert_eq!((all.len(), &request["kind"], &run["kind"]), (3, &json!(2), &json!(5)));
    assert_eq!(request["parentSpanId"], CALLER);
    assert_eq!(run["parentSpanId"], request["spanId"]);
    assert_eq!(effect["parentSpanId"], run["spanId"]);
    // What the provider was told is the effect's own span.
    let told = stack.provider.seen()[0].traceparent.clone().unwrap();
    assert_eq!(json!(parts(&told)[2]), effect["spanId"]);
    let model = json!({"key": "gen_ai.request.model", "value": {"stringValue": "gpt-3.5-turbo"}});
    assert!(effect["attributes"].as_array().unwrap().contains(&model), "{effect}");
    let of_task = json!({"key": "millrace.task_id", "value": {"stringValue": task}});
    assert!(run["attributes"].as_array().unwrap().contains(&of_task), "{run}");
    for span in &all {
        let time = |name: &str| span[name].as_str().unwrap().parse::<u128>().unwrap();
        assert!(time("startTimeUnixNano") <= time("endTimeUnixNano"), "{span}");
    }
    assert_eq!(taken.lock().unwrap()[0].0["x-collector-key"], "k-1");
    let text = format!("{:?}", taken.lock().unwrap().iter().map(|(_, body)| body).collect::<Vec<_>>());
    assert!(!text.contains("sk-operator") && !text.contains(KEY), "a span holds a key");
}

/// Where spans are collected a trace begins here, unless the caller wants none of its trace to be kept.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trace_begins_here_where_spans_are_collected() {
    let (config, taken) = collector(StatusCode::OK).await;
    let stack = Stack::with(Setup { collector: Some(config), ..Setup::default() }).await;
    let path = process_path(&stack, "chat_prompt").await;
    let not_sampled = format!("00-{TRACE}-{CALLER}-00");
    assert_eq!(call(&stack, &path, true, Some(&not_sampled)).await.status, 200);
    assert_eq!(call(&stack, &path, true, None).await.status, 200);
    let seen = stack.provider.seen();
    let told: Vec<_> = seen.iter().map(|seen| parts(seen.traceparent.as_deref().unwrap())).collect();
    assert_eq!((told[0][1], told[0][3]), (TRACE, "00"), "the decision of the caller is passed on");
    assert_ne!(told[1][1], TRACE);
    until("the spans do not come", async || spans(&taken, told[1][1]).len() >= 3).await;
    assert_eq!(spans(&taken, TRACE), Vec::<Json>::new());
}

/// A collector that is not there, or refuses, takes nothing from a call.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_that_fails_costs_no_call() {
    let (refusing, taken) = collector(StatusCode::SERVICE_UNAVAILABLE).await;
    let socket = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let nobody =
        ExporterConfig { endpoint: format!("http://{}", socket.local_addr().unwrap()), headers: Vec::new() };
    drop(socket);
    for config in [refusing, nobody] {
        let stack = Stack::with(Setup { collector: Some(config), ..Setup::default() }).await;
        let path = process_path(&stack, "chat_prompt").await;
        assert_eq!(call(&stack, &path, true, None).await.status, 200);
        let task = queued(&call(&stack, &path, false, None).await);
        assert_eq!(stack.ended(&task).await["status"], "SUCCESS");
    }
    assert!(!taken.lock().unwrap().is_empty());
}
