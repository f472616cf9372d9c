//! The real binary under Lambda's Runtime and Extensions API: what a synchronous call leaves behind is finished after its
//! answer, in the same process, and not paid for again.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::State;
use axum::routing::post;
use bytes::Bytes;
use millrace_local::{Function, LocalCloud, LocalConfig, Process, ProcessConfig};
use millrace_outbound::{Outbound, OutboundConfig};
use millrace_runner::{Runner, RunnerConfig, Visit};
use millrace_store::{Store, StoreConfig, SystemHost, TaskId, TenantId, create_table_if_absent};
use serde_json::{Value as Json, json};

const KEY: &str = "local-key";
/// A flow of our own whose model is the operator's.
const FLOW: &str = include_str!("../../../../crates/cli/flows/guide.json");
/// What the provider takes: longer than the caller is kept waiting.
const THINKS: Duration = Duration::from_millis(2_500);

/// A provider that thinks before it answers, and counts what it was asked.
async fn provider(asked: Arc<AtomicUsize>) -> String {
    async fn answer(State(asked): State<Arc<AtomicUsize>>) -> axum::Json<Json> {
        asked.fetch_add(1, Ordering::SeqCst);
        tokio::time::sleep(THINKS).await;
        let message = json!({"role": "assistant", "content": "thought about it"});
        axum::Json(json!({"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}))
    }
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    let router = Router::new().route("/v1/chat/completions", post(answer)).with_state(asked);
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

fn binary(cloud: &LocalCloud, provider: &str) -> Process {
    let own = [
        ("MILLRACE_PLAIN_KEYS", "true"),
        ("MILLRACE_ALLOW_LOOPBACK", "true"),
        // Called by nobody: this flow has no secrets.
        ("MILLRACE_KMS_KEY_ID", "alias/millrace"),
        ("MILLRACE_SYNC_SECONDS", "1"),
        ("OPENAI_API_KEY", "sk-test"),
        ("OPENAI_BASE_URL", provider),
    ];
    let own = own.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let environment = cloud.function_env().into_iter().chain(own).collect();
    Process::new(ProcessConfig { environment, ..ProcessConfig::new("api", env!("CARGO_BIN_EXE_api")) })
}

/// A call as an HTTP API hands it to its function.
async fn call(api: &Process, method: &str, path: &str, body: &Json) -> Json {
    let http = json!({"method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1"});
    let event = json!({
        "version": "2.0", "routeKey": "$default", "rawPath": path, "rawQueryString": "",
        "headers": {"content-type": "application/json", "host": "localhost", "x-api-key": KEY},
        "requestContext": {"http": http, "requestId": "r", "routeKey": "$default", "stage": "$default",
            "timeEpoch": 0},
        "body": body.to_string(), "isBase64Encoded": false,
    });
    let answer = api.invoke(Bytes::from(event.to_string())).await.unwrap();
    let answer: Json = serde_json::from_slice(&answer).unwrap();
    assert!(answer["statusCode"].as_u64().unwrap() < 300, "{answer}");
    serde_json::from_str(answer["body"].as_str().unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_in_flight_is_finished_after_the_answer() {
    let asked = Arc::new(AtomicUsize::new(0));
    let provider = provider(asked.clone()).await;
    let cloud = LocalCloud::start(LocalConfig::default()).await.unwrap();
    create_table_if_absent(&cloud.dynamodb_client(), "millrace").await.unwrap();
    let config = StoreConfig {
        plain_keys: true,
        master_key: millrace_store::MasterKey::local([7; 32]),
        ..StoreConfig::new("millrace", cloud.queue_url())
    };
    let store = Store::new(cloud.dynamodb_client(), cloud.sqs_client(), config, Arc::new(SystemHost));
    let tenant: TenantId = "default".parse().unwrap();
    store.seed_key(&tenant, KEY, "the test's").await.unwrap();
    let api = binary(&cloud, &provider);

    let flow = call(&api, "POST", "/api/v1/flows/", &serde_json::from_str(FLOW).unwrap()).await;
    let path = format!("/api/v1/process/{}", flow["id"].as_str().unwrap());
    let answer = call(&api, "POST", &path, &json!({"inputs": {"text": "hi"}})).await;
    assert_eq!((&answer["status"], &answer["result"]), (&json!("PENDING"), &Json::Null), "{answer}");
    let task: TaskId = answer["task"]["id"].as_str().unwrap().parse().unwrap();

    // The flow has but this one model call: the process that was left with it ends the task by itself.
    let started = Instant::now();
    let ended = loop {
        let record = store.task(&tenant, task).await.unwrap().unwrap();
        if record.state.is_terminal() {
            break record;
        }
        assert!(started.elapsed() < Duration::from_secs(20), "{record:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    assert_eq!(ended.result.unwrap()["text"], "thought about it");
    assert_eq!((ended.attempt, asked.load(Ordering::SeqCst)), (1, 1));

    // A message about it, should one come, finds nothing to do.
    let outbound = Outbound::new(OutboundConfig::default()).unwrap();
    let worker = Runner::new(store, millrace_components::registry(), outbound, RunnerConfig::default());
    worker.run_task(&tenant, task, &Visit::default()).await.unwrap();
    assert_eq!(asked.load(Ordering::SeqCst), 1);
    api.stop().await;
}
