//! Flows over HTTP.

use serde_json::{Value, json};

use crate::cloud::{Api, KEY, OTHER};

const UNKNOWN: &str = "00000000-0000-0000-0000-000000000000";

fn empty() -> Value {
    json!({"nodes": [], "edges": []})
}

#[tokio::test]
async fn a_flow_is_shown_as_langflow_shows_it() {
    let api = Api::start().await;
    let created = api.post("/api/v1/flows/", json!({"name": "x", "data": empty(), "user_id": UNKNOWN})).await;
    assert_eq!(created.status, 201);
    let flow = created.json();
    let keys: Vec<_> = flow.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(
        keys,
        ["name", "description", "data", "is_component", "updated_at", "folder", "id", "user_id"]
    );
    assert_eq!(
        (&flow["data"], &flow["is_component"], &flow["folder"]),
        (&empty(), &json!(false), &json!(null))
    );
    assert_ne!(flow["user_id"], UNKNOWN);

    let path = format!("/api/v1/flows/{}", flow["id"].as_str().unwrap());
    assert_eq!(api.get(&path).await.json(), flow);
    let undashed = path.replace('-', "").to_uppercase().replace("/API/V1/FLOWS", "/api/v1/flows");
    assert_eq!(api.get(&undashed).await.json(), flow);
    assert_eq!(api.get("/api/v1/flows/").await.json(), json!([flow]));
    assert_eq!(api.get("/api/v1/flows/download/").await.json(), json!({"flows": [flow]}));
}

#[tokio::test]
async fn a_patch_changes_what_it_names() {
    let api = Api::start().await;
    let flow =
        api.post("/api/v1/flows/", json!({"name": "x", "description": "old", "data": empty()})).await.json();
    let path = format!("/api/v1/flows/{}", flow["id"].as_str().unwrap());
    let patch =
        async |body: Value| api.send("PATCH", &path, KEY, &body.to_string(), "application/json").await;

    let patched = patch(json!({"description": "new", "name": null})).await.json();
    assert_eq!(
        (&patched["name"], &patched["description"], &patched["data"]),
        (&json!("x"), &json!("new"), &empty())
    );
    let data = json!({"nodes": [], "edges": [], "viewport": {"zoom": 1}});
    assert_eq!(patch(json!({"data": data})).await.json()["data"], data);
    assert_eq!(api.get(&path).await.json()["data"], data);
    assert_eq!(patch(json!({"data": {"nodes": []}})).await.status, 422);
    assert_eq!(patch(json!({"endpoint_name": "chat"})).await.json()["endpoint_name"], "chat");
    assert!(patch(json!({"endpoint_name": ""})).await.json().get("endpoint_name").is_none());
}

#[tokio::test]
async fn a_deleted_flow_is_gone() {
    let api = Api::start().await;
    let flow = api.post("/api/v1/flows/", json!({"name": "x"})).await.json();
    let path = format!("/api/v1/flows/{}", flow["id"].as_str().unwrap());
    let delete = async || api.send("DELETE", &path, KEY, "", "application/json").await;
    assert_eq!(delete().await.json(), json!({"message": "Flow deleted successfully"}));
    let again = delete().await;
    assert_eq!((again.status, again.json()), (404, json!({"detail": "Flow not found"})));
    assert_eq!(api.get("/api/v1/flows/").await.json(), json!([]));
}

#[tokio::test]
async fn an_id_is_a_uuid_or_422() {
    let api = Api::start().await;
    let reply = api.get("/api/v1/flows/abc").await;
    let error = "invalid length: expected length 32 for simple format, found 3";
    let expected = json!({"detail": [{"type": "uuid_parsing", "loc": ["path", "flow_id"],
        "msg": format!("Input should be a valid UUID, {error}"), "input": "abc", "ctx": {"error": error},
        "url": "https://errors.pydantic.dev/2.7/v/uuid_parsing"}]});
    assert_eq!((reply.status, reply.json()), (422, expected));
    assert_eq!(api.get(&format!("/api/v1/flows/{UNKNOWN}")).await.status, 404);
}

