//! What a call of a flow is answered with: its result, its error, or its task.

use axum::response::Response;
use millrace_runner::{Accepted, Answer, Ran};
use millrace_store::{State, TaskId, TaskRecord};
use serde::Serialize;
use serde_json::{Value, json};

use crate::error::ApiError;
use crate::respond;

/// The answer of the routes of Langflow 0.x.
#[derive(Serialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
pub(crate) struct ProcessResponse<'a> {
    /// What the flow's root returned; null while the task is open.
    result: &'a Value,
    /// `PENDING` where the call was queued.
    status: Option<&'static str>,
    task: TaskReference,
    /// The conversation; name it in the next call to go on with it.
    session_id: &'a str,
    /// A word of Langflow's: `anyio` ran in the answering process, `celery` is queued.
    backend: &'static str,
    /// The task that this one retries.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schema(value_type = Option<Uuid>))]
    retry_of: Option<TaskId>,
}

/// Where to ask for a task.
#[derive(Serialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
pub(crate) struct TaskReference {
    #[cfg_attr(test, schema(value_type = Uuid))]
    id: TaskId,
    /// Its path below the installation's address.
    href: String,
}

impl From<TaskId> for TaskReference {
    fn from(id: TaskId) -> Self {
        Self { id, href: format!("api/v1/task/{id}") }
    }
}

/// A call of 0.x that came to its end.
pub(crate) fn ended(task: &Accepted, result: &Value) -> Response {
    let body = ProcessResponse {
        result,
        status: None,
        task: task.task.into(),
        session_id: task.session.as_str(),
        backend: "anyio",
        retry_of: None,
    };
    respond::of_task(respond::ok(&body), task.task)
}

/// A call of 0.x that is queued, or the retry of a task.
pub(crate) fn queued(task: &Accepted, retry_of: Option<TaskId>) -> Response {
    let body = ProcessResponse {
        result: &Value::Null,
        status: Some("PENDING"),
        task: task.task.into(),
        session_id: task.session.as_str(),
        backend: "celery",
        retry_of,
    };
    respond::of_task(respond::ok(&body), task.task)
}

/// A call of 1.x that is queued. Langflow has no such answer: it is an empty one that names the task.
pub(crate) fn accepted(task: &Accepted) -> Response {
    let reference = TaskReference::from(task.task);
    let body = json!({"session_id": task.session.as_str(), "outputs": [], "task": reference});
    respond::of_task(respond::accepted(&body), task.task)
}

/// How a call came out, now or when it was first made; `None` while its task is open.
pub(crate) fn outcome(ran: Ran) -> Option<Result<Answer, ApiError>> {
    match ran {
        Ran::Ended(ended) => Some(ended.map_err(ApiError::from)),
        Ran::Queued => None,
        Ran::Before(record) => outcome_of(*record),
    }
}

/// The messages of a run are not kept with its task.
fn outcome_of(task: TaskRecord) -> Option<Result<Answer, ApiError>> {
    match task.state {
        State::Queued | State::Running => None,
        State::Succeeded => {
            Some(Ok(Answer { result: task.result.unwrap_or_default(), messages: Vec::new() }))
        }
        State::Failed => {
            let unnamed = || ApiError::internal("a failed task without an error");
            Some(Err(task.error.map_or_else(unnamed, ApiError::from)))
        }
        State::Cancelled => Some(Err(ApiError::conflict("The task was cancelled"))),
    }
}
