//! Variables, as Langflow's clients keep them.

use serde_json::{Value as Json, json};

use crate::cloud::Api;

const PATH: &str = "/api/v1/variables/";

fn credential(name: &str, value: &str) -> Json {
    json!({"name": name, "value": value, "type": "Credential", "default_fields": ["OpenAI API Key"]})
}

#[tokio::test]
async fn a_credential_is_never_answered_and_a_setting_is() {
    let api = Api::start().await;
    let made = api.post(PATH, credential("OPENAI_API_KEY", "sk-1")).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let id = made.json()["id"].clone();
    let expected = json!({"id": id, "name": "OPENAI_API_KEY", "type": "Credential", "value": null,
        "default_fields": ["OpenAI API Key"]});
    assert_eq!(made.json(), expected);
    let setting = json!({"name": "CITY", "value": "Berlin", "type": "Generic"});
    let setting = api.post(PATH, setting).await.json();
    assert_eq!((&setting["value"], &setting["default_fields"]), (&json!("Berlin"), &json!([])));
    // What is no setting is a secret.
    let plain = api.post(PATH, json!({"name": "X", "value": "x"})).await.json();
    assert_eq!((&plain["type"], &plain["value"]), (&json!("Credential"), &Json::Null));
    let listed = api.get(PATH).await.json();
    assert_eq!(listed, json!([expected, setting, plain]));
    let path = format!("{PATH}{}", id.as_str().unwrap());
    let patch = json!({"id": id, "name": "KEY", "value": null}).to_string();
    let changed = api.send("PATCH", &path, crate::cloud::KEY, &patch, "application/json").await;
    assert_eq!((changed.status, &changed.json()["name"]), (200, &json!("KEY")));
    let gone = async || api.send("DELETE", &path, crate::cloud::KEY, "", "").await;
    let first = gone().await;
    assert_eq!((first.status, first.text.as_str()), (204, ""));
    assert_eq!(gone().await.json(), json!({"detail": "Variable not found"}));
}

#[tokio::test]
async fn names_and_values_are_there_and_are_taken_once() {
    let api = Api::start().await;
    api.post(PATH, credential("A", "1")).await;
    for (body, detail) in [
        (credential("A", "2"), "Variable name already exists"),
        (credential("", "2"), "Variable name cannot be empty"),
        (credential("B", ""), "Variable value cannot be empty"),
        (json!({"type": "Generic"}), "Variable name and value cannot be empty"),
    ] {
        let refused = api.post(PATH, body).await;
        assert_eq!((refused.status, refused.json()["detail"].as_str()), (400, Some(detail)));
    }
}

#[tokio::test]
async fn limits_hold_and_are_named() {
    let api = Api::start().await;
    let fields = |count: usize, length: usize| json!({"name": format!("F{count}x{length}"), "value": "v", "default_fields": vec!["f".repeat(length); count]});
    for (body, status, says) in [
        (credential(&"n".repeat(256), "v"), 201, ""),
        (credential(&"n".repeat(257), "v"), 422, "at most 256 characters"),
        (credential("V", &"v".repeat(65_536)), 201, ""),
        (credential("W", &"v".repeat(65_537)), 422, "at most 65536 bytes"),
        (fields(100, 1), 201, ""),
        (fields(101, 1), 422, "at most 100 fields"),
        (fields(1, 256), 201, ""),
        (fields(1, 257), 422, "at most 256 characters"),
        (json!({"name": "T", "value": "v", "type": "Secret"}), 422, "'Generic' or 'Credential'"),
        (json!({"name": "T", "value": 5}), 422, "valid string"),
        (json!({"name": "T", "value": "v", "default_fields": "f"}), 422, "valid list"),
        (json!([]), 422, "valid dictionary"),
    ] {
        let answer = api.post(PATH, body).await;
        assert_eq!(answer.status, status, "{}", &answer.text[..answer.text.len().min(300)]);
        assert!(answer.text.contains(says), "{says}: {}", &answer.text[..answer.text.len().min(300)]);
        // A value that does not fit is not repeated.
        assert!(status == 201 || answer.text.len() < 2_000);
    }
}