#[tokio::test]
async fn two_flows_cannot_have_one_endpoint_name() {
    let api = Api::start().await;
    let body = json!({"name": "x", "endpoint_name": "chat"});
    assert_eq!(api.post("/api/v1/flows/", body.clone()).await.status, 201);
    assert_eq!(api.post("/api/v1/flows/", body).await.status, 409);
}

#[tokio::test]
async fn what_will_not_run_is_said_when_it_is_stored() {
    let api = Api::start().await;
    let node = json!({"id": "N-1", "data": {"id": "N-1", "type": "NoSuchNode", "node": {"template": {"_type": "x"}}}});
    let flow =
        api.post("/api/v1/flows/", json!({"name": "x", "data": {"nodes": [node], "edges": []}})).await.json();
    let warnings = flow["warnings"].as_array().unwrap();
    assert!(warnings[0].as_str().unwrap().contains("NoSuchNode"), "{warnings:?}");
    let path = format!("/api/v1/flows/{}", flow["id"].as_str().unwrap());
    assert_eq!(flow["report"]["runs"], false);
    assert_eq!(flow["report"]["nodes"][0]["type"], "NoSuchNode");
    let read = api.get(&path).await.json();
    assert_eq!(read["warnings"], flow["warnings"]);
    assert!(read["report"].is_null(), "the report is in the answer to an upload alone");
}

#[tokio::test]
async fn exports_are_uploaded_one_or_many() {
    let api = Api::start().await;
    let upload = async |file: &str, field: &str| {
        let body = format!(
            "--b\r\nContent-Disposition: form-data; name=\"{field}\"; filename=\"f.json\"\r\n\r\n{file}\r\n--b--\r\n"
        );
        api.send("POST", "/api/v1/flows/upload/", KEY, &body, "multipart/form-data; boundary=b").await
    };
    let one = json!({"name": "one", "data": empty(), "id": UNKNOWN, "last_tested_version": "0.5.2"});
    let reply = upload(&one.to_string(), "file").await;
    assert_eq!((reply.status, reply.json()[0]["name"].as_str()), (201, Some("one")));
    let many = json!({"flows": [one, {"name": "two", "data": null}]});
    assert_eq!(upload(&many.to_string(), "file").await.json().as_array().unwrap().len(), 2);
    assert_eq!(api.get("/api/v1/flows/").await.json().as_array().unwrap().len(), 3);

    assert_eq!(upload("{\"name\": ", "file").await.json()["detail"][0]["type"], "json_invalid");
    assert_eq!(upload("{}", "other").await.json()["detail"][0]["loc"], json!(["body", "file"]));
    assert_eq!(api.post("/api/v1/flows/upload/", one).await.json()["detail"][0]["type"], "missing");
    let batch = api.post("/api/v1/flows/batch/", json!({"flows": [{"name": "a"}, {"name": "b"}]})).await;
    assert_eq!((batch.status, batch.json().as_array().unwrap().len()), (201, 2));
}

#[tokio::test]
async fn another_tenant_s_flow_is_unknown() {
    let api = Api::start().await;
    let flow =
        api.post("/api/v1/flows/", json!({"name": "x", "data": empty(), "endpoint_name": "e"})).await.json();
    let id = flow["id"].as_str().unwrap();
    for (method, path, body) in [
        ("GET", format!("/api/v1/flows/{id}"), ""),
        ("PATCH", format!("/api/v1/flows/{id}"), "{\"name\": \"mine\"}"),
        ("DELETE", format!("/api/v1/flows/{id}"), ""),
        ("POST", format!("/api/v1/process/{id}"), "{}"),
        ("POST", format!("/api/v1/process/{id}"), "{\"sync\": false}"),
        ("POST", format!("/api/v1/predict/{id}"), "{}"),
        ("POST", format!("/api/v1/run/{id}"), "{}"),
        ("POST", "/api/v1/run/e".to_owned(), "{}"),
    ] {
        let reply = api.send(method, &path, OTHER, body, "application/json").await;
        assert_eq!(reply.status, 404, "{method} {path}");
    }
    assert_eq!(api.send("GET", "/api/v1/flows/", OTHER, "", "application/json").await.json(), json!([]));
    assert_eq!(api.get(&format!("/api/v1/flows/{id}")).await.json(), flow);
    assert!(api.messages().is_empty());
}
