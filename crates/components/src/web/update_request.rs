//! UpdateRequest: documents sent to an address by PATCH or PUT, and its answers (0.x).

use http::Method;
use millrace_engine::{
    Component, Context, Default, Entry, ErrorKind, Example, LazyValue, Outputs, RunError, Spec, json,
    message, output, reach, text,
};
use serde::Deserialize;
use serde_json::{Map, Value as Json};

use super::document_request::send_all;

/// The node's fields.
#[derive(Deserialize)]
pub(crate) struct UpdateRequest {
    method: String,
    url: String,
    headers: Option<Map<String, Json>>,
    document: LazyValue,
}

impl Component for UpdateRequest {
    const SPEC: Spec = Spec {
        names: &["UpdateRequest"],
        about: "What an address answers to a PATCH or PUT of each document's text, a document each; \
                one that fails has status_code 408 or 500.",
        inputs: &[
            text("method", "PATCH or PUT.").or(Default::Text("PATCH")),
            text("url", "The address."),
            json("headers", "Headers of each request."),
            message("document", "The document, or at most 100."),
        ],
        outputs: &[output("documents")],
        reaches: &[reach("the address in url", "", "url")],
        examples: &[Example {
            title: "no document, no request",
            inputs: r#"{"method": "PUT", "url": "https://example.com", "document": []}"#,
            output: r#"{"documents": []}"#,
        }],
        ..Spec::SUPPORTED
    };

    async fn run(self, cx: &Context) -> Result<Outputs, RunError> {
        let method = match self.method.as_str() {
            "PATCH" => Method::PATCH,
            "PUT" => Method::PUT,
            other => {
                let message = format!("field 'method': it is {other}; it must be PATCH or PUT");
                return Err(RunError::new(ErrorKind::Flow, message));
            }
        };
        let answers = send_all(cx, method, &self.url, self.headers, self.document.0).await?;
        Ok(Outputs::one("documents", answers))
    }
}

pub(crate) const ENTRY: Entry = Entry::of::<UpdateRequest>();
