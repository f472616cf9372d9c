//! S3 in this process: puts and gets of whole objects, as calls of the form that the other services have.

use std::collections::BTreeMap;
use std::sync::Mutex;

use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value as Json, json};

use super::table::Reply;

/// The bucket's name.
pub const BUCKET: &str = "objects";

/// The one bucket: objects by their keys, in base64.
#[derive(Default)]
pub struct Bucket(Mutex<BTreeMap<String, String>>);

impl Bucket {
    /// Applies a request.
    pub fn apply(&self, operation: &str, body: &Json) -> Reply {
        let mut objects = self.0.lock().unwrap();
        let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
        match (operation, objects.get(&text("Key"))) {
            ("PutObject", _) => {
                objects.insert(text("Key"), text("Body"));
                Reply::ok(String::new())
            }
            ("GetObject", Some(object)) => Reply::ok(object.clone()),
            ("GetObject", None) => error(404, "NoSuchKey"),
            _ => error(501, "NotImplemented"),
        }
    }
}

/// An error as S3 says it.
pub fn error(status: u16, code: &str) -> Reply {
    let body = format!("<Error><Code>{code}</Code><Message>drawn by the simulation</Message></Error>");
    Reply { status, code: Some(code.to_owned()), body, change: None }
}

/// A request of the bucket as target and body; `None` for one of another service.
pub fn asked(request: &HttpRequest) -> Option<(String, Json)> {
    let path = request.uri().strip_prefix("http://s3.invalid/")?;
    let path = path.split('?').next()?;
    let key = path.strip_prefix(BUCKET)?.strip_prefix('/')?;
    let operation = match request.method() {
        "PUT" => "PutObject",
        "GET" => "GetObject",
        other => other,
    };
    let object = STANDARD.encode(request.body().bytes().unwrap_or_default());
    Some((format!("S3.{operation}"), json!({"Key": key, "Body": object})))
}

/// The answer as it comes over HTTP.
pub fn answered(reply: Reply) -> HttpResponse {
    let body = match reply.code {
        None => STANDARD.decode(reply.body).unwrap(),
        Some(_) => reply.body.into_bytes(),
    };
    let length = body.len().to_string();
    let mut response = HttpResponse::new(StatusCode::try_from(reply.status).unwrap(), SdkBody::from(body));
    response.headers_mut().insert("content-length", length);
    response
}
