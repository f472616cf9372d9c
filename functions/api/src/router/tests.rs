//! What is decided before a handler is reached. The store behind it is not there: nothing here may ask it.

use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use axum::body::Body;
use http::header::{ALLOW, CONTENT_TYPE};
use http::{HeaderMap, Method, Request};
use http_body_util::BodyExt;
use millrace_engine::Registry;
use millrace_outbound::{Outbound, OutboundConfig};
use millrace_runner::{Runner, RunnerConfig};
use millrace_store::{Store, StoreConfig, SystemHost};
use serde_json::{Value, json};
use tower::ServiceExt;

use super::*;

const LIMIT: usize = 100_000;
const PROCESS: &str = "/api/v1/process/67e55044-10b1-426f-9247-bb680e5fe0c8";

fn api() -> Router {
    let region = Region::new("eu-central-1");
    let credentials = Credentials::new("test", "test", None, None, "test");
    let nobody = aws_smithy_http_client::Builder::new().build_http();
    let dynamodb = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(region.clone())
        .credentials_provider(credentials.clone())
        .http_client(nobody.clone())
        .endpoint_url("http://127.0.0.1:9");
    let sqs = aws_sdk_sqs::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(region)
        .credentials_provider(credentials)
        .http_client(nobody)
        .endpoint_url("http://127.0.0.1:9");
    let store = Store::new(
        aws_sdk_dynamodb::Client::from_conf(dynamodb.build()),
        aws_sdk_sqs::Client::from_conf(sqs.build()),
        StoreConfig::new("millrace", "http://127.0.0.1:9/queue"),
        Arc::new(SystemHost),
    );
    let outbound = Outbound::new(OutboundConfig::default()).unwrap();
    let runner = Runner::new(store, Registry::new(&[], ""), outbound, RunnerConfig::default());
    router(Arc::new(App::new(runner, LIMIT)))
}

struct Reply {
    status: u16,
    headers: HeaderMap,
    body: Value,
}

async fn send(method: Method, path: &str, key: Option<&str>, body: &str) -> Reply {
    let mut request = Request::builder().method(method).uri(path).header(CONTENT_TYPE, "application/json");
    if let Some(key) = key {
        request = request.header("x-api-key", key);
    }
    let response = api().oneshot(request.body(Body::from(body.to_owned())).unwrap()).await.unwrap();
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    Reply { status, headers, body: serde_json::from_slice(&bytes).unwrap_or_default() }
}

#[test]
fn four_routes_are_open() {
    let open: Vec<_> =
        route_list().iter().filter(|route| route.scopes.is_empty()).map(|route| route.path).collect();
    assert_eq!(open, ["/health", "/api/v1/version", "/openapi.json", "/docs"]);
}

/// Each row by what it does: who adds one has to think of who may call it.
#[test]
fn the_scopes_of_the_rows_are_these() {
    let rows = |scopes: &[Scope]| {
        let rows = route_list().into_iter().filter(|route| route.scopes == scopes);
        rows.map(|route| format!("{} {}", route.method, route.path)).collect::<Vec<_>>()
    };
    assert_eq!(
        rows(&[Scope::Read]),
        [
            "GET /api/v1/tasks",
            "GET /api/v1/usage",
            "GET /api/v1/flows/",
            "GET /api/v1/flows/download/",
            "GET /api/v1/flows/{flow_id}"
        ]
    );
    assert_eq!(rows(&[Scope::Run, Scope::Read]), ["GET /api/v1/task/{task_id}"]);
    let of_flows = |row: &String| row.contains("/flows/") && !row.starts_with("GET");
    assert!(rows(&[Scope::Deploy]).iter().all(|row| of_flows(row) || row.contains("/variables/")));
    assert!(rows(&[Scope::Run]).iter().all(|row| !row.starts_with("GET")));
    let admin = rows(&[Scope::Admin]);
    assert!(admin.iter().all(|row| row.contains("/api_key/") || row.contains("/callback_secret")));
    assert_eq!((rows(&[Scope::Run]).len(), rows(&[Scope::Deploy]).len(), admin.len()), (8, 9, 5));
}

#[tokio::test]
async fn every_other_route_wants_a_key() {
    for route in route_list().iter().filter(|route| !route.scopes.is_empty()) {
        let method: Method = route.method.parse().unwrap();
        let path = route.path.split('/').map(|part| if part.starts_with('{') { "1" } else { part });
        let path = path.collect::<Vec<_>>().join("/");
        for key in [None, Some("")] {
            let reply = send(method.clone(), &path, key, "").await;
            assert_eq!(reply.status, 403, "{path}");
            assert!(reply.body["detail"].as_str().unwrap().starts_with("An API key"), "{path}");
        }
        let reply = send(method.clone(), &path, Some("sk-bad"), "").await;
        assert_eq!(
            (reply.status, reply.body["detail"].as_str()),
            (403, Some("Invalid or missing API key")),
            "{path}"
        );
    }
}

