//! What is answered, where no type of this crate says it.

use serde_json::{Value, json};

use super::or_null;
use crate::openapi::operation::{list_of, named};

pub(super) fn all() -> Vec<(&'static str, Value)> {
    vec![
        (
            "Refusal",
            json!({
                "type": "object",
                "required": ["detail"],
                "properties": {"detail": {"type": "string", "description": "A sentence"}},
            }),
        ),
        ("Invalid", invalid()),
        ("Fault", fault()),
        ("RefusedTweaks", refused_tweaks()),
        ("Task", task()),
        ("Report", report()),
        ("RunResponse", run()),
        ("Pending", pending()),
    ]
}

fn invalid() -> Value {
    let detail = json!({"anyOf": [list_of("Fault"), named("RefusedTweaks"), {"type": "string"}]});
    json!({"type": "object", "required": ["detail"], "properties": {"detail": detail}})
}

fn fault() -> Value {
    json!({
        "type": "object",
        "description": "One thing that does not fit, as pydantic says it",
        "required": ["type", "loc", "msg", "input"],
        "properties": {
            "type": {"type": "string"},
            "loc": {"type": "array", "items": {"type": ["string", "integer"]}, "description": "Where"},
            "msg": {"type": "string"},
            "input": {"description": "What was there"},
            "ctx": {"type": "object"},
            "url": {"type": "string"},
        },
    })
}

fn refused_tweaks() -> Value {
    json!({
        "type": "object",
        "description": "Tweaks that would change code",
        "required": ["error", "code", "message", "fields"],
        "properties": {
            "error": {"type": "string"},
            "code": {"const": "TWEAKS_REFUSED"},
            "message": {"type": "string"},
            "fields": {"type": "array", "items": {"type": "string"}},
        },
    })
}

fn task() -> Value {
    let time = json!({"type": "string", "format": "date-time"});
    let time_or_null = json!({"type": ["string", "null"], "format": "date-time"});
    let id = json!({"type": "string", "format": "uuid"});
    json!({
        "type": "object",
        "required": ["status", "result", "state", "task_id", "flow_id", "session_id", "attempt", "failures",
            "created_at", "started_at", "ended_at", "deadline", "error"],
        "properties": {
            "status": {"enum": ["PENDING", "SUCCESS", "FAILURE"]},
            "result": {"description": "The result; where the task failed, the sentence that says why"},
            "state": named("TaskState"),
            "task_id": id,
            "flow_id": id,
            "session_id": {"type": "string"},
            "attempt": {"type": "integer", "minimum": 0, "description": "How many times it was claimed"},
            "failures": {"type": "integer", "minimum": 0,
                "description": "Of these, how many ended by a crash or for a passing reason"},
            "created_at": time,
            "started_at": time_or_null,
            "ended_at": time_or_null,
            "deadline": time_or_null,
            "progress": {"type": "object", "description": "While it runs, as of the last heartbeat"},
            "usage": usage(),
            "origin": {"type": "string", "format": "uuid", "description": "The first of the chain of retries"},
            "callback": {"type": "string", "description": "Whether its end was posted to its callback_url"},
            "error": or_null(json!({
                "type": "object",
                "required": ["kind", "message", "retryable"],
                "properties": {
                    "kind": {"type": "string"},
                    "message": {"type": "string"},
                    "retryable": {"type": "boolean"},
                },
            })),
        },
    })
}

/// What a task or a day used.
pub(in crate::openapi) fn usage() -> Value {
    let count = || json!({"type": "integer", "minimum": 0});
    let amount = || json!({"type": "number", "minimum": 0});
    let properties = json!({
        "input": count(),
        "output": count(),
        "models": {"type": "object", "description": "Tokens by the model's name: `{input, output}`",
            "additionalProperties": {"type": "object", "required": ["input", "output"],
                "properties": {"input": count(), "output": count()}}},
        "effects": count(),
        "billed_ms": {"type": "integer", "minimum": 0,
            "description": "Its share of the time of the functions that ran it"},
        "gb_seconds": amount(),
        "requests": {"type": "object", "description": "By service: `lambda`, `dynamodb`, `sqs`, `s3`, `kms`",
            "additionalProperties": count()},
        "write_units": amount(),
        "read_units": amount(),
        "cost_usd": {"type": "number", "minimum": 0, "description": "By estimate, from the price table"},
        "unpriced_models": {"type": "array", "items": {"type": "string"},
            "description": "Models that the price table does not know: no part of the cost"},
    });
    json!({"type": "object", "required": ["input", "output", "cost_usd"], "properties": properties,
        "description": "What it used, once it has ended"})
}

fn report() -> Value {
    let node = json!({
        "type": "object",
        "required": ["id", "type", "runs"],
        "properties": {
            "id": {"type": "string"},
            "type": {"type": "string"},
            "runs": {"type": "boolean"},
            "why": {"type": "string", "description": "Why it does not, or what differs from the drawing"},
        },
    });
    let service = json!({
        "type": "object",
        "required": ["service", "address", "nodes"],
        "properties": {
            "service": {"type": "string"},
            "address": {"type": ["string", "null"]},
            "nodes": {"type": "array", "items": {"type": "string"}},
        },
    });
    json!({
        "type": "object",
        "description": "What of a flow runs, what does not and why, and which services it calls",
        "required": ["runs", "dialect", "nodes", "warnings", "services"],
        "properties": {
            "runs": {"type": "boolean"},
            "dialect": {"enum": ["0.x", "1.x", ""], "description": "Empty where it cannot be told"},
            "nodes": {"type": "array", "items": node},
            "warnings": {"type": "array", "items": {"type": "string"}},
            "services": {"type": "array", "items": service},
        },
    })
}

fn run() -> Value {
    json!({
        "type": "object",
        "description": "The outputs that were asked for, in Langflow's nesting",
        "required": ["session_id", "outputs"],
        "properties": {
            "session_id": {"type": "string"},
            "outputs": {"type": "array", "items": {"type": "object"}},
        },
    })
}

fn pending() -> Value {
    json!({
        "type": "object",
        "description": "An answer without outputs that names its task",
        "required": ["session_id", "outputs", "task"],
        "properties": {
            "session_id": {"type": "string"},
            "outputs": {"type": "array", "maxItems": 0},
            "task": named("TaskReference"),
        },
    })
}
