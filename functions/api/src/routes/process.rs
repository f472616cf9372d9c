//! Calls of 0.x flows, run at once or queued (0.6 contract 1.1).

use std::time::Duration;

use axum::response::Response;
use millrace_runner::{Accepted, Call, Executed, Inputs, Job, Options, Session};
use millrace_store::{FlowId, FlowRecord, Host, Principal, Scope, SessionId, Store, TenantId};
use serde_json::{Map, Value};

use crate::answer;
use crate::call_variables;
use crate::digest::sha256;
use crate::error::ApiError;
use crate::idempotency::Name;
use crate::options;
use crate::request::Incoming;
use crate::validation::{DICT, Fault, Fields};

/// The body of a call. Every field may be left out.
struct ProcessRequest {
    inputs: Inputs,
    tweaks: Map<String, Value>,
    clear_cache: bool,
    session: Option<SessionId>,
    sync: bool,
    options: Options,
}

/// `POST /api/v1/process/{flow_id}` and its older name `/predict`
///
/// A call that cannot be waited for to its end is answered as one that was to be queued.
pub(crate) async fn process(incoming: Incoming, caller: Principal) -> Result<Response, ApiError> {
    let flow_id = incoming.param("flow_id").to_owned();
    let Incoming { app, body, headers, id: request_id, trace, .. } = incoming;
    let (runner, body) = (&app.runner, body.into_value());
    let name = Name::read(&headers, body.as_ref())?;
    let variables = call_variables::read(&headers)?;
    let may_redirect = caller.terms.scopes.allow(Scope::Deploy);
    let request = ProcessRequest::read(body, runner.store().config().max_task_timeout)?;
    let flow = find(runner.store(), &caller.tenant, &flow_id).await?;
    let (session, of) = match request.session {
        Some(session) => {
            let of = if is_made_here(&session) { Session::GoesOn } else { Session::Named };
            (session, of)
        }
        None => {
            let version = flow.version.as_deref().unwrap_or_default();
            (new_session(runner.store().host(), version)?, Session::Begins)
        }
    };
    let call =
        Call::Process { inputs: request.inputs, tweaks: request.tweaks, clear_session: request.clear_cache };
    let idempotency = name.map(|name| name.of("process", flow.id));
    let options =
        Options { idempotency, request_id, trace, session: of, variables, may_redirect, ..request.options };
    let job = Job { tenant: caller.tenant, flow, session, call, options };
    if !request.sync {
        return Ok(answer::queued(&runner.submit(&job).await?, None));
    }
    let Executed { task, session, ran } = runner.run_now(job).await?;
    let accepted = Accepted { task, session };
    match answer::outcome(ran) {
        Some(Ok(done)) => Ok(answer::ended(&accepted, &done.result)),
        Some(Err(error)) => Err(error.of_task(task)),
        None => Ok(answer::queued(&accepted, None)),
    }
}

pub(crate) async fn find(store: &Store, tenant: &TenantId, flow_id: &str) -> Result<FlowRecord, ApiError> {
    let unknown = || ApiError::not_found(format!("Flow {flow_id} not found"));
    let id: FlowId = flow_id.parse().map_err(|_| unknown())?;
    store.flow(tenant, id).await?.ok_or_else(unknown)
}

/// A session of its own for a call that names none, in the form of Langflow's: `A1B2C3:<hash of the flow>`.
fn new_session(host: &dyn Host, version: &str) -> Result<SessionId, ApiError> {
    const LETTERS: &[u8; 36] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    let mut bytes = [0; 6];
    host.random(&mut bytes);
    let prefix: String =
        bytes.iter().map(|byte| char::from(LETTERS[usize::from(*byte) % LETTERS.len()])).collect();
    SessionId::try_from(format!("{prefix}:{}", sha256(&[version])))
        .map_err(|_| ApiError::internal("a session id of our own"))
}

/// Whether a session has the form of those that [`new_session`] makes.
fn is_made_here(session: &SessionId) -> bool {
    let letters = |prefix: &str| prefix.len() == 6 && prefix.bytes().all(|b| b.is_ascii_alphanumeric());
    let digits = |hash: &str| hash.len() == 64 && hash.bytes().all(|b| b.is_ascii_hexdigit());
    session.as_str().split_once(':').is_some_and(|(prefix, hash)| letters(prefix) && digits(hash))
}

impl ProcessRequest {
    fn read(body: Option<Value>, longest: Duration) -> Result<Self, Vec<Fault>> {
        let mut fields = Fields::embedded(body);
        let request = Self {
            inputs: inputs(&mut fields).unwrap_or_else(|| Inputs::One(Map::new())),
            tweaks: fields.object("tweaks").unwrap_or_default(),
            clear_cache: fields.flag("clear_cache").unwrap_or(false),
            session: session(&mut fields),
            sync: fields.flag("sync").unwrap_or(true),
            options: options::read(&mut fields, longest),
        };
        fields.finish()?;
        Ok(request)
    }
}

