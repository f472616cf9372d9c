//! What requests bring. Null is as good as left out, as a field and as a body that may be left out.

use serde_json::{Map, Value, json};

use super::{journal_modes, or_null};
use crate::call_variables::{NAME_LIMIT, VALUE_LIMIT};
use crate::limits;
use crate::openapi::operation::{list_of, named};
use crate::options::BUDGET;

pub(super) fn all() -> Vec<(&'static str, Value)> {
    vec![
        ("Flag", flag()),
        ("Graph", graph()),
        ("ProcessRequest", process()),
        ("RunRequest", run()),
        ("RunForm", run_form()),
        ("PreloadRequest", optional(json!({"clear_session": named("Flag")}))),
        ("FlowCreate", object(&["name"], flow(json!({"type": "string", "maxLength": limits::NAME})))),
        ("FlowUpdate", object(&[], flow(json!({"type": ["string", "null"], "maxLength": limits::NAME})))),
        ("FlowBatch", object(&["flows"], json!({"flows": flows()}))),
        (
            "FlowFile",
            object(
                &["file"],
                json!({
                    "file": file("An export of Langflow: of one flow, or {\"flows\": […]}"),
                }),
            ),
        ),
        ("UploadFile", object(&["file"], json!({"file": file("The file, with its name: 4 MiB at most")}))),
        ("UploadAnnounced", announced()),
        ("KeyCreate", key()),
        (
            "KeyRotate",
            optional(json!({"grace_seconds": {"type": ["integer", "null"], "minimum": 0, "maximum": 604_800,
                "default": 86_400, "description": "How long the old key goes on"}})),
        ),
        ("RetryRequest", optional(json!({"tweaks": tweaks(), "budget": budget()}))),
        ("VariableCreate", variable(&["name", "value"])),
        ("VariableUpdate", variable(&[])),
    ]
}

fn object(required: &[&str], properties: Value) -> Value {
    let mut object = json!({"type": "object", "properties": properties});
    if !required.is_empty() {
        object["required"] = required.into();
    }
    object
}

/// A body that may be left out.
fn optional(properties: Value) -> Value {
    json!({"type": ["object", "null"], "properties": properties})
}

fn file(about: &str) -> Value {
    json!({"type": "string", "contentMediaType": "application/octet-stream", "description": about})
}

/// What is read as a boolean, in the spelling that clients write.
fn flag() -> Value {
    json!({
        "title": "boolean",
        "description": "A boolean, or what Langflow takes for one",
        "anyOf": [
            {"type": "boolean"},
            {"enum": [0, 1, "0", "1", "true", "false", "yes", "no", "on", "off", "t", "f", "y", "n"]},
            {"type": "null"},
        ],
    })
}

fn graph() -> Value {
    let list = json!({"type": "array"});
    let mut graph = object(&["nodes", "edges"], json!({"nodes": list, "edges": list}));
    graph["description"] = "A flow as Langflow exports it, under `data`".into();
    graph
}

/// Where any call says how it is to be run.
fn options() -> Map<String, Value> {
    let Value::Object(options) = json!({
        "session_id": {"type": ["string", "null"], "maxLength": 512,
            "description": "The conversation, by any name of up to 512 bytes"},
        "sync": {"allOf": [named("Flag")], "default": true,
            "description": "Whether to wait for the result; if not, the answer names a task"},
        "timeout": {"type": ["integer", "null"], "minimum": 1, "maximum": 86_400,
            "description": "Seconds that the task may take from its first claim"},
        "journal": {"enum": journal_modes().into_iter().chain([Value::Null]).collect::<Vec<_>>(),
            "description": "What is kept of the run's effects: `effects` in the table, `memory` for one attempt, `off` nothing"},
        "callback_url": {"type": ["string", "null"], "maxLength": 2_048, "pattern": "^https://",
            "description": "Where the end of the task is posted, signed as Standard Webhooks says"},
        "budget": budget(),
    }) else {
        return Map::new();
    };
    options
}

fn budget() -> Value {
    json!({"type": ["number", "null"], "minimum": BUDGET.start(), "maximum": BUDGET.end(),
        "description": "US dollars that the task may cost by estimate: it fails before the next effect once they are spent"})
}

fn tweaks() -> Value {
    json!({"type": ["object", "null"],
        "description": "Fields of nodes to be changed for this call: the node's id, then the field's name"})
}

