//! What became of calls.

use serde_json::{Value, json};

use super::{FLOW, TASK, TASKS};
use crate::openapi::operation::{Answer, Body, Operation, list_of, named};
use crate::openapi::schemas;
use crate::openapi::shared::{idempotency_key, query};

pub(super) fn operations() -> Vec<Operation> {
    let cancelled = || Answer::json(200, "The task, cancelled", named("Task"), task("FAILURE", "cancelled"));
    vec![
        poll(),
        Operation {
            about: "A task that runs stops before its next effect.",
            answers: vec![cancelled()],
            refusals: &[404, 409],
            ..Operation::new(("delete", "/api/v1/task/{task_id}"), "cancel_task", TASKS, "Cancel a task")
        },
        Operation {
            about: "The same for clients that cannot send DELETE.",
            answers: vec![cancelled()],
            refusals: &[400, 404, 409, 413, 422],
            ..Operation::new(
                ("post", "/api/v1/task/{task_id}/cancel"),
                "cancel_task_by_post",
                TASKS,
                "Cancel a task",
            )
        },
        retry(),
        list(),
        usage(),
    ]
}

fn poll() -> Operation {
    let wait = json!({"type": "number", "minimum": 0, "maximum": 20, "default": 0});
    Operation {
        about: "Another tenant's task is as one that never was.",
        parameters: vec![query("wait", "How many seconds to wait for the end", wait)],
        answers: vec![Answer {
            headers: &["retry-after", "x-millrace-task"],
            ..Answer::json(200, "How it is", named("Task"), task("SUCCESS", "succeeded"))
        }],
        refusals: &[404, 422],
        ..Operation::new(("get", "/api/v1/task/{task_id}"), "poll_task", TASKS, "Ask how a task is")
    }
}

fn retry() -> Operation {
    let answer = json!({
        "result": null, "status": "PENDING", "task": {"id": TASK, "href": format!("api/v1/task/{TASK}")},
        "session_id": "ann", "backend": "celery", "retry_of": TASK,
    });
    Operation {
        about: "The same call on the same version of the flow. What the failed task has recorded is not done again. \
                409 unless it has failed, and for calls whose caller waited to the end. Secrets of the call were erased \
                with its end: they come again, as tweaks and as headers, or 409 names them.",
        body: Some(Body::json("RetryRequest", json!({})).or_none()),
        parameters: vec![idempotency_key()],
        answers: vec![Answer {
            headers: &["x-millrace-task"],
            ..Answer::json(200, "The new task", named("ProcessResponse"), answer)
        }],
        refusals: &[404, 409],
        ..Operation::new(
            ("post", "/api/v1/task/{task_id}/retry"),
            "retry_task",
            TASKS,
            "Make a new task of a failed one",
        )
    }
}

fn list() -> Operation {
    let uuid = json!({"type": "string", "format": "uuid"});
    let limit = json!({"type": "integer", "minimum": 1, "maximum": 100, "default": 20});
    let page = json!({
        "type": "object",
        "required": ["tasks", "cursor"],
        "properties": {"tasks": list_of("TaskRead"), "cursor": {"type": ["string", "null"]}},
    });
    Operation {
        about: "A page may have fewer tasks than asked for; the list ends where `cursor` is null.",
        parameters: vec![
            query("flow_id", "Only those of this flow", uuid),
            query("state", "Only those in this state", named("TaskState")),
            query("limit", "How many at most", limit),
            query("cursor", "Where the page before ended", json!({"type": "string"})),
        ],
        answers: vec![Answer::json(200, "A page", page, json!({"tasks": [], "cursor": null}))],
        refusals: &[422],
        ..Operation::new(("get", "/api/v1/tasks"), "list_tasks", TASKS, "List tasks, newest first")
    }
}

fn usage() -> Operation {
    let day = json!({"type": "string", "format": "date"});
    let mut sums = schemas::usage();
    sums["description"] = "What the tasks used that ended on this day".into();
    sums["properties"]["date"] = day.clone();
    let count = json!({"type": "integer", "minimum": 0});
    sums["properties"]["tasks"] = json!({"type": "object", "required": ["succeeded", "failed", "cancelled"],
        "properties": {"succeeded": count, "failed": count, "cancelled": count}});
    let answer = json!({"type": "object", "required": ["days"],
        "properties": {"days": {"type": "array", "items": sums}}});
    Operation {
        about: "Days are those of UTC, both count, and there may be 31 of the last 62. A task counts on the day on which it \
                ended. What a process has not put yet, of its last seconds, is missing.",
        parameters: vec![
            query("from", "The first day; today unless told", day.clone()),
            query("to", "The last day; today unless told", day),
        ],
        answers: vec![Answer::json(200, "The sums", answer, json!({"days": []}))],
        refusals: &[400, 422],
        ..Operation::new(("get", "/api/v1/usage"), "read_usage", TASKS, "Ask what tasks used, by the day")
    }
}

fn task(status: &str, state: &str) -> Value {
    let result = if status == "SUCCESS" { json!({"text": "Hello!"}) } else { state.into() };
    json!({
        "status": status, "result": result, "state": state, "task_id": TASK, "flow_id": FLOW,
        "session_id": "ann", "attempt": 1, "failures": 0, "created_at": "2026-11-23T09:15:15.293Z",
        "started_at": "2026-11-23T09:15:15.391Z", "ended_at": "2026-11-23T09:15:17.02Z",
        "deadline": "2026-11-23T10:15:15.391Z", "error": null,
    })
}
