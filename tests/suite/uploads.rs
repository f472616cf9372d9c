//! Files for flows, end to end: through the front as a form, and into the bucket by a pre-signed request.

use reqwest::Method;
use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};

use crate::stack::{KEY, Stack, send};

/// Bytes that are no text.
fn content(size: usize) -> Vec<u8> {
    (0..size).map(|i| u8::try_from(i * 7 % 256).unwrap()).collect()
}

/// What stands under a reference.
async fn kept(stack: &Stack, file_path: &Json) -> Option<Vec<u8>> {
    let reference = file_path.as_str().unwrap().parse().unwrap();
    let tenant = "default".parse().unwrap();
    let found = stack.runner.store().upload(&tenant, &reference, 100_000_000).await.unwrap();
    found.map(|upload| upload.bytes)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_form_comes_through_the_front_byte_for_byte() {
    let stack = Stack::without_worker().await;
    let flow = stack.create_flow(&stack.drawn("chat_prompt")).await;
    for size in [1, 4 * 1024 * 1024] {
        let file = content(size);
        let mut body =
            b"--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.bin\"\r\n\r\n".to_vec();
        body.extend_from_slice(&file);
        body.extend_from_slice(b"\r\n--b--\r\n");
        let request = stack.request(Method::POST, &format!("/api/v1/upload/{flow}")).header("x-api-key", KEY);
        let request = request.header("content-type", "multipart/form-data; boundary=b").body(body);
        let answer = send(request).await;
        assert_eq!(answer.status, 201, "{}", answer.body);
        let digest = format!("{:x}", Sha256::digest(&file));
        assert_eq!(answer.body["file_path"], json!(format!("millrace:upload/{flow}/{digest}.bin")));
        assert!(kept(&stack, &answer.body["file_path"]).await == Some(file));
    }
}

/// Puts a file as a ticket says, and gives the status.
async fn put(ticket: &Json, file: Vec<u8>) -> u16 {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let mut request = client.put(ticket["upload_url"].as_str().unwrap());
    for (name, value) in ticket["headers"].as_object().unwrap() {
        if name != "content-length" {
            request = request.header(name, value.as_str().unwrap());
        }
    }
    request.body(file).send().await.unwrap().status().as_u16()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_file_is_put_by_a_pre_signed_request() {
    let stack = Stack::without_worker().await;
    let flow = stack.create_flow(&stack.drawn("chat_prompt")).await;
    let file = content(9_000_000);
    let path = format!("/api/v1/upload/{flow}?presigned=true");
    let sha256 = format!("{:x}", Sha256::digest(&file));
    for announced in [
        json!({"file_name": "a.bin", "size": file.len(), "sha256": sha256}),
        json!({"file_name": "a.bin", "size": file.len()}),
    ] {
        let answer = stack.post(&path, &announced).await;
        assert_eq!(answer.status, 201, "{}", answer.body);
        assert_eq!(kept(&stack, &answer.body["file_path"]).await, None);
        assert_eq!(put(&answer.body, file.clone()).await, 200);
        assert!(kept(&stack, &answer.body["file_path"]).await.as_ref() == Some(&file));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ticket_puts_nothing_but_what_was_announced() {
    let stack = Stack::without_worker().await;
    let flow = stack.create_flow(&stack.drawn("chat_prompt")).await;
    let sha256 = format!("{:x}", Sha256::digest("content"));
    let path = format!("/api/v1/upload/{flow}?presigned=true");
    let ticket = stack.post(&path, &json!({"file_name": "a", "size": 7, "sha256": sha256})).await.body;
    assert!(put(&ticket, b"changed".to_vec()).await >= 400, "another file of the same size");
    assert!(put(&ticket, b"longer content".to_vec()).await >= 400, "a larger file");
    let mut elsewhere = ticket.clone();
    let url = ticket["upload_url"].as_str().unwrap().replace("/default/uploads/", "/other/uploads/");
    elsewhere["upload_url"] = json!(url);
    assert_eq!(put(&elsewhere, b"content".to_vec()).await, 403, "another tenant's place");
    assert_eq!(kept(&stack, &ticket["file_path"]).await, None);
    assert_eq!(put(&ticket, b"content".to_vec()).await, 200);
    assert_eq!(kept(&stack, &ticket["file_path"]).await, Some(b"content".to_vec()));
}
