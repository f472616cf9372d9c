//! What is answered is described, and anybody may read the description.

use http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use serde_json::{Map, Value, json};

use crate::cloud::{Api, End, Reply};

#[tokio::test]
async fn the_document_and_its_page_are_open_to_all() {
    let api = Api::start().await;
    for (path, content_type) in [("/openapi.json", "application/json"), ("/docs", "text/html; charset=utf-8")]
    {
        let reply = api.send("GET", path, "", "", "").await;
        assert_eq!((reply.status, &reply.headers[CONTENT_TYPE]), (200, &content_type.parse().unwrap()));
        assert_eq!(reply.headers[X_CONTENT_TYPE_OPTIONS], "nosniff");
    }
    assert_eq!(api.get("/openapi.json").await.json()["openapi"], "3.1.0");
    let policy = api.get("/docs").await.headers[CONTENT_SECURITY_POLICY].to_str().unwrap().to_owned();
    assert!(policy.starts_with("default-src 'none'; connect-src 'self'; script-src 'sha256-"), "{policy}");
}

/// A schema lets through what it does not name; here nothing that is answered may go unnamed.
#[tokio::test]
async fn no_answer_has_a_field_that_is_not_described() {
    let api = Api::start().await;
    let document = api.get("/openapi.json").await.json();
    let flow = api.create("api-flows-create").await;
    let task = api.queue(&flow).await;
    let queued = api.get(&format!("/api/v1/task/{task}")).await;
    api.finish(&task, End::Error("upstream", "no model")).await;
    let one = format!("/api/v1/flows/{flow}");
    let file = "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\nx\r\n--b--\r\n";
    let form = "multipart/form-data; boundary=b";
    let upload = format!("/api/v1/upload/{flow}");
    let announced = json!({"file_name": "a", "size": 9_000_000});
    let broken = json!({"name": "x", "data": {"nodes": [null], "edges": []}});
    let replies = [
        ("get /api/v1/task/{task_id}", queued),
        ("get /api/v1/task/{task_id}", api.get(&format!("/api/v1/task/{task}")).await),
        (
            "post /api/v1/task/{task_id}/retry",
            api.post(&format!("/api/v1/task/{task}/retry"), json!(null)).await,
        ),
        ("get /api/v1/tasks", api.get("/api/v1/tasks").await),
        ("get /api/v1/flows/", api.get("/api/v1/flows/").await),
        ("get /api/v1/flows/{flow_id}", api.get(&one).await),
        ("post /api/v1/flows/", api.post("/api/v1/flows/", broken).await),
        ("post /api/v1/flows/", api.post("/api/v1/flows/", json!({})).await),
        ("post /api/v1/upload/{flow_id}", api.send("POST", &upload, crate::cloud::KEY, file, form).await),
        ("post /api/v1/upload/{flow_id}", api.post(&format!("{upload}?presigned=true"), announced).await),
        (
            "post /api/v1/process/{flow_id}",
            api.post(&format!("/api/v1/process/{flow}"), json!({"sync": 5})).await,
        ),
        ("post /api/v1/api_key/", api.post("/api/v1/api_key/", json!({"name": "x"})).await),
        ("get /api/v1/api_key/", api.get("/api/v1/api_key/").await),
        ("get /api/v1/callback_secret", api.get("/api/v1/callback_secret").await),
        ("get /api/v1/version", api.get("/api/v1/version").await),
        ("delete /api/v1/flows/{flow_id}", api.delete(&one).await),
    ];
    for (operation, reply) in &replies {
        assert_described(&document, operation, reply);
    }
}

fn assert_described(document: &Value, operation: &str, reply: &Reply) {
    let (method, path) = operation.split_once(' ').unwrap();
    let answer = &document["paths"][path][method]["responses"][reply.status.to_string()];
    assert!(!answer.is_null(), "{operation} does not have {}", reply.status);
    let schema = &resolved(document, answer)["content"]["application/json"]["schema"];
    assert!(!schema.is_null(), "{operation} {} has no JSON", reply.status);
    let mut found = Vec::new();
    unnamed(document, schema, &reply.json(), "", &mut found);
    assert!(found.is_empty(), "{operation} {} does not describe {found:?}", reply.status);
}

/// Collects the fields of `value` that nothing of `schema` names. Where a schema names none, all are allowed.
fn unnamed(document: &Value, schema: &Value, value: &Value, at: &str, found: &mut Vec<String>) {
    let forms = forms(document, schema);
    if let Value::Array(items) = value {
        for (form, item) in forms.iter().flat_map(|form| items.iter().map(move |item| (form, item))) {
            unnamed(document, &form["items"], item, at, found);
        }
    }
    let named: Map<String, Value> =
        forms.iter().filter_map(|form| form["properties"].as_object().cloned()).flatten().collect();
    for (name, inner) in value.as_object().filter(|_| !named.is_empty()).into_iter().flatten() {
        let place = format!("{at}/{name}");
        match named.get(name) {
            Some(schema) => unnamed(document, schema, inner, &place, found),
            None => found.push(place),
        }
    }
}

/// A schema and all that it is made of.
fn forms<'a>(document: &'a Value, schema: &'a Value) -> Vec<&'a Value> {
    let schema = resolved(document, schema);
    let parts = ["allOf", "anyOf", "oneOf"].map(|of| schema[of].as_array());
    let parts = parts.into_iter().flatten().flatten().flat_map(|part| forms(document, part));
    [schema].into_iter().chain(parts).collect()
}

fn resolved<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    value["$ref"].as_str().map_or(value, |place| document.pointer(&place[1..]).unwrap())
}
