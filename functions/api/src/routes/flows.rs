//! Flows: stored, read, changed, deleted (0.6 contract 1.6).

use axum::response::Response;
use futures::stream::{self, StreamExt, TryStreamExt};
use http::StatusCode;
use jiff::Timestamp;
use millrace_runner::{Moved, Moves, Report, Runner};
use millrace_store::{FlowDraft, FlowId, FlowPatch, FlowRecord, Principal, Store, TenantId};
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::auth::user_id;
use crate::error::ApiError;
use crate::limits;
use crate::request::Incoming;
use crate::respond;
use crate::uuid_text;
use crate::validation::{Fault, Fields};

/// Flows whose data is read at a time.
const PARALLEL_READS: usize = 8;

/// A flow as Langflow shows it.
#[derive(Serialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
pub(crate) struct FlowRead<D> {
    name: String,
    description: Option<String>,
    // JSON text or a value, whichever is at hand: it can be large.
    /// The graph: `nodes` and `edges`.
    #[cfg_attr(test, schema(value_type = Option<Object>))]
    data: Option<D>,
    is_component: bool,
    /// UTC, without a zone.
    updated_at: String,
    folder: Option<String>,
    #[cfg_attr(test, schema(value_type = Uuid))]
    id: FlowId,
    /// The tenant's, the same in every answer.
    user_id: Uuid,
    /// The name under which `/run` finds it.
    #[serde(skip_serializing_if = "Option::is_none")]
    endpoint_name: Option<String>,
    /// What will not run in it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(test, schema(required = false))]
    warnings: Vec<String>,
    /// What runs, what does not and why, and which services are called; in the answer to an upload.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schema(value_type = Option<crate::openapi::Report>))]
    report: Option<Report>,
    /// Credentials that stood in the upload and are variables now.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(test, schema(required = false, value_type = Vec<std::collections::HashMap<String, String>>))]
    moved_credentials: Vec<Moved>,
}

/// `POST /api/v1/flows/`
pub(crate) async fn create(incoming: Incoming, caller: Principal) -> Result<Response, ApiError> {
    let draft = draft(incoming.body.into_value(), vec!["body".into()])?;
    let runner = &incoming.app.runner;
    Ok(respond::created(&store(runner, &caller.tenant, Checked::new(runner, draft)?).await?))
}

/// `GET /api/v1/flows/`
pub(crate) async fn list(incoming: Incoming, caller: Principal) -> Result<Response, ApiError> {
    Ok(respond::ok(&all(incoming.app.runner.store(), &caller.tenant).await?))
}

/// `GET /api/v1/flows/{flow_id}`
pub(crate) async fn read(incoming: Incoming, caller: Principal) -> Result<Response, ApiError> {
    let id = flow_id(&incoming)?;
    let store = incoming.app.runner.store();
    let record = store.flow(&caller.tenant, id).await?.ok_or_else(unknown)?;
    Ok(respond::ok(&with_data(store, &caller.tenant, record).await?))
}

/// `PATCH /api/v1/flows/{flow_id}`
///
/// A field that is null or left out stays as it is.
pub(crate) async fn update(incoming: Incoming, caller: Principal) -> Result<Response, ApiError> {
    let id = flow_id(&incoming)?;
    let runner = &incoming.app.runner;
    let mut patch = patch(incoming.body.into_value())?;
    let (report, warnings) = checked(runner, patch.data.as_ref())?;
    // Before anything is kept of a flow that is not there.
    runner.store().flow(&caller.tenant, id).await?.ok_or_else(unknown)?;
    let moves = moved(runner, &caller.tenant, patch.data.as_mut()).await?;
    let warnings = patch.data.as_ref().map(|_| warnings);
    let written = patch.data.as_ref().map(to_raw_value).transpose().map_err(ApiError::internal)?;
    let patch = FlowPatch { warnings, ..patch };
    let record = match runner.store().update_flow(&caller.tenant, id, patch).await {
        Ok(Some(record)) => record,
        refused => {
            runner.undo_moves(&caller.tenant, moves).await;
            refused?;
            return Err(unknown());
        }
    };
    match written {
        Some(data) => {
            let read = FlowRead::new(&caller.tenant, record, Some(data));
            Ok(respond::ok(&FlowRead { report, moved_credentials: moves.moved, ..read }))
        }
        None => Ok(respond::ok(&with_data(runner.store(), &caller.tenant, record).await?)),
    }
}

