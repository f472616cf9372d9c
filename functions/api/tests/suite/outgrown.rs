//! Calls that are not waited for to their end.

use std::time::Duration;

use millrace_outbound::OutboundConfig;
use millrace_runner::RunnerConfig;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::cloud::{Api, End, event_text};

const ECHO: &str = "api-flows-create-chat";
/// Where the model of `api-flows-create` is.
const PROVIDER: &str = "http://127.0.0.1:7861";

/// An API that waits for runs hardly at all, and a flow whose model never answers.
async fn impatient() -> (Api, TcpListener, String) {
    let config = RunnerConfig { sync_timeout: Duration::from_millis(50), ..RunnerConfig::default() };
    let outbound = OutboundConfig { allow_loopback: true, ..OutboundConfig::default() };
    let api = Api::with(config, outbound).await;
    // It listens and never accepts: a request to it is sent and not answered.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", silent.local_addr().unwrap());
    let answer = api.event(&event_text("api-flows-create").replace(PROVIDER, &address)).await;
    let flow: Value = serde_json::from_str(answer["body"].as_str().unwrap()).unwrap();
    (api, silent, flow["id"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn a_call_that_takes_too_long_is_answered_as_a_queued_one() {
    let (api, _silent, flow) = impatient().await;
    let path = format!("/api/v1/process/{flow}");
    let body = json!({"inputs": {"text": "hi"}, "session_id": "mine"});
    let key = [("idempotency-key", "k")];
    let reply = api.with_headers("POST", &path, &key, &body).await;
    let id = reply.headers["x-millrace-task"].to_str().unwrap();
    let expected = json!({"result": null, "status": "PENDING",
        "task": {"id": id, "href": format!("api/v1/task/{id}")}, "session_id": "mine", "backend": "celery"});
    assert_eq!((reply.status, reply.json()), (200, expected));
    assert_eq!(api.messages(), [json!({"v": 1, "tenant": "acme", "task": id})]);
    let again = api.with_headers("POST", &path, &key, &body).await;
    assert_eq!((again.status, again.json()), (200, reply.json()));

    api.finish(id, End::Result(json!({"text": "done"}))).await;
    let ended = api.with_headers("POST", &path, &key, &body).await.json();
    assert_eq!((&ended["result"], &ended["backend"]), (&json!({"text": "done"}), &json!("anyio")));
    assert_eq!(ended["task"]["id"], id);
}

#[tokio::test]
async fn a_1_x_call_that_takes_too_long_is_202_with_its_task() {
    let (api, silent, _) = impatient().await;
    let drawn = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/flows/v1_openai_model/flow.json");
    let address = format!("http://{}", silent.local_addr().unwrap());
    let drawn = std::fs::read_to_string(drawn).unwrap().replace("{provider}", &address);
    let drawn: Value = serde_json::from_str(&drawn).unwrap();
    let flow = api.post("/api/v1/flows/", json!({"name": "slow", "data": drawn["data"]})).await.json();
    let flow = flow["id"].as_str().unwrap();
    for query in ["", "?stream=true"] {
        let reply = api.post(&format!("/api/v1/run/{flow}{query}"), json!({"input_value": "hello"})).await;
        let id = reply.headers["x-millrace-task"].to_str().unwrap();
        let expected = json!({"session_id": flow, "outputs": [],
            "task": {"id": id, "href": format!("api/v1/task/{id}")}});
        assert_eq!((reply.status, reply.json()), (202, expected));
        assert_eq!(api.messages().last().unwrap()["task"], id);
    }
}

#[tokio::test]
async fn a_run_with_no_journal_is_ended_when_its_time_is_up() {
    let (api, _silent, flow) = impatient().await;
    let body = json!({"inputs": {"text": "hi"}, "journal": "off"});
    let reply = api.post(&format!("/api/v1/process/{flow}"), body).await;
    assert_eq!(reply.status, 504, "{}", reply.text);
    assert!(api.messages().is_empty());
}

#[tokio::test]
async fn a_1_x_call_is_queued_where_the_caller_asks_for_it() {
    let api = Api::start().await;
    let flow = api.create(ECHO).await;
    for query in ["", "?stream=true"] {
        let path = format!("/api/v1/run/{flow}{query}");
        let reply = api.post(&path, json!({"input_value": "hello", "sync": false})).await;
        let id = reply.headers["x-millrace-task"].to_str().unwrap();
        let expected = json!({"session_id": flow, "outputs": [],
            "task": {"id": id, "href": format!("api/v1/task/{id}")}});
        assert_eq!((reply.status, reply.json()), (202, expected));
        assert!(reply.headers["content-type"].to_str().unwrap().starts_with("application/json"));
        assert_eq!(api.messages().last().unwrap()["task"], id);
        assert_eq!(api.get(&format!("/api/v1/task/{id}")).await.json()["state"], "queued");
    }
}
