//! TextRequestsWrapper: the headers with which request tools send (0.x).

use std::fmt;
use std::sync::Arc;

use millrace_engine::{
    Capability, Component, Context, Entry, Example, Object, Outputs, RunError, Spec, Value, json, output,
};
use serde::Deserialize;
use serde_json::{Map, Value as Json};

use super::fetch;

/// How request tools send.
pub(crate) struct Requests {
    /// Headers of every request, by name.
    pub headers: Vec<(String, String)>,
}

impl Requests {
    fn names(&self) -> Vec<&str> {
        self.headers.iter().map(|(name, _)| name.as_str()).collect()
    }
}

impl fmt::Debug for Requests {
    /// Without what the headers say.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Requests").field("headers", &self.names()).finish()
    }
}

impl Object for Requests {
    fn kind(&self) -> &'static str {
        "a requests wrapper"
    }

    fn describe(&self) -> Json {
        serde_json::json!({"requests_wrapper": {"headers": self.names()}})
    }
}

/// The node's fields.
#[derive(Deserialize)]
pub(crate) struct TextRequestsWrapper {
    headers: Option<Map<String, Json>>,
}

impl Component for TextRequestsWrapper {
    const SPEC: Spec = Spec {
        names: &["TextRequestsWrapper"],
        about: "How request tools send: with these headers, to any public address over https.",
        inputs: &[json(
            "headers",
            "Headers of each request; the drawn 'Bearer <token>' is none. A redirect to another host goes \
             without them.",
        )],
        outputs: &[output("requests_wrapper")],
        examples: &[
            Example {
                title: "what the headers say is not shown",
                inputs: r#"{"headers": "{\"Authorization\": \"Bearer abc\"}"}"#,
                output: r#"{"requests_wrapper": {"requests_wrapper": {"headers": ["Authorization"]}}}"#,
            },
            Example {
                title: "the drawn placeholder is no header",
                inputs: r#"{"headers": "{\"Authorization\": \"Bearer <token>\"}"}"#,
                output: r#"{"requests_wrapper": {"requests_wrapper": {"headers": []}}}"#,
            },
        ],
        ..Spec::SUPPORTED
    };

    async fn run(self, _cx: &Context) -> Result<Outputs, RunError> {
        let requests = Arc::new(Requests { headers: fetch::headers(self.headers) });
        Ok(Outputs::one("requests_wrapper", Value::Capability(Capability::Object(requests))))
    }
}

pub(crate) const ENTRY: Entry = Entry::of::<TextRequestsWrapper>();
