//! Tasks after their call: waited for, cancelled, retried.

use serde_json::{Value, json};

use crate::cloud::{Api, End, KEY, OTHER};

const CHAT: &str = "api-flows-create";
const UNKNOWN: &str = "0192f0c4-7c1e-7a57-9d0a-51a4d3f0c2bb";

#[tokio::test]
async fn a_poll_may_wait_for_the_end() {
    let api = Api::start().await;
    let task = api.queue(&api.create(CHAT).await).await;
    let path = format!("/api/v1/task/{task}");
    let reply = api.get(&format!("{path}?wait=0.2")).await;
    assert_eq!((reply.status, &reply.json()["status"]), (200, &json!("PENDING")));
    assert_eq!(reply.headers["retry-after"], "1");

    let waiting = format!("{path}?wait=20");
    let (reply, ()) =
        tokio::join!(api.get(&waiting), api.finish(&task, End::Result(json!({"text": "done"}))));
    assert_eq!(
        (&reply.json()["status"], &reply.json()["result"]["text"]),
        (&json!("SUCCESS"), &json!("done"))
    );
    assert!(!reply.headers.contains_key("retry-after"));
}

#[tokio::test]
async fn what_cannot_be_waited_for_is_refused() {
    let api = Api::start().await;
    let task = api.queue(&api.create(CHAT).await).await;
    for wait in ["-1", "20.1", "NaN", "", "soon"] {
        let reply = api.get(&format!("/api/v1/task/{task}?wait={wait}")).await;
        assert_eq!((reply.status, &reply.json()["detail"][0]["loc"]), (422, &json!(["query", "wait"])));
    }
    for (task, key) in [(UNKNOWN, KEY), ("nope", KEY), (task.as_str(), OTHER)] {
        let reply = api.send("GET", &format!("/api/v1/task/{task}?wait=20"), key, "", "").await;
        assert_eq!((reply.status, reply.json()), (404, json!({"detail": "Task not found"})));
    }
}

#[tokio::test]
async fn an_open_task_can_be_cancelled_either_way() {
    let api = Api::start().await;
    let flow = api.create(CHAT).await;
    for running in [false, true] {
        for (method, suffix) in [("DELETE", ""), ("POST", "/cancel")] {
            let task = api.queue(&flow).await;
            if running {
                api.claim(&task).await;
            }
            let path = format!("/api/v1/task/{task}{suffix}");
            let reply = api.send(method, &path, KEY, "", "").await;
            let answer = reply.json();
            assert_eq!(
                (reply.status, &answer["state"], &answer["task_id"]),
                (200, &json!("cancelled"), &json!(task))
            );
            assert_eq!((&answer["status"], &answer["result"]), (&json!("FAILURE"), &json!("cancelled")));
            assert_eq!(api.get(&format!("/api/v1/task/{task}")).await.json(), answer);
            let again = api.send(method, &path, KEY, "", "").await;
            let detail = "The task has already ended: it is cancelled";
            assert_eq!((again.status, again.json()), (409, json!({"detail": detail})));
        }
    }
}

#[tokio::test]
async fn what_has_ended_or_is_not_there_cannot_be_cancelled() {
    let api = Api::start().await;
    let flow = api.create(CHAT).await;
    for (end, state) in
        [(End::Result(json!({"text": "done"})), "succeeded"), (End::Error("upstream", "no model"), "failed")]
    {
        let task = api.queue(&flow).await;
        api.finish(&task, end).await;
        let path = format!("/api/v1/task/{task}");
        let before = api.get(&path).await.json();
        let reply = api.delete(&path).await;
        let detail = format!("The task has already ended: it is {state}");
        assert_eq!((reply.status, reply.json()), (409, json!({"detail": detail})));
        assert_eq!(api.get(&path).await.json(), before);
    }
    let open = api.queue(&flow).await;
    for (task, key) in [(UNKNOWN, KEY), ("nope", KEY), (open.as_str(), OTHER)] {
        for (method, suffix) in [("DELETE", ""), ("POST", "/cancel"), ("POST", "/retry")] {
            let reply = api.send(method, &format!("/api/v1/task/{task}{suffix}"), key, "", "").await;
            assert_eq!((reply.status, reply.json()), (404, json!({"detail": "Task not found"})), "{method}");
        }
    }
    assert_eq!(api.get(&format!("/api/v1/task/{open}")).await.json()["state"], "queued");
}

#[tokio::test]
async fn a_failed_task_can_be_retried_as_a_new_one() {
    let api = Api::start().await;
    let task = api.queue(&api.create(CHAT).await).await;
    api.finish(&task, End::Error("upstream", "no model")).await;
    let path = format!("/api/v1/task/{task}/retry");
    let retry = async || api.with_headers("POST", &path, &[("idempotency-key", "k")], &Value::Null).await;
    let reply = retry().await;
    let answer = reply.json();
    assert_eq!(reply.status, 200, "{}", reply.text);
    let new = answer["task"]["id"].as_str().unwrap();
    let session = api.get(&format!("/api/v1/task/{task}")).await.json()["session_id"].clone();
    let expected = json!({"result": null, "status": "PENDING",
        "task": {"id": new, "href": format!("api/v1/task/{new}")}, "session_id": session,
        "backend": "celery", "retry_of": task});
    assert_eq!(answer, expected);
    assert_ne!(new, task);
    assert_eq!(api.messages().last(), Some(&json!({"v": 1, "tenant": "acme", "task": new})));
    assert_eq!(retry().await.json(), answer);
    assert_eq!(api.messages().len(), 2);
    let view = api.get(&format!("/api/v1/task/{new}")).await.json();
    assert_eq!((&view["state"], &view["origin"]), (&json!("queued"), &json!(task)));
    assert_eq!(api.get(&format!("/api/v1/task/{task}")).await.json()["state"], "failed");
}

#[tokio::test]
async fn only_a_failed_task_can_be_retried() {
    let api = Api::start().await;
    let flow = api.create(CHAT).await;
    let tasks =
        [api.queue(&flow).await, api.queue(&flow).await, api.queue(&flow).await, api.queue(&flow).await];
    api.claim(&tasks[1]).await;
    api.finish(&tasks[2], End::Result(json!({}))).await;
    api.delete(&format!("/api/v1/task/{}", tasks[3])).await;
    for (task, state) in tasks.iter().zip(["queued", "running", "succeeded", "cancelled"]) {
        let reply = api.post(&format!("/api/v1/task/{task}/retry"), json!(null)).await;
        let detail = format!("Only a failed task can be retried; this one is {state}");
        assert_eq!((reply.status, reply.json()), (409, json!({"detail": detail})));
    }
    // What its caller waited for is not kept.
    let failed = api.post(&format!("/api/v1/process/{flow}"), json!({})).await;
    let id = failed.headers["x-millrace-task"].to_str().unwrap();
    assert_eq!(api.post(&format!("/api/v1/task/{id}/retry"), json!(null)).await.status, 409);
}

#[tokio::test]
async fn a_tenant_has_one_secret_for_its_callbacks() {
    let api = Api::start().await;
    let secret = async |key| {
        let reply = api.send("GET", "/api/v1/callback_secret", key, "", "").await;
        assert_eq!(reply.status, 200);
        reply.json()["secret"].as_str().unwrap().to_owned()
    };
    let ours = secret(KEY).await;
    // 32 bytes in base64.
    assert_eq!(ours.strip_prefix("whsec_").map(str::len), Some(44));
    assert_eq!(secret(KEY).await, ours);
    assert_ne!(secret(OTHER).await, ours);
}