/// `DELETE /api/v1/flows/{flow_id}`
pub(crate) async fn delete(incoming: Incoming, caller: Principal) -> Result<Response, ApiError> {
    let id = flow_id(&incoming)?;
    if !incoming.app.runner.store().delete_flow(&caller.tenant, id).await? {
        return Err(unknown());
    }
    Ok(respond::ok(&json!({"message": "Flow deleted successfully"})))
}

/// All flows of a tenant with their data.
pub(crate) async fn all(store: &Store, tenant: &TenantId) -> Result<Vec<FlowRead<Value>>, ApiError> {
    let records = store.flows(tenant).await?;
    let reads = records.into_iter().map(|record| with_data(store, tenant, record));
    stream::iter(reads).buffered(PARALLEL_READS).try_collect().await
}

/// A flow to be created, and what was said of it.
pub(crate) struct Checked {
    draft: FlowDraft,
    report: Option<Report>,
    warnings: Vec<String>,
}

impl Checked {
    /// Looks at a flow; one that is too large is refused.
    pub(crate) fn new(runner: &Runner, draft: FlowDraft) -> Result<Self, ApiError> {
        let (report, warnings) = checked(runner, draft.data.as_ref())?;
        Ok(Self { draft, report, warnings })
    }
}

/// Stores a new flow with what will not run in it.
pub(crate) async fn store(
    runner: &Runner,
    tenant: &TenantId,
    Checked { mut draft, report, warnings }: Checked,
) -> Result<FlowRead<Box<RawValue>>, ApiError> {
    let moves = moved(runner, tenant, draft.data.as_mut()).await?;
    let data = draft.data.as_ref().map(to_raw_value).transpose().map_err(ApiError::internal)?;
    let record = match runner.store().create_flow(tenant, draft, warnings).await {
        Ok(record) => record,
        Err(error) => {
            runner.undo_moves(tenant, moves).await;
            return Err(error.into());
        }
    };
    Ok(FlowRead { report, moved_credentials: moves.moved, ..FlowRead::new(tenant, record, data) })
}

/// The credentials of an upload as variables.
async fn moved(runner: &Runner, tenant: &TenantId, data: Option<&mut Value>) -> Result<Moves, ApiError> {
    match data {
        Some(data) => Ok(runner.move_credentials(tenant, data).await?),
        None => Ok(Moves::default()),
    }
}

type Said = (Option<Report>, Vec<String>);

fn checked(runner: &Runner, data: Option<&Value>) -> Result<Said, ApiError> {
    let Some(data) = data else { return Ok((None, Vec::new())) };
    match runner.check(data) {
        Ok(Some((report, warnings))) => Ok((Some(report), warnings)),
        Ok(None) => Ok((None, Vec::new())),
        Err(too_many) => Err(ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, too_many.to_string())),
    }
}

/// Reads a flow to be created. Other fields, which exports have many of, are ignored.
pub(crate) fn draft(value: Option<Value>, at: Vec<Value>) -> Result<FlowDraft, Vec<Fault>> {
    let mut fields = Fields::of(value, at)?;
    let draft = FlowDraft {
        name: name(&mut fields),
        description: fields.text_within("description", limits::DESCRIPTION),
        data: graph(&mut fields),
        is_component: fields.flag("is_component").unwrap_or(false),
        folder: fields.text_within("folder", limits::NAME),
        endpoint_name: endpoint_name(&mut fields),
    };
    fields.finish()?;
    Ok(draft)
}

fn patch(value: Option<Value>) -> Result<FlowPatch, Vec<Fault>> {
    let mut fields = Fields::of(value, vec!["body".into()])?;
    let patch = FlowPatch {
        name: fields.text_within("name", limits::NAME),
        description: fields.text_within("description", limits::DESCRIPTION),
        data: graph(&mut fields),
        is_component: fields.flag("is_component"),
        folder: fields.text_within("folder", limits::NAME),
        endpoint_name: endpoint_name(&mut fields),
        warnings: None,
    };
    fields.finish()?;
    Ok(patch)
}

/// The field `name` of what has to have one.
fn name(fields: &mut Fields) -> String {
    fields.required_text_within("name", limits::NAME)
}

/// The field `data`, which has to be a graph if it is anything.
fn graph(fields: &mut Fields) -> Option<Value> {
    let data = Value::Object(fields.object("data")?);
    let rule = ["nodes", "edges"].into_iter().find(|part| !data[*part].is_array());
    match rule {
        None => Some(data),
        Some(part) => {
            fields.push(Fault::rule(fields.place("data"), &format!("Flow must have {part}"), data));
            None
        }
    }
}

