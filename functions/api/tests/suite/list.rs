//! The list of tasks.

use serde_json::{Value, json};

use crate::cloud::{Api, End, KEY, OTHER};

const CHAT: &str = "api-flows-create";

async fn list(api: &Api, query: &str) -> Value {
    let reply = api.get(&format!("/api/v1/tasks{query}")).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    reply.json()
}

fn ids(page: &Value) -> Vec<String> {
    let tasks = page["tasks"].as_array().unwrap().iter();
    tasks.map(|task| task["task_id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn tasks_are_listed_without_their_results() {
    let api = Api::start().await;
    assert_eq!(list(&api, "").await, json!({"tasks": [], "cursor": null}));
    let flow = api.create(CHAT).await;
    let task = api.queue(&flow).await;
    api.finish(&task, End::Result(json!({"text": "done"}))).await;
    let view = api.get(&format!("/api/v1/task/{task}")).await.json();
    let mut expected = json!({});
    for name in [
        "task_id",
        "flow_id",
        "session_id",
        "state",
        "status",
        "attempt",
        "created_at",
        "started_at",
        "ended_at",
    ] {
        expected[name] = view[name].clone();
    }
    assert_eq!(list(&api, "").await, json!({"tasks": [expected], "cursor": null}));
}

#[tokio::test]
async fn pages_follow_each_other_newest_first() {
    let api = Api::start().await;
    let flow = api.create(CHAT).await;
    let mut queued = Vec::new();
    for _ in 0..5 {
        queued.push(api.queue(&flow).await);
    }
    let all = ids(&list(&api, "").await);
    let (mut sorted, mut expected) = (all.clone(), queued.clone());
    sorted.sort();
    expected.sort();
    assert_eq!(sorted, expected);

    let mut paged = Vec::new();
    let mut query = "?limit=2".to_owned();
    for _ in 0..3 {
        let page = list(&api, &query).await;
        paged.extend(ids(&page));
        let Some(cursor) = page["cursor"].as_str() else { break };
        query = format!("?limit=2&cursor={cursor}");
    }
    assert_eq!(paged, all);
}

#[tokio::test]
async fn flows_and_states_are_filters() {
    let api = Api::start().await;
    let (flow, other) = (api.create(CHAT).await, api.create(CHAT).await);
    let (queued, failed, elsewhere) =
        (api.queue(&flow).await, api.queue(&flow).await, api.queue(&other).await);
    api.finish(&failed, End::Error("upstream", "no model")).await;
    for (query, expected) in [
        (format!("?flow_id={other}"), vec![&elsewhere]),
        (format!("?flow_id={flow}&state=queued"), vec![&queued]),
        ("?state=failed".to_owned(), vec![&failed]),
        ("?state=running".to_owned(), vec![]),
    ] {
        assert_eq!(ids(&list(&api, &query).await).iter().collect::<Vec<_>>(), expected, "{query}");
    }
}

#[tokio::test]
async fn a_cursor_stays_within_its_tenant() {
    let api = Api::start().await;
    let flow = api.create(CHAT).await;
    api.queue(&flow).await;
    api.queue(&flow).await;
    let page = list(&api, "?limit=1").await;
    let cursor = page["cursor"].as_str().unwrap();
    let path = format!("/api/v1/tasks?cursor={cursor}");
    let theirs = api.send("GET", &path, OTHER, "", "").await;
    assert_eq!((theirs.status, theirs.json()), (200, json!({"tasks": [], "cursor": null})));
    for tampered in [format!("{cursor}A"), cursor[1..].to_owned(), cursor.to_lowercase(), "x".into()] {
        let reply = api.send("GET", &format!("/api/v1/tasks?cursor={tampered}"), KEY, "", "").await;
        assert_eq!((reply.status, &reply.json()["detail"][0]["loc"]), (422, &json!(["query", "cursor"])));
    }
}
