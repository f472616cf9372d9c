//! What several operations have: parameters of paths, headers of answers, refusals.

use serde_json::{Map, Value, json};

/// A status that is no success: its name, what it means, the schema of its body, its header.
type Refusal = (u16, &'static str, &'static str, &'static str, Option<&'static str>);

const REFUSALS: [Refusal; 12] = [
    (307, "Redirect", "The same path with its final slash put right", "", Some("location")),
    (
        400,
        "BadRequest",
        "The body cannot be read, or an input, a tweak or a header does not fit",
        "Refusal",
        None,
    ),
    (403, "Forbidden", "No key, a bad one, or one that may not do this", "Refusal", None),
    (404, "NotFound", "There is none of this name that belongs to the key's tenant", "Refusal", None),
    (409, "Conflict", "What stands already is in the way", "Refusal", None),
    (413, "TooLarge", "The body, or what it asks to be kept, is over a limit", "Refusal", None),
    (422, "Unprocessable", "What does not fit, all of it at once", "Invalid", None),
    (429, "TooMany", "The key has made too many requests", "Refusal", Some("retry-after")),
    (500, "Failed", "The flow failed by itself, or Millrace did", "Refusal", None),
    (502, "BadGateway", "A service that the flow calls refused or failed", "Refusal", None),
    (
        503,
        "Unavailable",
        "A service that Millrace stands on is not there for a moment",
        "Refusal",
        Some("retry-after"),
    ),
    (
        504,
        "Timeout",
        "The time for the run is over, or a service that the flow calls was too slow",
        "Refusal",
        None,
    ),
];

/// What a status is called among the shared responses.
pub(super) fn name(status: u16) -> &'static str {
    REFUSALS.iter().find(|refusal| refusal.0 == status).map_or("Unnamed", |refusal| refusal.1)
}

pub(super) fn responses() -> Value {
    let shown = REFUSALS.iter().map(|(_, name, about, schema, header)| {
        let mut shown = json!({"description": about});
        if !schema.is_empty() {
            let schema = json!({"$ref": format!("#/components/schemas/{schema}")});
            shown["content"] = json!({"application/json": {"schema": schema}});
        }
        if let Some(header) = header {
            shown["headers"] = json!({*header: {"$ref": format!("#/components/headers/{header}")}});
        }
        ((*name).to_owned(), shown)
    });
    shown.collect::<Map<_, _>>().into()
}

/// Headers of answers.
pub(super) fn headers() -> Value {
    json!({
        "location": {"description": "Where to", "schema": {"type": "string"}},
        "retry-after": {"description": "When to ask again, in seconds", "schema": {"type": "integer", "minimum": 0}},
        "x-millrace-task": {"description": "The task that the answer is about", "schema": {"type": "string", "format": "uuid"}},
    })
}

/// Parameters of paths, by the names that the paths give them.
pub(super) fn parameters() -> Value {
    let uuid = json!({"type": "string", "format": "uuid"});
    let in_path = |name: &str, about: &str, schema: Value, example: &str| json!({"name": name, "in": "path", "required": true, "description": about, "schema": schema, "example": example});
    json!({
        "flow_id": in_path("flow_id", "A flow's id", uuid.clone(), super::operations::FLOW),
        "flow": in_path("flow", "A flow's id, or its endpoint name", json!({"type": "string", "minLength": 1}), "my-flow"),
        "task_id": in_path("task_id", "A task's id", uuid.clone(), super::operations::TASK),
        "key_id": in_path("key_id", "A key's id, which is no part of its text", uuid.clone(), super::operations::KEY),
        "variable_id": in_path("variable_id", "A variable's id", uuid, super::operations::VARIABLE),
    })
}

/// A parameter of the query that may be left out.
pub(super) fn query(name: &str, about: &str, schema: Value) -> Value {
    json!({"name": name, "in": "query", "description": about, "schema": schema})
}

/// The header that makes a request that is sent twice one task.
pub(super) fn idempotency_key() -> Value {
    json!({
        "name": "Idempotency-Key",
        "in": "header",
        "description": "The same request under the same name is the same task. Under a name of another request it is 409, \
            and so it is while the first is still being answered.",
        "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
    })
}
