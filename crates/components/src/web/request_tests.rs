//! Request nodes and request tools against a scripted web.

use std::sync::{Arc, Mutex};

use http::header::{CONTENT_TYPE, LOCATION};
use millrace_engine::{Capability, Document, ErrorKind, Inputs, Outputs, RunError, ToolInput, Value};
use millrace_outbound::{Answer, Hop};
use serde_json::{Map, Value as Json, json};

use crate::stand_in::Stand;

type Hops = Arc<Mutex<Vec<Hop>>>;
type Given = Vec<(&'static str, Value)>;

/// A web with a page of each kind, which keeps what it was asked.
fn web() -> (Stand, Hops) {
    let hops = Hops::default();
    let kept = hops.clone();
    let stand = Stand::new(move |hop| {
        kept.lock().unwrap().push(hop.clone());
        let typed = |kind: &'static str, body: &'static [u8]| {
            let mut answer = Answer::new(200, body);
            answer.headers.insert(CONTENT_TYPE, kind.parse().unwrap());
            answer
        };
        match hop.url.path() {
            "/json" => typed("application/json", b"{ \"b\": 1,\n \"a\": [] }"),
            "/text" => typed("text/plain", b"plain"),
            "/png" => typed("image/png", b"\x89PNG\x00"),
            "/long" => Answer::new(200, "x".repeat(60_000)),
            "/large" => Answer { length: Some(100 << 20), ..Answer::new(200, "") },
            "/round" => {
                let mut answer = Answer::new(302, "");
                answer.headers.insert(LOCATION, "/round".parse().unwrap());
                answer
            }
            "/elsewhere" => {
                let mut answer = Answer::new(307, "");
                answer.headers.insert(LOCATION, "https://other.example/text".parse().unwrap());
                answer
            }
            _ => Answer::new(404, "not here"),
        }
    });
    (stand, hops)
}

async fn run(stand: &Stand, node: &str, inputs: &[(&str, Value)]) -> Result<Outputs, RunError> {
    let inputs: Inputs = inputs.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    crate::registry().get(node).unwrap().run(inputs, &stand.cx()).await
}

fn documents(outputs: &Outputs) -> Vec<Document> {
    let Some(Value::List(list)) = outputs.get("documents") else { panic!("{outputs:?}") };
    let document = |value: &Value| match value {
        Value::Document(document) => document.clone(),
        other => panic!("{other:?}"),
    };
    list.iter().map(document).collect()
}

fn text(page_content: &str) -> Value {
    Value::Document(Document { page_content: page_content.to_owned(), metadata: Map::new() })
}

#[tokio::test]
async fn every_get_is_a_document_whatever_befalls_it() {
    let cases = [
        ("https://a.example/json", "{\"b\":1,\"a\":[]}", 200),
        ("https://a.example/text", "plain", 200),
        ("https://a.example/none", "not here", 404),
        ("https://a.example/png", "The answer is no text: it is image/png, 5 bytes", 200),
        ("https://a.example/large", "the answer of a.example is too large: more than 8388608 bytes", 500),
        ("https://a.example/round", "a.example redirects more than 5 times", 500),
        (
            "https://169.254.169.254/latest",
            "requests to 169.254.169.254 are not allowed: it is a link-local address",
            500,
        ),
        ("nowhere", "the URL is not valid: it is not an absolute URL", 500),
    ];
    let (stand, hops) = web();
    let urls = Value::List(cases.iter().map(|(url, ..)| Value::text(*url)).collect());
    let headers = Value::Json(json!({"X-Plain": "p", "X-Api-Key": "canary"}));
    let outputs = run(&stand, "GetRequest", &[("url", urls), ("headers", headers)]).await.unwrap();
    for (document, (url, expected, status)) in documents(&outputs).iter().zip(cases) {
        assert_eq!(document.page_content, expected, "{url}");
        let metadata =
            json!({"source": url, "headers": {"X-Plain": "p", "X-Api-Key": "***"}, "status_code": status});
        assert_eq!(Json::Object(document.metadata.clone()), metadata);
    }
    assert_eq!(hops.lock().unwrap()[0].headers["x-api-key"], "canary");
    let recorded = format!("{:?}", stand.journal.records());
    assert!(!recorded.contains("canary"), "{recorded}");
}

#[tokio::test]
async fn documents_are_sent_and_their_answers_come_in_order() {
    let rows = [
        ("PostRequest", "POST", None),
        ("UpdateRequest", "PATCH", None),
        ("UpdateRequest", "PUT", Some("PUT")),
    ];
    for (node, expected, method) in rows {
        let (stand, hops) = web();
        let list = Value::List(vec![text("one"), text("two")]);
        let mut inputs = vec![("url", Value::text("https://a.example/text")), ("document", list)];
        inputs.extend(method.map(|method| ("method", Value::text(method))));
        let outputs = run(&stand, node, &inputs).await.unwrap();
        assert_eq!(documents(&outputs).len(), 2);
        let hops = hops.lock().unwrap();
        let sent: Vec<_> =
            hops.iter().map(|hop| (hop.method.as_str(), hop.body.as_deref().unwrap())).collect();
        assert_eq!(sent, [(expected, &b"one"[..]), (expected, &b"two"[..])]);
    }
}

#[tokio::test]
async fn what_does_not_fit_is_the_flows_fault() {
    let url = ("url", Value::text("https://a.example/text"));
    let many = || Value::List(vec![text("x"); 101]);
    let cases: [(&str, Given, &str); 5] = [
        ("PostRequest", vec![url.clone(), ("document", Value::text("x"))], "field 'document'"),
        ("PostRequest", vec![url.clone(), ("document", many())], "101 requests"),
        (
            "UpdateRequest",
            vec![url.clone(), ("document", text("x")), ("method", Value::text("GET"))],
            "PATCH or PUT",
        ),
        ("GetRequest", vec![url.clone(), ("timeout", Value::text("0"))], "field 'timeout'"),
        (
            "JSONDocumentBuilder",
            vec![("key", Value::text("k")), ("document", Value::text("x"))],
            "field 'document'",
        ),
    ];
    for (node, inputs, expected) in cases {
        let (stand, hops) = web();
        let error = run(&stand, node, &inputs).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Flow, "{error}");
        assert!(error.message.contains(expected), "{error}");
        assert!(hops.lock().unwrap().is_empty());
    }
}

