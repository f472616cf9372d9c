//! The end of a task, posted to where its caller wants it.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use reqwest::Method;
use serde_json::{Value as Json, json};
use sha2::Sha256;

use crate::durability::{process_path, sends, until};
use crate::stack::Stack;

/// What a callback brought: its headers and its body.
pub type Called = Arc<Mutex<Vec<(HeaderMap, Bytes)>>>;

/// Somebody who is called back, and does not listen the first `refusals` times.
pub async fn listener(refusals: usize) -> (String, Called) {
    async fn take(
        State((called, refusals)): State<(Called, usize)>,
        headers: HeaderMap,
        body: Bytes,
    ) -> StatusCode {
        let mut called = called.lock().unwrap();
        called.push((headers, body));
        if called.len() > refusals { StatusCode::NO_CONTENT } else { StatusCode::BAD_GATEWAY }
    }
    let called = Called::default();
    let socket = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/done", socket.local_addr().unwrap());
    let router = Router::new().route("/done", post(take)).with_state((called.clone(), refusals));
    tokio::spawn(async move { axum::serve(socket, router).await });
    (url, called)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_end_of_a_task_is_posted_and_signed() {
    let stack = Stack::start().await;
    let path = process_path(&stack, "chat_prompt").await;
    let (url, called) = listener(0).await;
    let body = json!({"inputs": {"text": "hi"}, "sync": false, "callback_url": url});
    let submitted = stack.post(&path, &body).await;
    let task = submitted.body["task"]["id"].as_str().unwrap();
    until("nobody is called back", async || !called.lock().unwrap().is_empty()).await;
    until("the callback is not settled", async || stack.ended(task).await["callback"] == "delivered").await;

    let secret = stack.call(Method::GET, "/api/v1/callback_secret", None).await;
    let secret = secret.body["secret"].as_str().unwrap().strip_prefix("whsec_").unwrap().to_owned();
    let called = called.lock().unwrap();
    let (headers, body) = &called[0];
    let header = |name: &str| headers[name].to_str().unwrap();
    let mut mac = Hmac::<Sha256>::new_from_slice(&STANDARD.decode(secret).unwrap()).unwrap();
    mac.update(format!("{}.{}.", header("webhook-id"), header("webhook-timestamp")).as_bytes());
    mac.update(body);
    let expected = format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()));
    assert_eq!((header("webhook-id"), header("webhook-signature")), (task, expected.as_str()));
    let told: Json = serde_json::from_slice(body).unwrap();
    assert_eq!((&told["status"], &told["task_id"]), (&json!("SUCCESS"), &json!(task)));
    assert_eq!(called.len(), 1);
}

/// Who does not listen is called again later, and holds nothing up.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_callback_that_is_not_taken_is_left_to_the_sweeper() {
    let stack = Stack::start().await;
    let path = process_path(&stack, "chat_prompt").await;
    let (url, called) = listener(1).await;
    let body = json!({"inputs": {"text": "hi"}, "sync": false, "callback_url": url});
    let submitted = stack.post(&path, &body).await;
    let task = submitted.body["task"]["id"].as_str().unwrap();
    assert_eq!(stack.ended(task).await["status"], "SUCCESS");
    until("nobody is called back", async || called.lock().unwrap().len() == 1).await;
    assert_eq!(stack.ended(task).await["callback"], "pending");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn callbacks_go_nowhere_that_a_flow_may_not_go() {
    let stack = Stack::start().await;
    let path = process_path(&stack, "chat_prompt").await;
    for url in [
        "http://169.254.169.254/latest/meta-data",
        "https://10.0.0.1/hook",
        "ftp://example.com/hook",
        "https://user:password@example.com/hook",
        "https://[::ffff:10.0.0.1]/hook",
        "not a url",
        "",
    ] {
        for sync in [true, false] {
            let body = json!({"inputs": {"text": "hi"}, "sync": sync, "callback_url": url});
            let answer = stack.post(&path, &body).await;
            assert_eq!(answer.status, 422, "{url}: {}", answer.body);
            assert!(answer.detail().contains("callback_url"), "{url}: {}", answer.body);
        }
    }
    assert_eq!(sends(&stack), 0);
}
