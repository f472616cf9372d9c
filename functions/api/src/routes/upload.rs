//! Files for flows: a form with the file, or a ticket to put a larger one into the bucket (0.6 contract 1.6).

use axum::response::Response;
use http::StatusCode;
use millrace_store::{FlowId, Principal, UploadTicket};
use serde::Serialize;
use serde_json::{Value, json};

use super::flows::{flow_id, unknown};
use crate::body::Body;
use crate::error::ApiError;
use crate::form;
use crate::request::Incoming;
use crate::respond;
use crate::validation::{Fault, Fields};

/// The largest file that comes in a form, in bytes: 4 MiB. In an event of Lambda, of 6 MB at most, it stands as
/// base64.
const FORM_LIMIT: usize = 4 * 1024 * 1024;

/// A file that is kept, in Langflow's words. `file_path` is what a file field of the flow holds.
#[derive(Serialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
pub(crate) struct Uploaded {
    #[serde(rename = "flowId")]
    #[cfg_attr(test, schema(value_type = Uuid))]
    flow_id: FlowId,
    file_path: String,
}

/// A request that the client is to make by itself.
#[derive(Serialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
pub(crate) struct Ticket {
    #[serde(flatten)]
    uploaded: Uploaded,
    method: &'static str,
    upload_url: String,
    /// What has to be sent along.
    #[cfg_attr(test, schema(value_type = std::collections::BTreeMap<String, String>))]
    headers: serde_json::Map<String, Value>,
    /// RFC 3339, UTC.
    #[cfg_attr(test, schema(format = DateTime))]
    expires: String,
}

/// What a client says of a file that it is to put by itself.
struct Announced {
    file_name: String,
    size: u64,
    digest: Option<[u8; 32]>,
}

/// `POST /api/v1/upload/{flow_id}`: a form whose `file` is the file; with `?presigned=true`,
/// `{"file_name", "size", "sha256"}` of a file that is put elsewhere.
pub(crate) async fn upload(incoming: Incoming, caller: Principal) -> Result<Response, ApiError> {
    let flow = flow_id(&incoming)?;
    let mut query = incoming.query();
    let presigned = query.flag("presigned").unwrap_or(false);
    query.finish()?;
    let store = incoming.app.runner.store().clone();
    store.flow(&caller.tenant, flow).await?.ok_or_else(unknown)?;
    if presigned {
        let file = announced(incoming.body.into_value())?;
        let ticket =
            store.upload_ticket(&caller.tenant, flow, &file.file_name, file.size, file.digest).await?;
        return Ok(respond::created(&Ticket::new(flow, ticket)));
    }
    let file = file(incoming.body).await?;
    let name = file.file_name.unwrap_or_default();
    let reference = store.put_upload(&caller.tenant, flow, &name, file.bytes.into()).await?;
    Ok(respond::created(&Uploaded { flow_id: flow, file_path: reference.to_string() }))
}

/// The part `file` of a form.
async fn file(body: Body) -> Result<form::Part, ApiError> {
    let missing = || Fault::new("missing", place(), "Field required", Value::Null);
    let content = match body {
        Body::Other { content_type, bytes } if form::is_form(&content_type) => (content_type, bytes),
        _ => return Err(missing().into()),
    };
    let parts = form::parts(&content.0, content.1).await?;
    let file = parts.into_iter().find(|part| part.name == "file").ok_or_else(missing)?;
    match file.bytes.len() {
        _ if file.file_name.as_deref().unwrap_or_default().is_empty() => {
            Err(Fault::rule(place(), "The part file has no filename", Value::Null).into())
        }
        0 => Err(Fault::rule(place(), "The file is empty", Value::Null).into()),
        size if size > FORM_LIMIT => {
            let detail = format!(
                "The file has {size} bytes; the limit is {FORM_LIMIT}. Larger ones are uploaded with ?presigned=true"
            );
            Err(ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, detail))
        }
        _ => Ok(file),
    }
}

fn announced(body: Option<Value>) -> Result<Announced, Vec<Fault>> {
    let mut fields = Fields::of(body, vec!["body".into()])?;
    let file_name = fields.required_text("file_name");
    let size = fields.take("size");
    let size = match size.as_ref().map(|size| (whole(size), size)) {
        Some((Some(size @ 1..), _)) => size,
        other => {
            let given = other.map_or(Value::Null, |(_, given)| given.clone());
            let rule = "The size of the file in bytes is a whole number above 0";
            fields.push(Fault::rule(fields.place("size"), rule, given));
            0
        }
    };
    let digest = fields.text("sha256").and_then(|text| {
        let digest = digest(&text);
        if digest.is_none() {
            fields.push(Fault::rule(
                fields.place("sha256"),
                "A SHA-256 has 64 hexadecimal digits",
                text.into(),
            ));
        }
        digest
    });
    fields.finish()?;
    Ok(Announced { file_name, size, digest })
}

/// A whole number, also one that is written with a fraction of zero: JSON knows no difference.
fn whole(value: &Value) -> Option<u64> {
    /// Above it, not every whole number is one of its own.
    const MOST: f64 = 9_007_199_254_740_991.0;
    let written_so = || value.as_f64().filter(|size| size.fract() == 0.0 && (0.0..=MOST).contains(size));
    value.as_u64().or_else(|| written_so().map(|size| size as u64))
}

fn digest(text: &str) -> Option<[u8; 32]> {
    let digits: Option<Vec<u8>> =
        text.chars().map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok())).collect();
    let bytes: Vec<u8> =
        digits?.chunks(2).map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit)).collect();
    if text.len() == 64 { bytes.try_into().ok() } else { None }
}

fn place() -> Vec<Value> {
    vec!["body".into(), "file".into()]
}

impl Ticket {
    fn new(flow_id: FlowId, ticket: UploadTicket) -> Self {
        Self {
            uploaded: Uploaded { flow_id, file_path: ticket.reference.to_string() },
            method: "PUT",
            upload_url: ticket.url,
            headers: ticket.headers.into_iter().map(|(name, value)| (name, json!(value))).collect(),
            expires: ticket.expires_at.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_announced_has_a_name_and_a_size() {
        let file =
            announced(Some(json!({"file_name": "a.csv", "size": 7, "sha256": "0F".repeat(32)}))).unwrap();
        assert_eq!((file.file_name.as_str(), file.size, file.digest), ("a.csv", 7, Some([15; 32])));
        for size in [json!(7.0), json!(0.7e1)] {
            assert_eq!(announced(Some(json!({"file_name": "a", "size": size}))).unwrap().size, 7);
        }
        for (body, field) in [
            (json!({"size": 7}), "file_name"),
            (json!({"file_name": "a"}), "size"),
            (json!({"file_name": "a", "size": 0}), "size"),
            (json!({"file_name": "a", "size": -1}), "size"),
            (json!({"file_name": "a", "size": "7"}), "size"),
            (json!({"file_name": "a", "size": 7.5}), "size"),
            (json!({"file_name": "a", "size": 1e300}), "size"),
            (json!({"file_name": "a", "size": 7, "sha256": "0f"}), "sha256"),
            (json!({"file_name": "a", "size": 7, "sha256": "xx".repeat(32)}), "sha256"),
        ] {
            let error = ApiError::from(announced(Some(body.clone())).err().unwrap());
            assert_eq!(error.parts().1[0]["loc"], json!(["body", field]), "{body}");
        }
    }
}