#[tokio::test]
async fn the_two_kinds_of_routes_ask_for_a_key_in_langflow_s_words() {
    let reply = send(Method::POST, PROCESS, None, "{}").await;
    assert_eq!(reply.body, json!({"detail": "An API key must be passed as query or header"}));
    let reply = send(Method::GET, "/api/v1/flows/", None, "").await;
    assert_eq!(reply.body, json!({"detail": "An API key as query or header, or a JWT token must be passed"}));
}

#[tokio::test]
async fn syntax_is_checked_before_the_key_and_the_key_before_the_fields() {
    for key in [None, Some("sk-bad")] {
        let reply = send(Method::POST, PROCESS, key, "{\"inputs\": ").await;
        assert_eq!((reply.status, &reply.body["detail"][0]["loc"]), (422, &json!(["body", 11])));
    }
    let reply = send(Method::POST, PROCESS, Some("sk-bad"), r#"{"inputs": "x"}"#).await;
    assert_eq!(reply.status, 403);
}

#[tokio::test]
async fn the_header_s_key_counts_not_the_query_s() {
    // A well-formed key would be looked up, which fails here: 503. A malformed one is refused unread.
    let known = {
        let head = "sk-0123456789abcdef_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
        format!("{head}{}", "000000")
    };
    let path = format!("{PROCESS}?x-api-key={known}");
    assert_eq!(send(Method::POST, &path, Some("sk-bad"), "{}").await.status, 403);
}

#[tokio::test]
async fn a_body_over_the_limit_is_413_with_both_sizes() {
    let reply = send(Method::POST, PROCESS, None, &"x".repeat(LIMIT + 1)).await;
    let expected = format!("The request body has {} bytes; the limit is {LIMIT}", LIMIT + 1);
    assert_eq!((reply.status, reply.body), (413, json!({"detail": expected})));
}

#[tokio::test]
async fn json_ten_thousand_levels_deep_is_422() {
    for body in ["[".repeat(10_000), "{\"inputs\":".repeat(10_000), "[".repeat(10_000) + &"]".repeat(10_000)]
    {
        let reply = send(Method::POST, PROCESS, None, &body).await;
        let error = &reply.body["detail"][0];
        assert_eq!((reply.status, &error["type"]), (422, &json!("json_invalid")));
        assert!(error["ctx"]["error"].as_str().unwrap().contains("64 levels"));
    }
}

#[tokio::test]
async fn unknown_paths_and_methods_need_no_key() {
    let reply = send(Method::GET, "/api/v1/nothing", None, "").await;
    assert_eq!((reply.status, reply.body), (404, json!({"detail": "Not Found"})));
    let reply = send(Method::GET, PROCESS, None, "").await;
    assert_eq!((reply.status, reply.body), (405, json!({"detail": "Method Not Allowed"})));
    assert_eq!(reply.headers[ALLOW], "POST");
    // What Langflow runs without any key does not exist.
    for path in
        ["/api/v1/process/json", "/api/v1/build/x/flow", "/api/v1/validate/code", "/api/v1/auto_login"]
    {
        let reply = send(Method::POST, path, None, "{}").await;
        assert!(matches!(reply.status, 403 | 404), "{path}");
    }
}

#[tokio::test]
async fn a_final_slash_is_put_right() {
    for (path, location) in [
        ("/api/v1/process/abc/", "/api/v1/process/abc"),
        ("/api/v1/process/abc/?x-api-key=k", "/api/v1/process/abc?x-api-key=k"),
        ("/api/v1/flows", "/api/v1/flows/"),
        ("/api/v1/flows/abc/", "/api/v1/flows/abc"),
        ("/api/v1/flows/upload", "/api/v1/flows/upload/"),
        ("/api/v1/api_key", "/api/v1/api_key/"),
        ("/health/", "/health"),
    ] {
        let reply = send(Method::POST, path, None, "{}").await;
        assert_eq!((reply.status, reply.headers[LOCATION].to_str().unwrap()), (307, location));
    }
    assert_eq!(send(Method::GET, "//evil.example/", None, "").await.status, 404);
}

#[tokio::test]
async fn the_open_routes_answer() {
    let reply = send(Method::GET, "/health", None, "").await;
    assert_eq!((reply.status, reply.body), (200, json!({"status": "ok"})));
    let reply = send(Method::GET, "/api/v1/version", None, "").await;
    assert_eq!((&reply.body["version"], &reply.body["package"]), (&json!("0.6.19"), &json!("Millrace")));
}
