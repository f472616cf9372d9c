//! Calls and their tasks over HTTP.

use serde_json::{Value, json};

use crate::cloud::{Api, KEY, OTHER};

const CHAT: &str = "api-flows-create";
const ECHO: &str = "api-flows-create-chat";

#[tokio::test]
async fn an_asynchronous_call_is_queued_and_can_be_polled() {
    let api = Api::start().await;
    let path = format!("/api/v1/process/{}", api.create(CHAT).await);
    let reply = api.post(&path, json!({"inputs": {"text": "hi"}, "sync": "no", "session_id": "mine"})).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    let answer = reply.json();
    let id = answer["task"]["id"].as_str().unwrap();
    let expected = json!({"result": null, "status": "PENDING",
        "task": {"id": id, "href": format!("api/v1/task/{id}")}, "session_id": "mine", "backend": "celery"});
    assert_eq!(answer, expected);
    assert_eq!(reply.headers["x-millrace-task"], id);
    assert_eq!(api.messages(), [json!({"v": 1, "tenant": "acme", "task": id})]);

    let task = api.get(&format!("/api/v1/task/{id}")).await.json();
    assert_eq!(
        (&task["status"], &task["result"], &task["state"]),
        (&json!("PENDING"), &json!(null), &json!("queued"))
    );
    assert_eq!(
        (&task["session_id"], &task["ended_at"], &task["error"]),
        (&json!("mine"), &json!(null), &json!(null))
    );
}

#[tokio::test]
async fn a_call_that_names_no_session_gets_one_of_its_own() {
    let api = Api::start().await;
    let path = format!("/api/v1/process/{}", api.create(CHAT).await);
    let session =
        async |body: Value| api.post(&path, body).await.json()["session_id"].as_str().unwrap().to_owned();
    let first = session(json!({"sync": false})).await;
    let second = session(json!({"sync": false, "session_id": ""})).await;
    assert_ne!(first, second);
    assert_eq!(first.split_once(':').unwrap().1, second.split_once(':').unwrap().1);
}

#[tokio::test]
async fn ids_that_are_unknown_or_foreign_are_404() {
    let api = Api::start().await;
    let path = format!("/api/v1/process/{}", api.create(CHAT).await);
    let answer = api.post(&path, json!({"sync": false})).await.json();
    let task = format!("/api/v1/{}", answer["task"]["href"].as_str().unwrap().trim_start_matches("api/v1/"));
    for (path, key) in [
        (task.as_str(), OTHER),
        ("/api/v1/task/nope", KEY),
        ("/api/v1/task/00000000-0000-0000-0000-000000000000", KEY),
        ("/api/v1/task/%FF", KEY),
    ] {
        let reply = api.send("GET", path, key, "", "").await;
        assert_eq!(reply.status, 404, "{path}");
    }
    assert_eq!(api.get("/api/v1/task/nope").await.json(), json!({"detail": "Task not found"}));
    for id in ["abc", "00000000-0000-0000-0000-000000000000"] {
        let reply = api.post(&format!("/api/v1/process/{id}"), json!({})).await;
        assert_eq!((reply.status, reply.json()), (404, json!({"detail": format!("Flow {id} not found")})));
    }
}

#[tokio::test]
async fn tweaks_that_do_not_fit_make_no_task() {
    let api = Api::start().await;
    let path = format!("/api/v1/process/{}", api.create(CHAT).await);
    for (tweaks, status) in [
        (json!({"NoSuchNode": {"a": 1}}), 400),
        (json!({"ChatOpenAI-1": "x"}), 400),
        (json!({"ChatOpenAI-1": {"code": "import os"}}), 422),
    ] {
        let reply = api.post(&path, json!({"tweaks": tweaks, "sync": false})).await;
        assert_eq!(reply.status, status, "{tweaks}: {}", reply.text);
    }
    assert!(api.messages().is_empty());
}

#[tokio::test]
async fn a_flow_without_data_cannot_be_called() {
    let api = Api::start().await;
    let flow = api.post("/api/v1/flows/", json!({"name": "x"})).await.json();
    let id = flow["id"].as_str().unwrap();
    for sync in [true, false] {
        let reply = api.post(&format!("/api/v1/process/{id}"), json!({"sync": sync})).await;
        assert_eq!((reply.status, reply.json()), (500, json!({"detail": format!("Flow {id} has no data")})));
    }
}

#[tokio::test]
async fn a_failed_run_has_a_task_that_says_so() {
    let api = Api::start().await;
    let data = json!({"nodes": [], "edges": []});
    let flow = api.post("/api/v1/flows/", json!({"name": "x", "data": data})).await.json();
    let reply = api.post(&format!("/api/v1/process/{}", flow["id"].as_str().unwrap()), json!({})).await;
    assert_eq!((reply.status, reply.json()), (500, json!({"detail": "No root vertex found"})));
    let id = reply.headers["x-millrace-task"].to_str().unwrap();
    let task = api.get(&format!("/api/v1/task/{id}")).await.json();
    assert_eq!((&task["status"], &task["result"]), (&json!("FAILURE"), &json!("No root vertex found")));
    let expected = json!({"kind": "flow", "message": "No root vertex found", "retryable": false});
    assert_eq!(task["error"], expected);
}

