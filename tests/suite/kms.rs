//! A stand-in for the two operations of KMS that are used.

use axum::Router;
use axum::body::Bytes;
use axum::http::HeaderMap;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value as Json, json};

/// Starts it, and gives its address. Every data key is the same one; wrapped, it is its encryption context.
pub async fn start() -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(answer)).await });
    url
}

async fn answer(headers: HeaderMap, body: Bytes) -> String {
    let request: Json = serde_json::from_slice(&body).unwrap();
    let wrapped = STANDARD.encode(request["EncryptionContext"].to_string());
    let key = STANDARD.encode([5; 32]);
    match headers["x-amz-target"].to_str().unwrap() {
        "TrentService.GenerateDataKey" => json!({"CiphertextBlob": wrapped, "Plaintext": key, "KeyId": "k"}),
        "TrentService.Decrypt" => {
            assert_eq!(request["CiphertextBlob"], wrapped, "a key of another context");
            json!({"Plaintext": key, "KeyId": "k"})
        }
        other => panic!("no operation {other}"),
    }
    .to_string()
}
