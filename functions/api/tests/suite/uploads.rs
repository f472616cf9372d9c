//! Files for flows: kept once, for one tenant, within limits.

use millrace_store::{TenantId, UploadRef};
use serde_json::{Value, json};

use crate::cloud::{Api, KEY, OTHER, Reply, tenant};

const FORM: &str = "multipart/form-data; boundary=b";

fn form(name: &str, file_name: Option<&str>, content: &str) -> String {
    let file = file_name.map(|file| format!("; filename=\"{file}\"")).unwrap_or_default();
    format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"{file}\r\n\r\n{content}\r\n--b--\r\n")
}

async fn upload(api: &Api, flow: &str, key: &str, file_name: &str, content: &str) -> Reply {
    let path = format!("/api/v1/upload/{flow}");
    api.send("POST", &path, key, &form("file", Some(file_name), content), FORM).await
}

/// What stands under a file path, as one tenant's flows see it.
async fn kept(api: &Api, tenant: &TenantId, file_path: &Value) -> Option<(String, Vec<u8>)> {
    let reference: UploadRef = file_path.as_str().unwrap().parse().unwrap();
    let found = api.store().upload(tenant, &reference, 10_000_000).await.unwrap();
    found.map(|upload| (upload.name, upload.bytes))
}

#[tokio::test]
async fn a_file_is_kept_once_for_its_tenant_alone() {
    let api = Api::start().await;
    let flow = api.create("api-flows-create").await;
    let first = upload(&api, &flow, KEY, "../Cities ü.CSV", "a,b").await;
    assert_eq!(first.status, 201, "{}", first.text);
    let answer = first.json();
    assert_eq!(answer["flowId"], json!(flow));
    let path = answer["file_path"].as_str().unwrap();
    assert!(path.starts_with(&format!("millrace:upload/{flow}/")) && path.ends_with(".csv"), "{path}");
    let (name, bytes) = kept(&api, &tenant(), &answer["file_path"]).await.unwrap();
    assert_eq!((name.as_str(), bytes.as_slice()), ("Cities ü.CSV", b"a,b".as_slice()));
    assert_eq!(kept(&api, &"other".parse().unwrap(), &answer["file_path"]).await, None);

    let again = upload(&api, &flow, KEY, "other name.csv", "a,b").await;
    assert_eq!(again.json()["file_path"], answer["file_path"]);
    let changed = upload(&api, &flow, KEY, "cities.csv", "a,c").await;
    assert_ne!(changed.json()["file_path"], answer["file_path"]);
}

#[tokio::test]
async fn a_flow_that_holds_a_file_s_path_is_changed_as_any_other() {
    let api = Api::start().await;
    let flow = api.create("api-flows-create").await;
    let path = upload(&api, &flow, KEY, "a.csv", "a").await.json()["file_path"].clone();
    let mut data = api.get(&format!("/api/v1/flows/{flow}")).await.json()["data"].clone();
    data["nodes"][0]["data"]["node"]["template"]["path"] = json!({"type": "file", "file_path": path});
    let body = json!({"data": data}).to_string();
    let patched = api.send("PATCH", &format!("/api/v1/flows/{flow}"), KEY, &body, "application/json").await;
    assert_eq!((patched.status, &patched.json()["data"]), (200, &data));
}

#[tokio::test]
async fn what_is_no_file_of_a_flow_of_the_caller_s_is_refused() {
    let api = Api::start().await;
    let flow = api.create("api-flows-create").await;
    let path = format!("/api/v1/upload/{flow}");
    let unknown = "/api/v1/upload/67e55044-10b1-426f-9247-bb680e5fe0c8";
    let whole = form("file", Some("a.csv"), "a");
    let large = form("file", Some("a.csv"), &"x".repeat(4 * 1024 * 1024 + 1));
    let cases = [
        (path.as_str(), "", whole.as_str(), FORM, 403, "An API key"),
        (&path, "sk-bad", &whole, FORM, 403, "Invalid or missing API key"),
        (&path, OTHER, &whole, FORM, 404, "Flow not found"),
        (unknown, KEY, &whole, FORM, 404, "Flow not found"),
        ("/api/v1/upload/..", KEY, &whole, FORM, 422, "valid UUID"),
        (&path, KEY, &form("other", Some("a.csv"), "a"), FORM, 422, "Field required"),
        (&path, KEY, &form("file", None, "a"), FORM, 422, "no filename"),
        (&path, KEY, &form("file", Some("a.csv"), ""), FORM, 422, "The file is empty"),
        (&path, KEY, "{}", "application/json", 422, "Field required"),
        (&path, KEY, "--b", FORM, 400, "error parsing the body"),
        (&path, KEY, &large, FORM, 413, "the limit is 4194304"),
    ];
    for (path, key, body, content_type, status, sentence) in cases {
        let reply = api.send("POST", path, key, body, content_type).await;
        assert_eq!(reply.status, status, "{sentence}: {}", reply.text);
        assert!(reply.text.contains(sentence), "{}", reply.text);
    }
}

#[tokio::test]
async fn a_ticket_is_for_one_file_of_one_size() {
    let api = Api::start().await;
    let flow = api.create("api-flows-create").await;
    let path = format!("/api/v1/upload/{flow}?presigned=true");
    let answer = api.post(&path, json!({"file_name": "a.pdf", "size": 7, "sha256": "0f".repeat(32)})).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    let ticket = answer.json();
    assert_eq!(ticket["file_path"], json!(format!("millrace:upload/{flow}/{}.pdf", "0f".repeat(32))));
    assert_eq!((&ticket["method"], &ticket["headers"]["content-length"]), (&json!("PUT"), &json!("7")));
    assert!(ticket["upload_url"].as_str().unwrap().contains("X-Amz-Signature"));
    assert!(ticket["expires"].as_str().unwrap().parse::<jiff::Timestamp>().is_ok());

    let unannounced = api.post(&path, json!({"file_name": "a.pdf", "size": 7})).await.json();
    assert_ne!(unannounced["file_path"], ticket["file_path"]);
    let large = api.post(&path, json!({"file_name": "a.pdf", "size": 100_000_001})).await;
    assert_eq!(large.status, 413);
    assert!(large.text.contains("100000001 bytes, the limit is 100000000"), "{}", large.text);
    let foreign =
        api.send("POST", &path, OTHER, r#"{"file_name": "a", "size": 1}"#, "application/json").await;
    assert_eq!(foreign.status, 404);
}
