//! What became of a task (0.6 contract 1.2, but for its key).

use axum::response::Response;
use jiff::Timestamp;
use millrace_store::{FlowId, Principal, State, TaskError, TaskId, TaskRecord};
use serde::Serialize;
use serde_json::{Value, json};

use crate::error::ApiError;
use crate::request::Incoming;
use crate::respond;

/// `status` and `result` are Langflow's; its clients ignore the rest.
#[derive(Serialize)]
struct TaskResponse {
    status: &'static str,
    result: Value,
    state: State,
    task_id: TaskId,
    flow_id: FlowId,
    session_id: String,
    attempt: u64,
    created_at: Timestamp,
    started_at: Option<Timestamp>,
    ended_at: Option<Timestamp>,
    error: Option<Value>,
}

/// `GET /api/v1/task/{task_id}`
///
/// An id that is unknown, another tenant's or none at all is 404, never PENDING.
pub(crate) async fn poll(incoming: Incoming, caller: Principal) -> Result<Response, ApiError> {
    let unknown = || ApiError::not_found("Task not found");
    let id: TaskId = incoming.param("task_id").parse().map_err(|_| unknown())?;
    let task = incoming.app.runner.store().task(&caller.tenant, id).await?.ok_or_else(unknown)?;
    Ok(respond::of_task(respond::ok(&TaskResponse::from(task)), id))
}

impl From<TaskRecord> for TaskResponse {
    fn from(task: TaskRecord) -> Self {
        let (status, result) = match task.state {
            State::Queued | State::Running => ("PENDING", Value::Null),
            State::Succeeded => ("SUCCESS", task.result.unwrap_or_default()),
            State::Failed => {
                ("FAILURE", task.error.as_ref().map_or(Value::Null, |error| json!(error.message)))
            }
            State::Cancelled => ("FAILURE", json!("cancelled")),
        };
        let error =
            task.error.map(|TaskError { kind, message, .. }| json!({"kind": kind, "message": message}));
        Self {
            status,
            result,
            state: task.state,
            task_id: task.id,
            flow_id: task.flow,
            session_id: task.session,
            attempt: task.attempt,
            created_at: task.created_at,
            started_at: task.started_at,
            ended_at: task.ended_at,
            error,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(state: State, result: Option<Value>, error: Option<TaskError>) -> Value {
        let record = TaskRecord {
            id: "01890a5d-ac96-774b-bcce-b302099a8057".parse().unwrap(),
            state,
            flow: "67e55044-10b1-426f-9247-bb680e5fe0c8".parse().unwrap(),
            flow_version: "v".into(),
            session: "s".into(),
            created_at: Timestamp::from_second(1_700_000_000).unwrap(),
            started_at: None,
            ended_at: None,
            attempt: 1,
            result,
            error,
        };
        serde_json::to_value(TaskResponse::from(record)).unwrap()
    }

    #[test]
    fn states_have_langflow_s_words() {
        let error = TaskError { kind: "upstream".into(), message: "Error: no".into(), retryable: true };
        for (task, status, result, state) in [
            (task(State::Queued, None, None), "PENDING", json!(null), "queued"),
            (task(State::Running, None, None), "PENDING", json!(null), "running"),
            (
                task(State::Succeeded, Some(json!({"text": "hi"})), None),
                "SUCCESS",
                json!({"text": "hi"}),
                "succeeded",
            ),
            (task(State::Succeeded, Some(json!(null)), None), "SUCCESS", json!(null), "succeeded"),
            (task(State::Failed, None, Some(error.clone())), "FAILURE", json!("Error: no"), "failed"),
            (task(State::Cancelled, None, None), "FAILURE", json!("cancelled"), "cancelled"),
        ] {
            assert_eq!(
                (&task["status"], &task["result"], &task["state"]),
                (&json!(status), &result, &json!(state))
            );
        }
        let failed = task(State::Failed, None, Some(error));
        assert_eq!(failed["error"], json!({"kind": "upstream", "message": "Error: no"}));
        assert_eq!(failed["created_at"], "2023-11-14T22:13:20Z");
        assert_eq!(failed.as_object().unwrap().keys().next().unwrap(), "status");
    }
}