/// The field `endpoint_name`, which stands in paths. An empty one takes the name away.
fn endpoint_name(fields: &mut Fields) -> Option<String> {
    const RULE: &str = "Endpoint name must contain only letters, numbers, hyphens, and underscores";
    let name = fields.text_within("endpoint_name", limits::NAME)?;
    if name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_') {
        return Some(name);
    }
    fields.push(Fault::rule(fields.place("endpoint_name"), RULE, name.into()));
    None
}

pub(crate) fn flow_id(incoming: &Incoming) -> Result<FlowId, ApiError> {
    let text = incoming.param("flow_id");
    let refused = |why: String| Fault::uuid(vec!["path".into(), "flow_id".into()], &why, text).into();
    uuid_text::parse(text).map(FlowId).map_err(refused)
}

pub(crate) fn unknown() -> ApiError {
    ApiError::not_found("Flow not found")
}

async fn with_data(
    store: &Store,
    tenant: &TenantId,
    record: FlowRecord,
) -> Result<FlowRead<Value>, ApiError> {
    let data = match &record.version {
        Some(version) => store.flow_data(tenant, record.id, version).await?,
        None => None,
    };
    Ok(FlowRead::new(tenant, record, data))
}

impl<D> FlowRead<D> {
    fn new(tenant: &TenantId, record: FlowRecord, data: Option<D>) -> Self {
        Self {
            name: record.name,
            description: record.description,
            data,
            is_component: record.is_component,
            updated_at: naive(record.updated_at),
            folder: record.folder,
            id: record.id,
            user_id: user_id(tenant),
            endpoint_name: record.endpoint_name,
            warnings: record.warnings,
            report: None,
            moved_credentials: Vec::new(),
        }
    }
}

/// A time as Python shows one without a zone. The table keeps milliseconds.
pub(crate) fn naive(time: Timestamp) -> String {
    let micros = time.as_millisecond().rem_euclid(1000) * 1000;
    format!("{}.{micros:06}", time.strftime("%Y-%m-%dT%H:%M:%S"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(value: Value) -> Value {
        let refused = draft(Some(value), vec!["body".into()]).unwrap_err();
        ApiError::from(refused).parts().1.clone()
    }

    #[test]
    fn a_draft_has_a_name_and_a_graph_or_none() {
        for data in [json!(null), json!({"nodes": [], "edges": []})] {
            assert!(
                draft(Some(json!({"name": "x", "data": data, "last_tested_version": "1"})), vec![]).is_ok()
            );
        }
        for (value, kind, message) in [
            (json!({"data": null}), "missing", "Field required"),
            (json!({"name": 1}), "string_type", "Input should be a valid string"),
            (json!({"name": "x", "data": []}), "dict_type", "Input should be a valid dictionary"),
            (json!({"name": "x", "data": {"edges": []}}), "value_error", "Value error, Flow must have nodes"),
            (json!({"name": "x", "data": {"nodes": {}}}), "value_error", "Value error, Flow must have nodes"),
            (json!({"name": "x", "data": {"nodes": []}}), "value_error", "Value error, Flow must have edges"),
        ] {
            let faults = faults(value.clone());
            assert_eq!((&faults[0]["type"], &faults[0]["msg"]), (&json!(kind), &json!(message)), "{value}");
            assert_eq!(faults.as_array().unwrap().len(), 1, "{value}");
        }
        for (field, most) in [("name", 255), ("description", 10_000), ("folder", 255), ("endpoint_name", 255)]
        {
            let of_length = |length| {
                let mut body = json!({"name": "x"});
                body[field] = "e".repeat(length).into();
                draft(Some(body), vec!["body".into()])
            };
            assert!(of_length(most).is_ok(), "{field}");
            let fault = ApiError::from(of_length(most + 1).unwrap_err()).parts().1[0].clone();
            assert_eq!((&fault["loc"][1], &fault["ctx"]), (&json!(field), &json!({"max_length": most})));
            assert_eq!(fault["msg"], json!(format!("String should have at most {most} characters")));
        }
        assert_eq!(
            faults(json!({"name": "x", "endpoint_name": "a/b"}))[0]["loc"],
            json!(["body", "endpoint_name"])
        );
    }

    #[test]
    fn times_are_shown_as_python_shows_them() {
        let time: Timestamp = "2026-11-23T17:16:20.192910Z".parse().unwrap();
        assert_eq!(naive(time), "2026-11-23T17:16:20.192000");
        assert_eq!(naive(Timestamp::UNIX_EPOCH), "1970-01-01T00:00:00.000000");
    }
}
