//! API keys over HTTP.

use serde_json::json;

use crate::cloud::{Api, KEY, OTHER};

#[tokio::test]
async fn a_key_is_shown_once_and_works() {
    let api = Api::start().await;
    let created = api.post("/api/v1/api_key/", json!({"name": "laptop"})).await;
    assert_eq!(created.status, 200);
    let key = created.json();
    let names: Vec<_> = key.as_object().unwrap().keys().map(String::as_str).collect();
    let expected =
        ["name", "created_at", "last_used_at", "total_uses", "is_active", "id", "api_key", "user_id"];
    assert_eq!(names, expected);
    let text = key["api_key"].as_str().unwrap();
    assert!(text.starts_with("sk-"));

    assert_eq!(api.send("GET", "/api/v1/flows/", text, "", "").await.status, 200);
    let listed = api.get("/api/v1/api_key/").await;
    assert!(!listed.text.contains(text));
    let listed = listed.json();
    assert_eq!((&listed["total_count"], &listed["user_id"]), (&json!(2), &key["user_id"]));
    assert_eq!(
        listed["api_keys"][1]["api_key"].as_str().unwrap().get(..9),
        Some(format!("{}*", &text[..8]).as_str())
    );
}

#[tokio::test]
async fn a_deleted_key_is_refused() {
    let api = Api::start().await;
    let key = api.post("/api/v1/api_key/", json!({"name": "laptop"})).await.json();
    let path = format!("/api/v1/api_key/{}", key["id"].as_str().unwrap());
    let delete = async |caller: &str| api.send("DELETE", &path, caller, "", "").await;
    assert_eq!(delete(OTHER).await.status, 404);
    assert_eq!(delete(KEY).await.json(), json!({"detail": "API Key deleted"}));
    let again = delete(KEY).await;
    assert_eq!((again.status, again.json()), (404, json!({"detail": "API Key not found"})));
    assert_eq!(api.send("GET", "/api/v1/flows/", key["api_key"].as_str().unwrap(), "", "").await.status, 403);
}

#[tokio::test]
async fn the_header_s_key_beats_the_query_s() {
    let api = Api::start().await;
    for (header, query, status) in [(KEY, "bad", 200), ("bad", KEY, 403), ("", KEY, 200), ("", "bad", 403)] {
        // This store takes any text as a key, so that a bad one is looked up and not found.
        let path = format!("/api/v1/flows/?x-api-key={query}");
        assert_eq!(api.send("GET", &path, header, "", "").await.status, status, "{header:?} {query:?}");
    }
}

#[tokio::test]
async fn a_key_has_a_name() {
    let api = Api::start().await;
    let reply = api.post("/api/v1/api_key/", json!({})).await;
    assert_eq!((reply.status, &reply.json()["detail"][0]["loc"]), (422, &json!(["body", "name"])));
}
