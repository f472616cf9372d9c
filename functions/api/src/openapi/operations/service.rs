//! What is open to all.

use serde_json::{Value, json};

use super::SERVICE;
use super::flows::said;
use crate::openapi::operation::{Answer, Content, Operation};

pub(super) fn operations() -> Vec<Operation> {
    let open = |path, id, summary, answer| Operation {
        open: true,
        answers: vec![answer],
        ..Operation::new(("get", path), id, SERVICE, summary)
    };
    let version = json!({
        "type": "object",
        "required": ["version", "package", "millrace"],
        "properties": {
            "version": {"type": "string", "description": "The Langflow whose contract is kept"},
            "package": {"type": "string"},
            "millrace": {"type": "string"},
        },
    });
    let versions = json!({"version": "0.6.19", "package": "Millrace", "millrace": env!("CARGO_PKG_VERSION")});
    let page = Answer {
        content: vec![Content::text("text/html", Value::Null)],
        ..Answer::json(200, "A page without anything from elsewhere", Value::Null, Value::Null)
    };
    vec![
        open("/health", "health", "Ask whether it stands", {
            Answer::json(200, "It does", said("status"), json!({"status": "ok"}))
        }),
        open("/api/v1/version", "version", "Ask for the version", {
            Answer::json(200, "Which it is", version, versions)
        }),
        open("/openapi.json", "openapi", "Read this document", {
            Answer::json(200, "OpenAPI 3.1", json!({"type": "object"}), Value::Null)
        }),
        open("/docs", "docs", "Read this document as a page", page),
    ]
}
