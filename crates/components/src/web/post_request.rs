//! PostRequest: documents sent to an address, and its answers (0.x).

use http::Method;
use millrace_engine::{
    Component, Context, Entry, Example, LazyValue, Outputs, RunError, Spec, json, message, output, reach,
    text,
};
use serde::Deserialize;
use serde_json::{Map, Value as Json};

use super::document_request::send_all;

/// The node's fields.
#[derive(Deserialize)]
pub(crate) struct PostRequest {
    url: String,
    headers: Option<Map<String, Json>>,
    document: LazyValue,
}

impl Component for PostRequest {
    const SPEC: Spec = Spec {
        names: &["PostRequest"],
        about: "What an address answers to a POST of each document's text, a document each; \
                one that fails has status_code 408 or 500.",
        inputs: &[
            text("url", "The address."),
            json("headers", "Headers of each request."),
            message("document", "The document, or at most 100."),
        ],
        outputs: &[output("documents")],
        reaches: &[reach("the address in url", "", "url")],
        examples: &[Example {
            title: "no document, no request",
            inputs: r#"{"url": "https://example.com", "document": []}"#,
            output: r#"{"documents": []}"#,
        }],
        ..Spec::SUPPORTED
    };

    async fn run(self, cx: &Context) -> Result<Outputs, RunError> {
        let answers = send_all(cx, Method::POST, &self.url, self.headers, self.document.0).await?;
        Ok(Outputs::one("documents", answers))
    }
}

pub(crate) const ENTRY: Entry = Entry::of::<PostRequest>();
