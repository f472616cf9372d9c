//! Requests that are sent again under one Idempotency-Key.

use std::time::Duration;

use millrace_store::{Reservation, Reserved};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::cloud::{Api, End, Reply, tenant};

const CHAT: &str = "api-flows-create";
const ECHO: &str = "api-flows-create-chat";

async fn post(api: &Api, path: &str, key: &str, body: Value) -> Reply {
    api.with_headers("POST", path, &[("idempotency-key", key)], &body).await
}

fn id(reply: &Reply) -> String {
    reply.headers["x-millrace-task"].to_str().unwrap().to_owned()
}

#[tokio::test]
async fn the_same_request_is_the_same_task() {
    let api = Api::start().await;
    let flow = api.create(CHAT).await;
    let path = format!("/api/v1/process/{flow}");
    let first = post(&api, &path, "k", json!({"inputs": {"text": "a"}, "sync": false})).await;
    // No session is named, so that every call would make one; the order of fields is the client's affair.
    for path in [path.as_str(), &format!("/api/v1/predict/{flow}")] {
        let again = post(&api, path, "k", json!({"sync": false, "inputs": {"text": "a"}})).await;
        assert_eq!((again.status, again.json()), (200, first.json()));
        assert_eq!(id(&again), id(&first));
    }
    assert_eq!(api.messages().len(), 1);
    api.finish(&id(&first), End::Result(json!({"text": "done"}))).await;
    let late = post(&api, &path, "k", json!({"inputs": {"text": "a"}, "sync": false})).await;
    assert_eq!(late.json(), first.json());
    let other = post(&api, &path, "k2", json!({"inputs": {"text": "a"}, "sync": false})).await;
    assert_ne!(id(&other), id(&first));
}

#[tokio::test]
async fn a_key_is_for_one_request() {
    let api = Api::start().await;
    let (flow, other) = (api.create(CHAT).await, api.create(CHAT).await);
    let path = format!("/api/v1/process/{flow}");
    let body = json!({"inputs": {"text": "a"}, "sync": false});
    post(&api, &path, "k", body.clone()).await;
    for (path, body) in [
        (path.clone(), json!({"inputs": {"text": "b"}, "sync": false})),
        (path.clone(), json!({"inputs": {"text": "a"}, "sync": true})),
        (format!("/api/v1/process/{other}"), body.clone()),
        (format!("/api/v1/run/{flow}"), json!({"sync": false})),
    ] {
        let reply = post(&api, &path, "k", body).await;
        let detail = "The Idempotency-Key was already used for another request";
        assert_eq!((reply.status, reply.json()), (409, json!({"detail": detail})), "{path}");
    }
    assert_eq!(api.messages().len(), 1);
}

