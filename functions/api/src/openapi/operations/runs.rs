//! Calls of flows.

use serde_json::{Value, json};

use super::{FLOW, RUNS, TASK};
use crate::openapi::operation::{Answer, Body, Content, Operation, named};
use crate::openapi::shared::{idempotency_key, query};

/// What a run can come to besides a result.
const REFUSALS: &[u16] = &[404, 409, 502, 504];

/// Operations that go on with the task of an answer.
const OF_TASK: &[(&str, &str, &str)] = &[
    ("poll_task", "task_id", "$response.body#/task/id"),
    ("cancel_task", "task_id", "$response.body#/task/id"),
    ("retry_task", "task_id", "$response.body#/task/id"),
];

pub(super) fn operations() -> Vec<Operation> {
    vec![
        process("/api/v1/process/{flow_id}", "process", "Run a 0.x flow"),
        process("/api/v1/predict/{flow_id}", "predict", "Run a 0.x flow, by the older name"),
        preload(),
        run(),
    ]
}

fn process(path: &'static str, id: &'static str, summary: &'static str) -> Operation {
    let result = json!({
        "result": {"text": "Hello!"}, "status": null, "task": task(), "session_id": "ann", "backend": "anyio",
    });
    let body = json!({"inputs": {"text": "hi"}, "session_id": "ann"});
    Operation {
        about: "With `\"sync\": false`, and where the run takes longer than a caller is kept waiting, the answer has \
                no result but `\"status\": \"PENDING\"` and a task to ask for.",
        parameters: vec![idempotency_key()],
        body: Some(Body::json("ProcessRequest", body).or_none()),
        answers: vec![Answer {
            headers: &["x-millrace-task"],
            links: OF_TASK,
            ..Answer::json(200, "The result, or the task", named("ProcessResponse"), result)
        }],
        refusals: REFUSALS,
        ..Operation::new(("post", path), id, RUNS, summary)
    }
}

fn preload() -> Operation {
    let answer = json!({
        "type": "object",
        "required": ["session_id", "is_clear"],
        "properties": {"session_id": {"type": "string"}, "is_clear": {"type": ["boolean", "null"]}},
    });
    let body = json!({"clear_session": true});
    let session = json!({"type": "string", "maxLength": 512});
    Operation {
        about: "Langflow builds the flow here. There is nothing to build beforehand, so that without \
                `clear_session` nothing happens.",
        parameters: vec![query("session_id", "The conversation; the flow's id unless told", session)],
        body: Some(Body::json("PreloadRequest", body).or_none()),
        answers: vec![Answer::json(200, "Done", answer, json!({"session_id": "ann", "is_clear": true}))],
        refusals: &[404, 409],
        ..Operation::new(
            ("post", "/api/v1/process/preload/{flow_id}"),
            "preload",
            RUNS,
            "Name a conversation, or forget it",
        )
    }
}

fn run() -> Operation {
    let frames =
        "{\"event\": \"end\", \"data\": {\"result\": {\"session_id\": \"ann\", \"outputs\": []}}}\n\n";
    let result = Answer {
        headers: &["x-millrace-task"],
        ..Answer::json(200, "The outputs; with `stream`, events", named("RunResponse"), outputs(json!({})))
    };
    let pending = Answer {
        headers: &["x-millrace-task"],
        links: OF_TASK,
        ..Answer::json(202, "The task", named("Pending"), outputs(json!({"task": task()})))
    };
    let body = json!({"input_value": "hi", "input_type": "chat", "output_type": "chat", "session_id": "ann"});
    Operation {
        about: "With `\"sync\": false`, and where the run takes longer than a caller is kept waiting, the answer is \
                202 with a task to ask for. The events of `?stream=true` come all at once, when the run has ended, \
                in Langflow's own form: JSON and an empty line each. An error is an event then.",
        parameters: vec![query("stream", "Whether to answer with events", named("Flag")), idempotency_key()],
        body: Some(Body::json("RunRequest", body).or_none().or(Content::form("RunForm"))),
        answers: vec![with(result, Content::text("text/event-stream", frames.into())), pending],
        refusals: REFUSALS,
        ..Operation::new(("post", "/api/v1/run/{flow}"), "run", RUNS, "Run a 1.x flow")
    }
}

fn task() -> Value {
    json!({"id": TASK, "href": format!("api/v1/task/{TASK}")})
}

fn outputs(more: Value) -> Value {
    let mut answer = json!({"session_id": FLOW, "outputs": []});
    if let (Value::Object(answer), Value::Object(more)) = (&mut answer, more) {
        answer.extend(more);
    }
    answer
}

fn with(mut answer: Answer, content: Content) -> Answer {
    answer.content.push(content);
    answer
}
