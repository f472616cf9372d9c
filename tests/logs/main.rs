//! Everything that can be logged, with a canary in whatever callers, flows and providers say.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, clippy::expect_used, dead_code)]

#[path = "../suite/observer.rs"]
mod observer;
#[path = "../suite/provider.rs"]
mod provider;
#[path = "../suite/stack.rs"]
mod stack;

mod forms;

use std::io::{Result, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use millrace_runner::logs;
use reqwest::Method;
use serde_json::{Value as Json, json};
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

use forms::found_in;
use provider::Reply;
use stack::{Answer, Setup, Stack, send};

/// Stands in keys, inputs, headers, addresses, names, files and answers.
const CANARY: &str = "kAnArY7f3e91";
const CANARY_KEY: &str = "key-kAnArY7f3e91";

/// Keeps what is logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> Result<()> {
        Ok(())
    }
}

/// The log as it is deployed, at its most talkative; and beside it, whatever our own lines hold before the allowlist is
/// applied to them.
fn listen() -> (Log, Log) {
    let (deployed, raw) = (Log::default(), Log::default());
    let (writer, raw_writer) = (deployed.clone(), raw.clone());
    let unfiltered = tracing_subscriber::fmt::layer().json().with_writer(move || raw_writer.clone());
    // The local cloud is not deployed.
    let ours = |target: &str| target.starts_with("millrace_") && !target.starts_with("millrace_local");
    let unfiltered = unfiltered.with_filter(filter_fn(move |metadata| ours(metadata.target())));
    logs::subscriber("trace", move || writer.clone()).unwrap().with(unfiltered).init();
    (deployed, raw)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_that_anybody_says_is_logged() {
    let (deployed, raw) = listen();
    let stack = Stack::with(Setup { sweeps: Some(Duration::from_millis(50)), ..Setup::default() }).await;
    let tenant = "default".parse().unwrap();
    stack.runner.store().seed_key(&tenant, CANARY_KEY, "a canary's").await.unwrap();

    let flow = create(&stack, stack.drawn("chat_prompt")).await;
    let broken = create(&stack, broken_flow(&stack)).await;
    let mut tasks = Vec::new();
    for flow in [&flow, &broken] {
        for sync in [true, false] {
            for reply in replies() {
                stack.provider.script([Reply::next(reply)]);
                let answer =
                    call(&stack, Method::POST, &format!("/api/v1/process/{flow}"), Some(&body(sync))).await;
                let queued = answer.body["task"]["id"].as_str().map(str::to_owned);
                let task = answer.task().or(queued).unwrap_or_else(|| panic!("{}", answer.body));
                stack.ended(&task).await;
                tasks.push(task);
            }
        }
    }
    hostile_requests(&stack, &flow).await;
    hostile_events(&stack).await;
    tokio::time::sleep(Duration::from_millis(300)).await;

    for (log, name) in [(deployed.text(), "the deployed log"), (raw.text(), "what our lines hold")] {
        assert!(log.lines().count() > 50, "{name} has few lines:\n{log}");
        let found = found_in(&log, CANARY);
        assert!(found.is_empty(), "{name}: {found:#?}");
    }
    follows_a_call(&deployed.text(), tasks.last().unwrap());
}

/// The lines of the api and of the worker name one request.
fn follows_a_call(log: &str, task: &str) {
    let lines: Vec<Json> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of_task = lines.iter().filter(|line| line["fields"]["task_id"] == task);
    let request = |message: &str| {
        let line = of_task.clone().find(|line| line["fields"]["message"] == message);
        line.unwrap_or_else(|| panic!("no line {message:?} of {task}"))["fields"]["request_id"].clone()
    };
    assert!(request("ended").is_string(), "the worker's line names the request");
    assert!(lines.iter().any(|line| {
        line["fields"]["message"] == "request" && line["fields"]["request_id"] == request("ended")
    }));
}

/// What a provider may say: an error that quotes the key, what is no JSON, what breaks off, and an answer.
fn replies() -> Vec<Json> {
    let said = json!({"error": {"message": format!("Incorrect API key provided: sk-{CANARY}")}});
    vec![
        json!({"status": 401, "body": said}),
        json!({"status": 500, "body": format!("<h1>{CANARY}</h1>")}),
        json!({"status": 200, "body": {"choices": CANARY}}),
        json!({"fault": "half"}),
        json!(CANARY),
    ]
}

fn body(sync: bool) -> Json {
    json!({
        "inputs": {"text": CANARY},
        "tweaks": {"ChatOpenAI-1": {"openai_api_key": format!("sk-{CANARY}"), "max_retries": 0}},
        "session_id": CANARY,
        "callback_url": format!("http://127.0.0.1:1/{CANARY}?token={CANARY}"),
        "sync": sync,
    })
}

/// A flow whose model is at an address that holds a secret, and refuses.
fn broken_flow(stack: &Stack) -> Json {
    let text = stack.drawn("chat_prompt").to_string();
    let at = stack.provider.base_url();
    serde_json::from_str(&text.replace(&at, &format!("http://{CANARY}.example/v1/{CANARY}"))).unwrap()
}

async fn create(stack: &Stack, data: Json) -> String {
    let body = json!({"name": CANARY, "description": CANARY, "data": data});
    let answer = call(stack, Method::POST, "/api/v1/flows/", Some(&body)).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    answer.body["id"].as_str().unwrap().to_owned()
}

/// A call with a canary in every header that can hold one.
async fn call(stack: &Stack, method: Method, path: &str, body: Option<&Json>) -> Answer {
    let request = headed(stack.request(method, path));
    match body {
        Some(body) => send(request.json(body)).await,
        None => send(request).await,
    }
}

fn headed(request: reqwest::RequestBuilder) -> reqwest::RequestBuilder {
    let request = request.header("x-api-key", CANARY_KEY).header("authorization", format!("Bearer {CANARY}"));
    let request = request.header("x-langflow-global-var-openai_api_key", CANARY).header("cookie", CANARY);
    request.header("user-agent", CANARY)
}

/// Requests that are refused at each step of their way.
async fn hostile_requests(stack: &Stack, flow: &str) {
    let post = |path: &str| headed(stack.request(Method::POST, path));
    let form = "multipart/form-data; boundary=x";
    let part = format!(
        "--x\r\ncontent-disposition: form-data; name=\"{CANARY}\"; filename=\"{CANARY}\"\r\n\r\n{CANARY}"
    );
    for request in [
        post(&format!("/{CANARY}?{CANARY}={CANARY}")),
        post(&format!("/api/v1/process/{CANARY}?x-api-key={CANARY}")),
        post(&format!("/api/v1/process/{flow}")).header("content-type", "application/json").body(CANARY),
        post(&format!("/api/v1/process/{flow}"))
            .header("idempotency-key", format!("{CANARY}é"))
            .json(&json!({})),
        post(&format!("/api/v1/process/{flow}"))
            .json(&json!({"inputs": [CANARY], "session_id": CANARY.repeat(99)})),
        post(&format!("/api/v1/process/{flow}")).json(&json!({"tweaks": {CANARY: {CANARY: CANARY}}})),
        post(&format!("/api/v1/process/{flow}"))
            .json(&json!({"callback_url": format!("https://10.0.0.1/{CANARY}")})),
        post(&format!("/api/v1/upload/{flow}")).header("content-type", form).body(part.clone()),
        post(&format!("/api/v1/upload/{flow}"))
            .header("content-type", form)
            .body(format!("{part}\r\n--x--\r\n")),
        post("/api/v1/flows/upload/").header("content-type", form).body(part),
        post("/api/v1/flows/").json(&json!({"name": CANARY, "endpoint_name": format!("{CANARY}/")})),
        post("/api/v1/flows/")
            .json(&json!({"name": CANARY, "data": {"nodes": [{"id": CANARY}], "edges": []}})),
        stack.request(Method::GET, "/api/v1/flows/").header("x-api-key", format!("{CANARY}{CANARY}")),
    ] {
        send(request).await;
    }
}

/// Events as nobody should send them.
async fn hostile_events(stack: &Stack) {
    let record =
        |body: String| json!({"messageId": "m-1", "receiptHandle": CANARY, "body": body, "attributes": {}});
    let event =
        json!({"Records": [record(CANARY.into()), record(json!({"v": 1, "tenant": CANARY}).to_string())]});
    let event = event.to_string();
    millrace_worker::handle_json(&stack.runner, event.as_bytes(), None).await.unwrap();
    millrace_sweeper::handle_json(&stack.runner, event.as_bytes(), None).await.unwrap();
    let no_event = json!({"Records": CANARY}).to_string();
    assert!(millrace_worker::handle_json(&stack.runner, no_event.as_bytes(), None).await.is_err());
    assert!(millrace_sweeper::handle_json(&stack.runner, no_event.as_bytes(), None).await.is_err());
    assert!(millrace_api::handle(&stack.router, no_event.as_bytes()).await.is_err());
}
