//! GetRequest: what addresses answer, as documents (0.x).

use std::time::Duration;

use http::Method;
use millrace_engine::{
    Component, Context, Default, Entry, ErrorKind, Example, Outputs, RunError, Spec, Value, json, number,
    output, reach, text,
};
use serde::Deserialize;
use serde_json::{Map, Value as Json};

use super::document_request::{DocumentRequest, within_limit};
use super::fetch;

/// The node's fields.
#[derive(Deserialize)]
pub(crate) struct GetRequest {
    url: Vec<String>,
    headers: Option<Map<String, Json>>,
    timeout: f64,
}

impl Component for GetRequest {
    const SPEC: Spec = Spec {
        names: &["GetRequest"],
        about: "What addresses answer to a GET, a document each; one that fails has \
                status_code 408 or 500.",
        inputs: &[
            text("url", "The address, or a list of at most 100."),
            json("headers", "Headers of each request."),
            number("timeout", "Seconds for each request, 600 at most.").or(Default::Number(5.0)),
        ],
        outputs: &[output("documents")],
        reaches: &[reach("the address in url", "", "url")],
        examples: &[Example {
            title: "no address, no document",
            inputs: r#"{"url": []}"#,
            output: r#"{"documents": []}"#,
        }],
        ..Spec::SUPPORTED
    };

    async fn run(self, cx: &Context) -> Result<Outputs, RunError> {
        within_limit(self.url.len())?;
        if self.timeout <= 0.0 {
            let message = format!("field 'timeout': it is {} s; it must be more than 0", self.timeout);
            return Err(RunError::new(ErrorKind::Flow, message));
        }
        let timeout = Duration::from_secs_f64(self.timeout.min(600.0));
        let headers = fetch::headers(self.headers);
        let mut documents = Vec::new();
        for url in &self.url {
            let request =
                DocumentRequest { method: Method::GET, url, headers: &headers, body: None, timeout };
            documents.push(Value::Document(request.send(cx).await?));
        }
        Ok(Outputs::one("documents", Value::List(documents)))
    }
}

pub(crate) const ENTRY: Entry = Entry::of::<GetRequest>();