fn with_options(own: Value) -> Value {
    let mut properties = match own {
        Value::Object(own) => own,
        _ => Map::new(),
    };
    properties.extend(options());
    optional(properties.into())
}

fn process() -> Value {
    with_options(json!({
        "inputs": {
            "description": "What the flow's root is called with; a list is as many calls",
            "anyOf": [{"type": "object"}, {"type": "array", "items": {"type": "object"}, "maxItems": 1_000}, {"type": "null"}],
        },
        "tweaks": tweaks(),
        "clear_cache": {"allOf": [named("Flag")], "default": false,
            "description": "Whether to forget the conversation first"},
    }))
}

fn run() -> Value {
    with_options(json!({
        "input_value": {"type": ["string", "null"]},
        "input_type": {"enum": ["chat", "text", "any", null], "default": "chat"},
        "output_type": {"enum": ["chat", "text", "any", "debug", null], "default": "chat"},
        "output_component": {"type": ["string", "null"], "description": "The id of the one node whose output is wanted"},
        "tweaks": tweaks(),
    }))
}

/// The same as parts of a form, where everything is text.
fn run_form() -> Value {
    let text = json!({"type": "string"});
    object(
        &[],
        json!({
            "input_value": text,
            "input_type": {"enum": ["chat", "text", "any"]},
            "output_type": {"enum": ["chat", "text", "any", "debug"]},
            "output_component": text,
            "tweaks": {"type": "string", "contentMediaType": "application/json", "description": "JSON, or nothing"},
            "session_id": {"type": "string", "maxLength": 512},
            "sync": {"enum": ["true", "false"]},
        }),
    )
}

fn flows() -> Value {
    let mut flows = list_of("FlowCreate");
    flows["maxItems"] = limits::FLOWS.into();
    flows
}

fn flow(name: Value) -> Value {
    let text = |most: usize| json!({"type": ["string", "null"], "maxLength": most});
    json!({
        "name": name,
        "description": text(limits::DESCRIPTION),
        "data": or_null(named("Graph")),
        "is_component": named("Flag"),
        "folder": text(limits::NAME),
        "endpoint_name": {"type": ["string", "null"], "maxLength": 255, "pattern": "^[A-Za-z0-9_-]*$",
            "description": "A name of the tenant's own for `/run`; an empty one takes it away"},
    })
}

fn key() -> Value {
    object(
        &["name"],
        json!({
            "name": {"type": "string", "maxLength": limits::NAME},
            "scopes": {"type": ["array", "null"], "minItems": 1,
                "items": {"enum": ["run", "read", "deploy", "admin"]},
                "description": "As the key that makes it unless told, and never more"},
            "expires_in_seconds": {"type": ["integer", "null"], "minimum": 1, "maximum": 315_360_000},
            "requests_per_minute": {"type": ["integer", "null"], "minimum": 1, "maximum": 1_000_000,
                "description": "Never more than the key that makes it has"},
        }),
    )
}

fn variable(required: &[&str]) -> Value {
    let text = match required {
        [] => json!({"type": ["string", "null"], "minLength": 1}),
        _ => json!({"type": "string", "minLength": 1}),
    };
    let mut name = text.clone();
    name["maxLength"] = NAME_LIMIT.into();
    let mut value = text;
    value["description"] = format!("At most {VALUE_LIMIT} bytes").into();
    let field = json!({"type": "string", "maxLength": NAME_LIMIT});
    let mut properties = json!({
        "name": name,
        "value": value,
        "default_fields": {"type": ["array", "null"], "items": field, "maxItems": 100,
            "description": "The display names of fields that an editor fills in with it"},
    });
    if !required.is_empty() {
        properties["type"] = json!({"enum": ["Generic", "Credential", null], "default": "Credential"});
    }
    object(required, properties)
}

fn announced() -> Value {
    object(
        &["file_name", "size"],
        json!({
            "file_name": {"type": "string"},
            "size": {"type": "integer", "minimum": 1, "maximum": 9_007_199_254_740_991_u64, "description": "In bytes"},
            "sha256": {"type": ["string", "null"], "pattern": "^[0-9A-Fa-f]{64}$",
                "description": "With it, the bucket takes no other file"},
        }),
    )
}
