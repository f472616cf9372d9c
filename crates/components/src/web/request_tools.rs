//! The request tools: an address that the model chooses is called, and its answer read to it (0.x).
//!
//! LangChain asks for `allow_dangerous_requests`, since its tools reach whatever the machine does. These go
//! through the address guard, which is what the flag stands in for, so they need none.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use http::Method;
use millrace_engine::{
    Capability, Component, Context, Effect, Entry, Example, Outputs, RunError, Spec, Tool, ToolInput, Usage,
    Value, handles, message, output, reach,
};
use millrace_outbound::{OutboundError, Request, Response};
use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::fetch;
use super::text_requests_wrapper::Requests;

/// What one request may take.
const TIMEOUT: Duration = Duration::from_secs(60);

/// A tool, as data.
#[derive(Debug)]
struct Row {
    names: &'static [&'static str],
    about: &'static str,
    method: Method,
    tool: &'static str,
    description: &'static str,
    example: &'static [Example],
}

/// A tool's only example: what it is called.
macro_rules! named {
    ($tool:literal) => {
        &[Example {
            title: "the tool's name",
            inputs: r#"{"requests_wrapper": {"$component": "TextRequestsWrapper", "inputs": {}}}"#,
            output: concat!(r#"{"tool": {"tool": ""#, $tool, r#""}}"#),
        }]
    };
}

const ROWS: [Row; 5] = [
    Row {
        names: &["RequestsGetTool"],
        about: "A tool that answers what an address says to a GET.",
        method: Method::GET,
        tool: "requests_get",
        description: "Reads an address of the web. Use it for the content of a particular page or interface. \
                      The input is a URL, such as https://www.example.com; the output is the answer's text.",
        example: named!("requests_get"),
    },
    Row {
        names: &["RequestsPostTool"],
        about: "A tool that answers what an address says to a POST of JSON.",
        method: Method::POST,
        tool: "requests_post",
        description: "Sends a POST to an address of the web. The input is JSON with two keys: \"url\", a text, \
                      and \"data\", an object that is sent as JSON. Write all texts in double quotes. The \
                      output is the answer's text.",
        example: named!("requests_post"),
    },
    Row {
        names: &["RequestsPatchTool"],
        about: "A tool that answers what an address says to a PATCH of JSON.",
        method: Method::PATCH,
        tool: "requests_patch",
        description: "Sends a PATCH to an address of the web. The input is JSON with two keys: \"url\", a \
                      text, and \"data\", an object that is sent as JSON. Write all texts in double quotes. The \
                      output is the answer's text.",
        example: named!("requests_patch"),
    },
    Row {
        names: &["RequestsPutTool"],
        about: "A tool that answers what an address says to a PUT of JSON.",
        method: Method::PUT,
        tool: "requests_put",
        description: "Sends a PUT to an address of the web. The input is JSON with two keys: \"url\", a text, \
                      and \"data\", an object that is sent as JSON. Write all texts in double quotes. The \
                      output is the answer's text.",
        example: named!("requests_put"),
    },
    Row {
        names: &["RequestsDeleteTool"],
        about: "A tool that answers what an address says to a DELETE.",
        method: Method::DELETE,
        tool: "requests_delete",
        description: "Sends a DELETE to an address of the web. The input is a URL; the output is the answer's \
                      text.",
        example: named!("requests_delete"),
    },
];

/// The fields of each of them.
#[derive(Deserialize)]
pub(crate) struct RequestToolNode<const ROW: usize> {
    requests_wrapper: handles::Object<Requests>,
}

impl<const ROW: usize> Component for RequestToolNode<ROW> {
    const SPEC: Spec = Spec {
        names: ROWS[ROW].names,
        about: ROWS[ROW].about,
        inputs: &[message("requests_wrapper", "How it sends.")],
        outputs: &[output("tool")],
        reaches: &[reach("the address that the model chooses", "", "")],
        examples: ROWS[ROW].example,
        ..Spec::SUPPORTED
    };

    async fn run(self, cx: &Context) -> Result<Outputs, RunError> {
        let tool = RequestTool::new(cx, &ROWS[ROW], &self.requests_wrapper);
        Ok(Outputs::one("tool", Value::Capability(Capability::Tool(Arc::new(tool)))))
    }
}

/// All five tools over one wrapper, as toolkits offer them.
pub(crate) fn tools(cx: &Context, requests: &Arc<Requests>) -> Vec<Arc<dyn Tool>> {
    let tool = |row| Arc::new(RequestTool::new(cx, row, requests)) as Arc<dyn Tool>;
    const { &ROWS }.iter().map(tool).collect()
}

#[derive(Debug)]
struct RequestTool {
    row: &'static Row,
    requests: Arc<Requests>,
    /// The node it was made by.
    vertex: String,
}

impl RequestTool {
    fn new(cx: &Context, row: &'static Row, requests: &Arc<Requests>) -> Self {
        Self { row, requests: requests.clone(), vertex: cx.vertex_id().to_owned() }
    }

    /// The address and the body that the model wrote.
    fn asked(&self, input: ToolInput) -> Result<(String, Option<Json>), &'static str> {
        let text = input.into_text();
        if matches!(self.row.method, Method::GET | Method::DELETE) {
            return Ok((clean(&text), None));
        }
        const UNFIT: &str = "The input is not valid: it must be JSON with the two keys \"url\" and \"data\".";
        let input: Json = serde_json::from_str(text.trim()).map_err(|_| UNFIT)?;
        match (input["url"].as_str(), input.get("data")) {
            (Some(url), Some(data)) => Ok((clean(url), Some(data.clone()))),
            _ => Err(UNFIT),
        }
    }

    fn request(&self, url: &str, data: Option<&Json>) -> Result<Request, OutboundError> {
        let request = Request::new(self.row.method.clone(), url);
        let request = fetch::with_headers(request, &self.requests.headers)?;
        data.into_iter().try_fold(request, |request, data| request.json(data))
    }
}

