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
    let langflow_s =
        ["name", "created_at", "last_used_at", "total_uses", "is_active", "id", "api_key", "user_id"];
    assert_eq!(names[..8], langflow_s);
    assert_eq!(names[8..], ["scopes", "expires_at", "requests_per_minute"]);
    assert_eq!(
        (&key["scopes"], &key["expires_at"], &key["requests_per_minute"]),
        (&json!(["run", "read", "deploy", "admin"]), &json!(null), &json!(null))
    );
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

/// Makes a key on these terms, and gives its text and its id.
async fn made(api: &Api, terms: serde_json::Value) -> (String, String) {
    let mut body = json!({"name": "made"});
    body.as_object_mut().unwrap().extend(terms.as_object().unwrap().clone());
    let reply = api.post("/api/v1/api_key/", body).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    let key = reply.json();
    (key["api_key"].as_str().unwrap().to_owned(), key["id"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn a_key_with_run_runs_and_polls_and_does_nothing_else() {
    let api = Api::start().await;
    let flow = api.create("api-flows-create-chat").await;
    let (key, _) = made(&api, json!({"scopes": ["run"]})).await;
    let path = format!("/api/v1/run/{flow}");
    let answer = api.send("POST", &path, &key, r#"{"input_value": "hi"}"#, "application/json").await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let task = answer.headers["x-millrace-task"].to_str().unwrap();
    assert_eq!(api.send("GET", &format!("/api/v1/task/{task}"), &key, "", "").await.status, 200);
    for (method, path, scope) in [
        ("GET", "/api/v1/tasks", "'read'"),
        ("GET", "/api/v1/flows/", "'read'"),
        ("POST", "/api/v1/flows/", "'deploy'"),
        ("GET", "/api/v1/callback_secret", "'admin'"),
        ("POST", "/api/v1/api_key/", "'admin'"),
    ] {
        let refused = api.send(method, path, &key, "", "").await;
        let expected = json!({"detail": format!("This API key lacks the scope {scope}")});
        assert_eq!((refused.status, refused.json()), (403, expected), "{path}");
    }
    let (deployer, _) = made(&api, json!({"scopes": ["deploy"]})).await;
    let refused = api.send("GET", &format!("/api/v1/task/{task}"), &deployer, "", "").await;
    assert_eq!(refused.json()["detail"], "This API key lacks the scope 'run' or 'read'");
}

/// Syntax, then the key with its scopes, then the fields.
#[tokio::test]
async fn a_missing_scope_is_found_after_the_syntax_and_before_the_fields() {
    let api = Api::start().await;
    let (key, _) = made(&api, json!({"scopes": ["read"]})).await;
    for (body, status) in [("{\"inputs\": ", 422), (r#"{"inputs": "x"}"#, 403)] {
        let reply = api.send("POST", "/api/v1/process/x", &key, body, "application/json").await;
        assert_eq!(reply.status, status, "{}", reply.text);
    }
}

#[tokio::test]
async fn a_key_that_is_over_is_told_what_an_unknown_one_is_told() {
    let api = Api::start().await;
    let terms = millrace_store::KeyTerms { expires_at: Some(jiff::Timestamp::now()), ..Default::default() };
    let over = api.store().create_key_with(&crate::cloud::tenant(), "over", &terms).await.unwrap();
    for key in [over.text.as_str(), "unknown"] {
        let reply = api.send("GET", "/api/v1/flows/", key, "", "").await;
        assert_eq!((reply.status, reply.json()), (403, json!({"detail": "Invalid or missing API key"})));
    }
    let listed = api.get("/api/v1/api_key/").await.json();
    assert_eq!(listed["api_keys"][1]["is_active"], false);
    let end: jiff::Timestamp = listed["api_keys"][1]["expires_at"].as_str().unwrap().parse().unwrap();
    assert_eq!(end.as_millisecond(), terms.expires_at.unwrap().as_millisecond());
}

#[tokio::test]
async fn a_rotated_key_is_replaced_on_the_same_terms() {
    let api = Api::start().await;
    let terms = json!({"scopes": ["read"], "expires_in_seconds": 5_000, "requests_per_minute": 50});
    let (old, id) = made(&api, terms).await;
    let path = format!("/api/v1/api_key/{id}/rotate");
    let flows = async |key: &str| api.send("GET", "/api/v1/flows/", key, "", "").await.status;
    assert_eq!(api.send("POST", &path, OTHER, "", "").await.status, 404);
    for (body, kind) in [
        (json!({"grace_seconds": 604_801}), "less_than_equal"),
        (json!({"grace_seconds": -1}), "greater_than_equal"),
        (json!({"grace_seconds": "long"}), "int_parsing"),
    ] {
        let refused = api.post(&path, body).await;
        let fault = refused.json()["detail"][0].clone();
        assert_eq!((refused.status, &fault["type"]), (422, &json!(kind)));
        assert_eq!(fault["loc"], json!(["body", "grace_seconds"]));
    }
    let rotated = api.post(&path, serde_json::Value::Null).await;
    assert_eq!(rotated.status, 200, "{}", rotated.text);
    let new = rotated.json();
    assert_eq!((&new["name"], &new["scopes"]), (&json!("made"), &json!(["read"])));
    assert_eq!((&new["requests_per_minute"], &new["rotated"]), (&json!(50), &json!(id)));
    assert_eq!(new["expires_at"], new["rotated_expires_at"], "the key ends before the day of grace");
    assert_eq!((flows(&old).await, flows(new["api_key"].as_str().unwrap()).await), (200, 200));
    assert_eq!(api.post(&path, json!({})).await.status, 409);

    let (old, id) = made(&api, json!({})).await;
    let path = format!("/api/v1/api_key/{id}/rotate");
    assert_eq!(api.post(&path, json!({"grace_seconds": 0})).await.status, 200);
    assert_eq!(flows(&old).await, 403);
}

#[tokio::test]
async fn requests_over_the_limit_are_429_and_say_when() {
    let api = Api::start().await;
    let (key, _) = made(&api, json!({"requests_per_minute": 3})).await;
    let flows = async || api.send("GET", "/api/v1/flows/", &key, "", "").await;
    let mut served = 0;
    let refused = loop {
        let reply = flows().await;
        if reply.status != 200 {
            break reply;
        }
        served += 1;
    };
    // Should the minute end meanwhile, the next one has three of its own.
    assert!((3..=6).contains(&served), "{served}");
    assert_eq!(refused.status, 429, "{}", refused.text);
    let seconds: u64 = refused.headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=60).contains(&seconds));
    let detail = refused.json()["detail"].as_str().unwrap().to_owned();
    assert!(detail.contains("3 requests") && detail.contains(&format!("{seconds} s")), "{detail}");
    // Another key of the tenant has its own count.
    assert_eq!(api.get("/api/v1/flows/").await.status, 200);
}

/// A key cannot make one that is served more.
#[tokio::test]
async fn a_key_gives_no_higher_rate_than_its_own() {
    let api = Api::start().await;
    let (admin, _) = made(&api, json!({"scopes": ["admin"], "requests_per_minute": 100})).await;
    let make = async |body: serde_json::Value| {
        api.send("POST", "/api/v1/api_key/", &admin, &body.to_string(), "application/json").await
    };
    let refused = make(json!({"name": "more", "requests_per_minute": 101})).await;
    let fault = refused.json()["detail"][0].clone();
    assert_eq!((refused.status, &fault["ctx"]["le"]), (422, &json!(100)));
    let same = make(json!({"name": "same"})).await.json();
    assert_eq!((&same["requests_per_minute"], &same["scopes"]), (&json!(100), &json!(["admin"])));
}

#[tokio::test]
async fn a_name_has_a_limit() {
    let api = Api::start().await;
    for (length, status) in [(255, 200), (256, 422)] {
        let answer = api.post("/api/v1/api_key/", json!({"name": "n".repeat(length)})).await;
        assert_eq!(answer.status, status, "{}", answer.text);
        assert_eq!(answer.text.contains("String should have at most 255 characters"), status == 422);
    }
}
