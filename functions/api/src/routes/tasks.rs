//! The tasks of a tenant, newest first.

use axum::response::Response;
use jiff::Timestamp;
use millrace_store::{Cursor, FlowId, Principal, State, TaskId, TaskQuery, TaskSummary};
use serde::Serialize;
use serde_json::json;

use crate::error::ApiError;
use crate::request::Incoming;
use crate::respond;
use crate::uuid_text;
use crate::validation::{Fault, Fields};

const DEFAULT_LIMIT: usize = 20;

/// A task without what it returned.
#[derive(Serialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
pub(crate) struct TaskRead {
    #[cfg_attr(test, schema(value_type = Uuid))]
    task_id: TaskId,
    #[cfg_attr(test, schema(value_type = Uuid))]
    flow_id: FlowId,
    session_id: String,
    #[cfg_attr(test, schema(value_type = crate::openapi::TaskState))]
    state: State,
    /// `PENDING`, `SUCCESS` or `FAILURE`.
    status: &'static str,
    /// How many times it was claimed.
    attempt: u64,
    #[cfg_attr(test, schema(value_type = String, format = DateTime))]
    created_at: Timestamp,
    #[cfg_attr(test, schema(value_type = Option<String>, format = DateTime))]
    started_at: Option<Timestamp>,
    #[cfg_attr(test, schema(value_type = Option<String>, format = DateTime))]
    ended_at: Option<Timestamp>,
}

/// `GET /api/v1/tasks?flow_id=&state=&limit=&cursor=`
///
/// A page can have fewer tasks than asked for, even none, and still a `cursor` to go on from: a filter that few
/// tasks fit is looked for only so far in one call. At the end `cursor` is null.
pub(crate) async fn list(incoming: Incoming, caller: Principal) -> Result<Response, ApiError> {
    let query = query(incoming.query())?;
    let page = incoming.app.runner.store().tasks(&caller.tenant, &query).await?;
    let tasks: Vec<_> = page.tasks.into_iter().map(TaskRead::from).collect();
    let cursor = page.next.map(|cursor| cursor.to_string());
    Ok(respond::ok(&json!({"tasks": tasks, "cursor": cursor})))
}

fn query(mut fields: Fields) -> Result<TaskQuery, Vec<Fault>> {
    let states = State::ALL.map(|state| (state.as_str(), state));
    let query = TaskQuery {
        flow: flow(&mut fields),
        state: fields.word("state", &states),
        limit: fields.whole("limit", 1..=100).map_or(DEFAULT_LIMIT, |limit| limit as usize),
        cursor: cursor(&mut fields),
    };
    fields.finish()?;
    Ok(query)
}

fn flow(fields: &mut Fields) -> Option<FlowId> {
    let text = fields.text("flow_id")?;
    match uuid_text::parse(&text) {
        Ok(id) => Some(FlowId(id)),
        Err(why) => {
            fields.push(Fault::uuid(fields.place("flow_id"), &why, &text));
            None
        }
    }
}

fn cursor(fields: &mut Fields) -> Option<Cursor> {
    let text = fields.text("cursor")?;
    match text.parse::<Cursor>() {
        Ok(cursor) => Some(cursor),
        Err(error) => {
            fields.push(Fault::rule(fields.place("cursor"), &error.to_string(), text.into()));
            None
        }
    }
}

impl From<TaskSummary> for TaskRead {
    fn from(task: TaskSummary) -> Self {
        Self {
            task_id: task.id,
            flow_id: task.flow,
            session_id: task.session,
            state: task.state,
            status: status(task.state),
            attempt: task.attempt,
            created_at: task.created_at,
            started_at: task.started_at,
            ended_at: task.ended_at,
        }
    }
}

/// Langflow's word for a state.
fn status(state: State) -> &'static str {
    match state {
        State::Queued | State::Running => "PENDING",
        State::Succeeded => "SUCCESS",
        State::Failed | State::Cancelled => "FAILURE",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<TaskQuery, Value> {
        let pairs: Vec<_> = pairs.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
        query(Fields::query(&pairs)).map_err(|faults| ApiError::from(faults).parts().1.clone())
    }

    #[test]
    fn every_parameter_may_be_left_out() {
        assert_eq!(read(&[]).unwrap(), TaskQuery { limit: 20, ..TaskQuery::default() });
        let flow = "67e55044-10b1-426f-9247-bb680e5fe0c8";
        let query =
            read(&[("flow_id", flow), ("state", "failed"), ("limit", "100"), ("other", "x")]).unwrap();
        let expected = TaskQuery {
            flow: Some(flow.parse().unwrap()),
            state: Some(State::Failed),
            limit: 100,
            cursor: None,
        };
        assert_eq!(query, expected);
    }

    #[test]
    fn a_parameter_that_does_not_fit_is_named() {
        for (name, value, kind) in [
            ("flow_id", "", "uuid_parsing"),
            ("flow_id", "abc", "uuid_parsing"),
            ("state", "", "literal_error"),
            ("state", "FAILED", "literal_error"),
            ("limit", "0", "greater_than_equal"),
            ("limit", "101", "less_than_equal"),
            ("limit", "ten", "int_parsing"),
            ("cursor", "", "value_error"),
            ("cursor", "AAAA", "value_error"),
        ] {
            let faults = read(&[(name, value)]).unwrap_err();
            let fault = &faults[0];
            assert_eq!((&fault["type"], &fault["loc"]), (&json!(kind), &json!(["query", name])), "{value}");
        }
    }
}