#[async_trait]
impl Tool for RequestTool {
    fn name(&self) -> &str {
        self.row.tool
    }

    fn description(&self) -> &str {
        self.row.description
    }

    async fn call(&self, cx: &Context, input: ToolInput) -> Result<String, RunError> {
        let (url, data) = match self.asked(input) {
            Ok(asked) => asked,
            Err(unfit) => return Ok(unfit.to_owned()),
        };
        let identity = json!({"method": self.row.method.as_str(), "url": url, "data": data});
        let perform = || async {
            let answer = match self.request(&url, data.as_ref()) {
                Ok(request) => fetch::send(cx, request, TIMEOUT).await?,
                Err(error) => Err(error),
            };
            Ok((said(answer), Usage::default()))
        };
        cx.scope(&self.vertex).effect(Effect { kind: "request", request: identity }, perform).await
    }
}

/// Models like to quote an address.
fn clean(url: &str) -> String {
    url.trim().trim_matches(['"', '\'']).to_owned()
}

/// The answer to the model: also why there is none, since it may choose another address.
fn said(answer: Result<Response, OutboundError>) -> String {
    match answer {
        Err(error) => format!("The request failed: {error}."),
        Ok(response) => match fetch::text_of(&response) {
            Ok(text) => fetch::shown(text),
            Err(found) => format!("The answer is no text: it is {found}."),
        },
    }
}

/// The tools, in the order of the rows.
pub(crate) const ENTRIES: [&Entry; 5] = [
    &Entry::of::<RequestToolNode<0>>(),
    &Entry::of::<RequestToolNode<1>>(),
    &Entry::of::<RequestToolNode<2>>(),
    &Entry::of::<RequestToolNode<3>>(),
    &Entry::of::<RequestToolNode<4>>(),
];
