//! Flows in and out by the dozen: exports uploaded, all flows downloaded (0.6 contract 1.6).

use axum::response::Response;
use http::StatusCode;
use millrace_runner::Runner;
use millrace_store::{FlowDraft, Principal};
use serde_json::{Value, json};

use super::flows::{Checked, all, draft, store};
use crate::body::{Body, json_body};
use crate::error::ApiError;
use crate::form;
use crate::limits;
use crate::request::Incoming;
use crate::respond;
use crate::validation::{Fault, Fields};

/// `POST /api/v1/flows/batch/`: `{"flows": […]}`
pub(crate) async fn batch(incoming: Incoming, caller: Principal) -> Result<Response, ApiError> {
    let mut fields = Fields::of(incoming.body.into_value(), vec!["body".into()])?;
    let flows = fields.take("flows").ok_or_else(|| missing("flows"))?;
    create_all(&incoming.app.runner, caller, drafts(flows)?).await
}

/// `POST /api/v1/flows/upload/`: a form whose `file` is an export, of one flow or of several
pub(crate) async fn upload(incoming: Incoming, caller: Principal) -> Result<Response, ApiError> {
    let Body::Other { content_type, bytes } = incoming.body else {
        return Err(missing("file").into());
    };
    if !form::is_form(&content_type) {
        return Err(missing("file").into());
    }
    let parts = form::parts(&content_type, bytes).await?;
    let file = parts.into_iter().find(|part| part.name == "file").ok_or_else(|| missing("file"))?;
    let flows = match json_body(&file.bytes)? {
        Value::Object(mut export) => {
            export.remove("flows").unwrap_or_else(|| Value::Array(vec![export.into()]))
        }
        other => other,
    };
    create_all(&incoming.app.runner, caller, drafts(flows)?).await
}

/// `GET /api/v1/flows/download/`
pub(crate) async fn download(incoming: Incoming, caller: Principal) -> Result<Response, ApiError> {
    let flows = all(incoming.app.runner.store(), &caller.tenant).await?;
    Ok(respond::ok(&json!({"flows": flows})))
}

fn missing(name: &str) -> Fault {
    Fault::new("missing", vec!["body".into(), name.into()], "Field required", Value::Null)
}

/// Reads all of them before any is stored.
fn drafts(flows: Value) -> Result<Vec<FlowDraft>, ApiError> {
    let at = vec!["body".into(), "flows".into()];
    let Value::Array(flows) = flows else {
        return Err(Fault::new("list_type", at, "Input should be a valid list", flows).into());
    };
    if flows.len() > limits::FLOWS {
        let detail = format!("The request has {} flows; the limit is {}", flows.len(), limits::FLOWS);
        return Err(ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, detail));
    }
    let (mut drafts, mut faults) = (Vec::new(), Vec::new());
    for (index, flow) in flows.into_iter().enumerate() {
        match draft(Some(flow), [at.clone(), vec![index.into()]].concat()) {
            Ok(draft) => drafts.push(draft),
            Err(more) => faults.extend(more),
        }
    }
    if faults.is_empty() { Ok(drafts) } else { Err(faults.into()) }
}

async fn create_all(
    runner: &Runner,
    caller: Principal,
    drafts: Vec<FlowDraft>,
) -> Result<Response, ApiError> {
    let drafts: Vec<_> =
        drafts.into_iter().map(|draft| Checked::new(runner, draft)).collect::<Result<_, _>>()?;
    let mut flows = Vec::with_capacity(drafts.len());
    for draft in drafts {
        flows.push(store(runner, &caller.tenant, draft).await?);
    }
    Ok(respond::created(&flows))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_flow_of_an_export_is_checked_before_one_is_stored() {
        let flows = json!([{"name": "a"}, {"data": null}, 5]);
        let error = drafts(flows).unwrap_err();
        let (status, faults) = error.parts();
        assert_eq!(status, 422);
        assert_eq!(faults[0]["loc"], json!(["body", "flows", 1, "name"]));
        assert_eq!(faults[1]["loc"], json!(["body", "flows", 2]));
        assert_eq!(drafts(json!([{"name": "a"}, {"name": "b"}])).unwrap().len(), 2);
        let many = |count: usize| drafts(vec![json!({"name": "a"}); count].into());
        assert_eq!(many(1_000).unwrap().len(), 1_000);
        let error = many(1_001).unwrap_err();
        assert_eq!(error.parts(), (413, &json!("The request has 1001 flows; the limit is 1000")));
        assert_eq!(drafts(json!({})).unwrap_err().parts().1[0]["type"], "list_type");
    }
}