#[tokio::test]
async fn a_text_is_put_under_a_key() {
    let inputs = [("key", Value::text("row")), ("document", text("a: \"b\""))];
    let outputs = run(&Stand::offline(), "JSONDocumentBuilder", &inputs).await.unwrap();
    let Some(Value::Document(document)) = outputs.get("document") else { panic!("{outputs:?}") };
    assert_eq!(document.page_content, r#"{"row":"a: \"b\""}"#);
    let inputs = [("key", Value::text("row")), ("document", Value::List(vec![text("a"), text("b")]))];
    let outputs = run(&Stand::offline(), "JSONDocumentBuilder", &inputs).await.unwrap();
    let Some(Value::List(list)) = outputs.get("document") else { panic!("{outputs:?}") };
    assert_eq!(list[1].as_text().as_deref(), Some(r#"{"row":"b"}"#));
}

/// What a tool of this node says, sending with a header `X-Pass`.
async fn say(stand: &Stand, node: &str, input: ToolInput) -> String {
    let headers = [("headers", Value::Json(json!({"X-Pass": "canary"})))];
    let outputs = run(stand, "TextRequestsWrapper", &headers).await.unwrap();
    let wrapper = outputs.get("requests_wrapper").unwrap().clone();
    let outputs = run(stand, node, &[("requests_wrapper", wrapper)]).await.unwrap();
    let Some(Value::Capability(Capability::Tool(tool))) = outputs.get("tool") else { panic!("{outputs:?}") };
    assert!(!format!("{tool:?}").contains("canary"));
    tool.call(&stand.cx(), input).await.unwrap()
}

#[tokio::test]
async fn tools_read_what_models_write() {
    let fields = json!({"url": "https://a.example/text", "data": {"a": 1}}).as_object().cloned().unwrap();
    let written = ToolInput::Text(r#" {"url": "'https://a.example/text'", "data": {"a": 1}} "#.to_owned());
    let plain = |url: &str| ToolInput::Text(url.to_owned());
    let cases = [
        ("RequestsGetTool", plain(" \"https://a.example/text\"\n"), "GET", None),
        ("RequestsDeleteTool", plain("https://a.example/text"), "DELETE", None),
        ("RequestsPostTool", written.clone(), "POST", Some("{\"a\":1}")),
        ("RequestsPostTool", ToolInput::Fields(fields), "POST", Some("{\"a\":1}")),
        ("RequestsPatchTool", written.clone(), "PATCH", Some("{\"a\":1}")),
        ("RequestsPutTool", written, "PUT", Some("{\"a\":1}")),
    ];
    for (node, input, method, body) in cases {
        let (stand, hops) = web();
        assert_eq!(say(&stand, node, input).await, "plain");
        let hops = hops.lock().unwrap();
        let hop = &hops[0];
        let sent = hop.body.as_deref().map(|body| std::str::from_utf8(body).unwrap());
        assert_eq!((hop.method.as_str(), sent), (method, body), "{node}");
        assert_eq!(hop.headers["x-pass"], "canary");
    }
}

#[tokio::test]
async fn what_a_model_can_mend_is_an_answer_in_words() {
    let unfit = "The input is not valid: it must be JSON with the two keys \"url\" and \"data\".";
    let cases = [
        ("RequestsGetTool", "https://a.example/none", "not here"),
        ("RequestsGetTool", "https://a.example/png", "The answer is no text: it is image/png, 5 bytes."),
        (
            "RequestsGetTool",
            "https://a.example/round",
            "The request failed: a.example redirects more than 5 times.",
        ),
        (
            "RequestsGetTool",
            "https://127.0.0.1/",
            "The request failed: requests to 127.0.0.1 are not allowed: it is this machine.",
        ),
        (
            "RequestsGetTool",
            "the weather",
            "The request failed: the URL is not valid: it is not an absolute URL.",
        ),
        ("RequestsPostTool", "https://a.example/text", unfit),
        ("RequestsPutTool", "{\"url\": \"https://a.example/text\"}", unfit),
    ];
    for (node, input, expected) in cases {
        assert_eq!(say(&web().0, node, ToolInput::Text(input.to_owned())).await, expected);
    }
    let long = say(&web().0, "RequestsGetTool", ToolInput::Text("https://a.example/long".to_owned())).await;
    assert!(long.ends_with("[The answer has 60000 characters; these are the first 50000.]"));
}

#[tokio::test]
async fn another_origin_is_not_told_the_headers() {
    let (stand, hops) = web();
    let said =
        say(&stand, "RequestsGetTool", ToolInput::Text("https://a.example/elsewhere".to_owned())).await;
    assert_eq!(said, "plain");
    let hops = hops.lock().unwrap();
    assert!(hops[0].headers.contains_key("x-pass") && !hops[1].headers.contains_key("x-pass"));
}
