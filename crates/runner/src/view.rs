//! A task as its owner sees it: what a poll answers and a callback brings.

use jiff::Timestamp;
use millrace_store::{CallbackState, FlowId, State, TaskError, TaskId, TaskRecord};
use serde::Serialize;
use serde_json::{Value, json};

use crate::usage::TaskUsage;

/// `status` and `result` are Langflow's; its clients ignore the rest.
#[derive(Debug, Clone, Serialize)]
pub struct TaskView {
    /// `PENDING`, `SUCCESS` or `FAILURE`.
    pub status: &'static str,
    /// The result; where the task failed, the sentence that says why.
    pub result: Value,
    /// Where the task is.
    pub state: State,
    /// Which task.
    pub task_id: TaskId,
    /// The flow it runs.
    pub flow_id: FlowId,
    /// The conversation.
    pub session_id: String,
    /// How many times it was claimed.
    pub attempt: u64,
    /// Of these, how many ended by a crash or for a passing reason.
    pub failures: u64,
    /// When it was accepted.
    pub created_at: Timestamp,
    /// When it was first claimed.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// When it ends as timed out at the latest; known once it was claimed.
    pub deadline: Option<Timestamp>,
    /// While it runs: `{vertices_done, done, running, usage}`, as of the last heartbeat.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub progress: Option<Value>,
    /// What it used, once it has ended: tokens, `{input, output, models}`, and by estimate what that and its share of
    /// functions and services cost.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage: Option<Value>,
    /// The first task of the chain of retries that this one ends, where it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin: Option<TaskId>,
    /// Whether its end was posted to its `callback_url`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub callback: Option<&'static str>,
    /// Why it failed: `{kind, message, retryable}`.
    pub error: Option<Value>,
}

impl From<TaskRecord> for TaskView {
    fn from(task: TaskRecord) -> Self {
        let (status, result) = match task.state {
            State::Queued | State::Running => ("PENDING", Value::Null),
            State::Succeeded => ("SUCCESS", task.result.unwrap_or_default()),
            State::Failed => {
                ("FAILURE", task.error.as_ref().map_or(Value::Null, |error| json!(error.message)))
            }
            State::Cancelled => ("FAILURE", json!("cancelled")),
        };
        let error = task.error.map(|TaskError { kind, message, retryable }| {
            json!({"kind": kind, "message": message, "retryable": retryable})
        });
        Self {
            status,
            result,
            state: task.state,
            task_id: task.id,
            flow_id: task.flow,
            session_id: task.session,
            attempt: task.attempt,
            failures: task.failures,
            created_at: task.created_at,
            started_at: task.started_at,
            ended_at: task.ended_at,
            deadline: task.deadline,
            progress: task.progress,
            usage: task.usage.map(|usage| TaskUsage::of(usage).told()),
            origin: (task.origin != task.id).then_some(task.origin),
            callback: task.callback.map(CallbackState::as_str),
            error,
        }
    }
}