#[tokio::test]
async fn a_run_that_was_waited_for_is_not_run_again() {
    let api = Api::start().await;
    let path = format!("/api/v1/run/{}", api.create(ECHO).await);
    let first = post(&api, &path, "k", json!({"input_value": "hello"})).await;
    assert_eq!(first.status, 200, "{}", first.text);
    let again = post(&api, &path, "k", json!({"input_value": "hello"})).await;
    assert_eq!((again.status, again.json(), id(&again)), (200, first.json(), id(&first)));
    let streamed = post(&api, &format!("{path}?stream=true"), "k", json!({"input_value": "hello"})).await;
    let end: Value = serde_json::from_str(streamed.text.trim_end()).unwrap();
    assert_eq!((&end["event"], &end["data"]["result"]), (&json!("end"), &first.json()));
    let listed = api.get("/api/v1/tasks").await.json();
    assert_eq!(listed["tasks"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_failure_is_answered_again_as_it_was() {
    let api = Api::start().await;
    let path = format!("/api/v1/process/{}", api.create(CHAT).await);
    let first = post(&api, &path, "k", json!({"inputs": {"other": 1}})).await;
    let again = post(&api, &path, "k", json!({"inputs": {"other": 1}})).await;
    assert_eq!((first.status, again.status), (400, 400));
    assert_eq!((again.json(), id(&again)), (first.json(), id(&first)));
}

/// A call with `sync` that was made before, by how its task stands now.
#[tokio::test]
async fn a_call_that_went_on_as_a_task_is_answered_by_its_task() {
    let api = Api::start().await;
    let flow = api.create(CHAT).await;
    let path = format!("/api/v1/process/{flow}");
    for (key, end, status) in [
        ("result", End::Result(json!({"text": "done"})), 200),
        ("upstream", End::Error("upstream", "no model"), 502),
        ("exhausted", End::Error("attempts_exhausted", "crashed 5 times"), 500),
        ("timeout", End::Error("timeout", "took too long"), 504),
    ] {
        let body = json!({"inputs": {"text": "a"}, "session_id": "s"});
        let task = api.queue(&flow).await;
        assert_eq!(reserve(&api, &flow, key, &body, &task).await, Reserved::New);
        let open = post(&api, &path, key, body.clone()).await;
        assert_eq!((open.status, &open.json()["status"]), (200, &json!("PENDING")));
        assert_eq!((open.json()["task"]["id"].as_str(), id(&open)), (Some(task.as_str()), task.clone()));
        api.finish(&task, end).await;
        let ended = post(&api, &path, key, body).await;
        assert_eq!((ended.status, id(&ended)), (status, task), "{}", ended.text);
    }
    let task = api.queue(&flow).await;
    reserve(&api, &flow, "cancelled", &json!({}), &task).await;
    api.delete(&format!("/api/v1/task/{task}")).await;
    let cancelled = post(&api, &path, "cancelled", json!({})).await;
    assert_eq!((cancelled.status, cancelled.json()), (409, json!({"detail": "The task was cancelled"})));
}

#[tokio::test]
async fn a_request_whose_first_is_still_being_answered_is_told_to_wait() {
    let api = Api::start().await;
    let flow = api.create(CHAT).await;
    let body = json!({"inputs": {"text": "a"}});
    let unmade = "0192f0c4-7c1e-7a57-9d0a-51a4d3f0c2bb";
    reserve(&api, &flow, "k", &body, unmade).await;
    let reply = post(&api, &format!("/api/v1/process/{flow}"), "k", body).await;
    assert_eq!(reply.status, 409, "{}", reply.text);
    let seconds: u64 = reply.headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=60).contains(&seconds), "{seconds}");
}

#[tokio::test]
async fn a_key_that_is_none_is_refused_before_anything_is_done() {
    let api = Api::start().await;
    let path = format!("/api/v1/process/{}", api.create(CHAT).await);
    let long = "k".repeat(10_000);
    let named = |key| vec![("idempotency-key", key)];
    for headers in [named(""), named(&long), named("a b"), [named("k"), named("k")].concat()] {
        for path in
            [path.as_str(), "/api/v1/run/echo", "/api/v1/task/0192f0c4-7c1e-7a57-9d0a-51a4d3f0c2bb/retry"]
        {
            let reply = api.with_headers("POST", path, &headers, &json!({"sync": false})).await;
            assert_eq!(reply.status, 400, "{path}: {}", reply.text);
            assert!(reply.json()["detail"].as_str().unwrap().contains("Idempotency-Key"), "{}", reply.text);
        }
    }
    assert!(api.messages().is_empty());
}

/// Reserves a key as a call of `/process` that is being answered elsewhere. What a request is hashed from must
/// not change between releases: a client may send again what an older one has taken.
async fn reserve(api: &Api, flow: &str, key: &str, body: &Value, task: &str) -> Reserved {
    let mut body = body.clone();
    body.sort_all_objects();
    let digest = Sha256::digest(format!("process\n{flow}\n{body}"));
    let reservation = Reservation {
        request_hash: digest.iter().map(|byte| format!("{byte:02x}")).collect(),
        task: task.parse().unwrap(),
        session: "s".into(),
        held: Some(Duration::from_secs(60)),
    };
    api.store().reserve(&tenant(), &key.parse().unwrap(), &reservation).await.unwrap()
}