#[tokio::test]
async fn a_1_x_flow_is_run_by_id_or_name() {
    let api = Api::start().await;
    let id = api.create(ECHO).await;
    for name in [id.as_str(), "echo"] {
        let reply = api.post(&format!("/api/v1/run/{name}"), json!({"input_value": "hello"})).await;
        assert_eq!(reply.status, 200, "{}", reply.text);
        let answer = reply.json();
        assert_eq!(answer["session_id"], id);
        assert_eq!(answer["outputs"][0]["outputs"][0]["results"]["message"]["text"], "hello");
        let task = reply.headers["x-millrace-task"].to_str().unwrap();
        let task = api.get(&format!("/api/v1/task/{task}")).await.json();
        assert_eq!((&task["status"], &task["result"]), (&json!("SUCCESS"), &answer));
    }
    let reply = api.post("/api/v1/run/nobody", json!({})).await;
    assert_eq!((reply.status, reply.json()), (404, json!({"detail": "Flow identifier nobody not found"})));
}

#[tokio::test]
async fn a_stream_has_all_events_at_once() {
    let api = Api::start().await;
    let path = format!("/api/v1/run/{}?stream=true", api.create(ECHO).await);
    let reply = api.post(&path, json!({"input_value": "hello", "session_id": "s"})).await;
    assert!(reply.headers["content-type"].to_str().unwrap().starts_with("text/event-stream"));
    let frames: Vec<Value> =
        reply.text.split_terminator("\n\n").map(|f| serde_json::from_str(f).unwrap()).collect();
    let events: Vec<_> = frames.iter().map(|frame| frame["event"].as_str().unwrap()).collect();
    assert_eq!(events, ["add_message", "add_message", "token", "end"], "{}", reply.text);
    assert_eq!(frames[3]["data"]["result"]["session_id"], "s");

    let flow =
        api.post("/api/v1/flows/", json!({"name": "x", "data": {"nodes": [], "edges": []}})).await.json();
    let path = format!("/api/v1/run/{}", flow["id"].as_str().unwrap());
    let streamed = api.post(&format!("{path}?stream=true"), json!({})).await;
    let frame: Value = serde_json::from_str(streamed.text.trim_end()).unwrap();
    assert_eq!((streamed.status, &frame["event"]), (200, &json!("error")));
    let plain = api.post(&path, json!({})).await;
    let detail: Value = serde_json::from_str(plain.json()["detail"].as_str().unwrap()).unwrap();
    assert_eq!((plain.status, &detail["message"]), (500, &frame["data"]["error"]));
}

#[tokio::test]
async fn either_dialect_s_flow_may_come_to_either_route() {
    let api = Api::start().await;
    let path = format!("/api/v1/process/{}", api.create(ECHO).await);
    let answer = api.post(&path, json!({"inputs": {"input_value": "hello"}})).await.json();
    let outputs = &answer["result"]["outputs"][0]["outputs"];
    assert_eq!(outputs[0]["results"]["message"]["text"], "hello");

    let id = api.create(CHAT).await;
    let reply = api.post(&format!("/api/v1/run/{id}"), json!({"input_value": "hello"})).await;
    let detail: Value = serde_json::from_str(reply.json()["detail"].as_str().unwrap()).unwrap();
    assert_eq!(reply.status, 400);
    assert!(detail["message"].as_str().unwrap().contains("/api/v1/process"), "{detail}");
}

#[tokio::test]
async fn inputs_that_are_missing_are_the_caller_s_fault() {
    let api = Api::start().await;
    let path = format!("/api/v1/process/{}", api.create(CHAT).await);
    for body in [json!(null), json!({}), json!({"inputs": {"other": 1}})] {
        let reply = api.post(&path, body).await;
        assert_eq!(reply.status, 400);
        assert!(reply.json()["detail"].as_str().unwrap().contains("'text'"), "{}", reply.text);
    }
}

#[tokio::test]
async fn a_call_says_where_its_end_is_posted_and_how_it_is_run() {
    let api = Api::start().await;
    let path = format!("/api/v1/process/{}", api.create(CHAT).await);
    let options = json!({"inputs": {"text": "hi"}, "sync": false, "timeout": 60, "journal": "memory",
        "callback_url": "https://example.com/done"});
    let id = api.post(&path, options).await.json()["task"]["id"].as_str().unwrap().to_owned();
    let lease = api.claim(&id).await;
    assert_eq!((lease.mode.as_str(), lease.callback), ("memory", true));
    assert_eq!(lease.deadline.duration_since(lease.started_at).as_secs(), 60);
    let task = api.get(&format!("/api/v1/task/{id}")).await.json();
    assert_eq!(task["callback"], "pending");
    assert!(task["deadline"].is_string(), "{task}");
}

#[tokio::test]
async fn options_that_do_not_fit_make_no_task() {
    let api = Api::start().await;
    let (process, run) = (api.create(CHAT).await, api.create(ECHO).await);
    for (field, value) in [
        ("timeout", json!(0)),
        ("timeout", json!(86_401)),
        ("journal", json!("some")),
        ("callback_url", json!("u".repeat(2_049))),
        ("callback_url", json!("no url")),
        ("callback_url", json!("ftp://example.com/")),
        ("callback_url", json!("http://example.com/")),
        ("callback_url", json!("https://127.0.0.1/")),
        ("callback_url", json!("https://169.254.169.254/latest/meta-data/")),
        ("callback_url", json!("https://user:secret@example.com/")),
    ] {
        for (path, sync) in [
            (format!("/api/v1/process/{process}"), true),
            (format!("/api/v1/process/{process}"), false),
            (format!("/api/v1/run/{run}"), true),
            (format!("/api/v1/run/{run}"), false),
        ] {
            let reply = api.post(&path, json!({"sync": sync, field: value.clone()})).await;
            assert_eq!(reply.status, 422, "{field} {value} {path}: {}", reply.text);
            assert_eq!(reply.json()["detail"][0]["loc"], json!(["body", field]), "{value}");
            assert!(!reply.text.contains("secret") && !reply.headers.contains_key("x-millrace-task"));
        }
    }
    assert!(api.messages().is_empty());
}