/// The field `session_id`; an empty one is none.
pub(crate) fn session(fields: &mut Fields) -> Option<SessionId> {
    let text = fields.text("session_id").filter(|text| !text.is_empty())?;
    match SessionId::try_from(text.as_str()) {
        Ok(session) => Some(session),
        Err(error) => {
            fields.push(Fault::rule(fields.place("session_id"), &error.to_string(), text.into()));
            None
        }
    }
}

/// An object or a list of objects. Whatever is neither has a fault for both, as a union of pydantic has.
fn inputs(fields: &mut Fields) -> Option<Inputs> {
    let place = |branch: &str| [fields.place("inputs"), vec![branch.into()]].concat();
    let (list, dict) = (place("list[dict[any,any]]"), place("dict[any,any]"));
    let items = match fields.take("inputs")? {
        Value::Object(one) => return Some(Inputs::One(one)),
        Value::Array(items) if items.iter().all(Value::is_object) => {
            return Some(Inputs::Many(objects(items)));
        }
        Value::Array(items) => items,
        other => {
            fields.push(Fault::new("list_type", list, "Input should be a valid list", other.clone()));
            fields.push(Fault::new("dict_type", dict, DICT, other));
            return None;
        }
    };
    for (index, item) in items.iter().enumerate().filter(|(_, item)| !item.is_object()) {
        let place = [list.clone(), vec![index.into()]].concat();
        fields.push(Fault::new("dict_type", place, DICT, item.clone()));
    }
    fields.push(Fault::new("dict_type", dict, DICT, items.into()));
    None
}

fn objects(items: Vec<Value>) -> Vec<Map<String, Value>> {
    let object = |item| {
        if let Value::Object(object) = item { Some(object) } else { None }
    };
    items.into_iter().filter_map(object).collect()
}

#[cfg(test)]
mod tests {
    use millrace_store::SystemHost;
    use serde_json::json;

    use super::*;

    fn read(body: Value) -> Result<ProcessRequest, Value> {
        let refused = |faults: Vec<Fault>| ApiError::from(faults).parts().1.clone();
        ProcessRequest::read(Some(body), Duration::from_secs(60)).map_err(refused)
    }

    /// Bodies with their faults, as `[type, loc below body]`.
    #[test]
    fn bodies_of_the_wrong_shape_name_every_fault() {
        let cases = [
            (json!({"inputs": "x"}), json!([["list_type", "inputs"], ["dict_type", "inputs"]])),
            (
                json!({"inputs": [{}, 1, "x"]}),
                json!([["dict_type", "inputs"], ["dict_type", "inputs"], ["dict_type", "inputs"]]),
            ),
            (json!({"tweaks": [1]}), json!([["dict_type", "tweaks"]])),
            (json!({"clear_cache": "x"}), json!([["bool_parsing", "clear_cache"]])),
            (json!({"session_id": 5}), json!([["string_type", "session_id"]])),
            (json!({"session_id": "s".repeat(513)}), json!([["value_error", "session_id"]])),
            (
                json!({"timeout": 61, "sync": "maybe", "session_id": 1, "inputs": 1}),
                json!([
                    ["list_type", "inputs"],
                    ["dict_type", "inputs"],
                    ["string_type", "session_id"],
                    ["bool_parsing", "sync"],
                    ["less_than_equal", "timeout"]
                ]),
            ),
            (
                json!([1]),
                json!(
                    ["inputs", "tweaks", "clear_cache", "session_id", "sync"].map(|name| ["missing", name])
                ),
            ),
        ];
        for (body, expected) in cases {
            let faults = read(body.clone()).err().unwrap();
            let short = |fault: &Value| json!([fault["type"], fault["loc"][1]]);
            let short: Vec<_> = faults.as_array().unwrap().iter().map(short).collect();
            assert_eq!(json!(short), expected, "{body}");
        }
    }

    #[test]
    fn faults_of_a_list_say_which_item() {
        let faults = read(json!({"inputs": [{"a": 1}, "x"]})).err().unwrap();
        assert_eq!(faults[0]["loc"], json!(["body", "inputs", "list[dict[any,any]]", 1]));
        assert_eq!(faults[1]["loc"], json!(["body", "inputs", "dict[any,any]"]));
        assert_eq!(faults[1]["input"], json!([{"a": 1}, "x"]));
    }

    #[test]
    fn every_field_has_a_default() {
        for body in
            [json!(null), json!({}), json!({"inputs": null, "sync": null, "session_id": "", "other": 1})]
        {
            let request = read(body).ok().unwrap();
            assert_eq!(request.inputs, Inputs::One(Map::new()));
            assert!(
                request.sync
                    && !request.clear_cache
                    && request.session.is_none()
                    && request.tweaks.is_empty()
            );
        }
    }

    #[test]
    fn sessions_are_made_in_langflow_s_form() {
        let session = new_session(&SystemHost, "v1").unwrap();
        let (prefix, hash) = session.as_str().split_once(':').unwrap();
        assert!(prefix.len() == 6 && prefix.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit()));
        assert_eq!(hash.len(), 64);
        assert!(is_made_here(&session));
        for other in ["s-1", "ABC123:f00", &format!("ABC12:{hash}"), hash] {
            assert!(!is_made_here(&SessionId::try_from(other).unwrap()), "{other}");
        }
    }
}
