//! API keys, and what callbacks are signed with.

use serde_json::{Value, json};

use super::flows::said;
use super::{KEY, KEYS};
use crate::openapi::operation::{Answer, Body, Operation, list_of, named};

const USER: &str = "67e55044-10b1-826f-9247-bb680e5fe0c8";

pub(super) fn operations() -> Vec<Operation> {
    let all = json!({
        "type": "object",
        "required": ["total_count", "user_id", "api_keys"],
        "properties": {
            "total_count": {"type": "integer", "minimum": 0},
            "user_id": {"type": "string", "format": "uuid"},
            "api_keys": list_of("KeyRead"),
        },
    });
    let listed = json!({"total_count": 1, "user_id": USER, "api_keys": [key("sk-01234*****")]});
    let deleted = Answer::json(200, "It is gone", said("detail"), json!({"detail": "API Key deleted"}));
    vec![
        Operation {
            answers: vec![Answer::json(200, "All of them, masked", all, listed)],
            ..Operation::new(("get", "/api/v1/api_key/"), "list_keys", KEYS, "List keys")
        },
        Operation {
            about: "The only answer that shows the key.",
            body: Some(Body::json("KeyCreate", json!({"name": "ci"}))),
            answers: vec![Answer {
                links: &[("delete_key", "key_id", "$response.body#/id")],
                ..Answer::json(200, "The key", named("KeyRead"), key("sk-0123456789abcdef_…"))
            }],
            refusals: &[409],
            ..Operation::new(("post", "/api/v1/api_key/"), "create_key", KEYS, "Make a key")
        },
        Operation {
            answers: vec![deleted],
            refusals: &[404],
            ..Operation::new(("delete", "/api/v1/api_key/{key_id}"), "delete_key", KEYS, "Delete a key")
        },
        rotate(),
        Operation {
            about: "One for each tenant, made on first use, as the libraries of Standard Webhooks take it.",
            answers: vec![Answer::json(200, "The secret", said("secret"), json!({"secret": "whsec_…"}))],
            ..Operation::new(
                ("get", "/api/v1/callback_secret"),
                "read_callback_secret",
                KEYS,
                "Read what callbacks are signed with",
            )
        },
    ]
}

fn rotate() -> Operation {
    let rotated = json!({"allOf": [named("KeyRead")], "required": ["rotated", "rotated_expires_at"], "properties": {
        "rotated": {"type": "string", "format": "uuid", "description": "The key that it takes the place of"},
        "rotated_expires_at": {"type": "string", "format": "date-time"},
    }});
    let mut example = key("sk-0123456789abcdef_…");
    example["rotated"] = KEY.into();
    example["rotated_expires_at"] = "2026-11-24T09:15:15.293Z".into();
    Operation {
        about: "The old key goes on for a day, or as long as told. 409 for a key that is over or was rotated before.",
        body: Some(Body::json("KeyRotate", json!({"grace_seconds": 3600})).or_none()),
        answers: vec![Answer::json(200, "The new key", rotated, example)],
        refusals: &[404, 409],
        ..Operation::new(
            ("post", "/api/v1/api_key/{key_id}/rotate"),
            "rotate_key",
            KEYS,
            "Put a new key in the place of one",
        )
    }
}

fn key(text: &str) -> Value {
    json!({
        "name": "ci", "created_at": "2026-11-23T09:15:15.293000", "last_used_at": null, "total_uses": 0,
        "is_active": true, "id": KEY, "api_key": text, "user_id": USER,
        "scopes": ["run", "read"], "expires_at": null, "requests_per_minute": null,
    })
}
