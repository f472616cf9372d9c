//! What the request nodes share: a request made of a document, and its answer as a document (0.x).
//!
//! A request that fails is a document too, as in Langflow: status 408 where it took too long, 500 else.

use std::time::Duration;

use http::Method;
use millrace_engine::{Context, Document, Effect, ErrorKind, RunError, Usage, Value};
use millrace_outbound::{OutboundError, Request, Response};
use serde_json::{Map, Value as Json, json};

use super::fetch;
use super::sites::document;

/// Requests that one node sends at most.
pub(crate) const MAX_REQUESTS: usize = 100;

/// What one request may take where the node does not say.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(60);

/// A request.
pub(crate) struct DocumentRequest<'a> {
    pub method: Method,
    pub url: &'a str,
    pub headers: &'a [(String, String)],
    pub body: Option<&'a str>,
    pub timeout: Duration,
}

impl DocumentRequest<'_> {
    /// Sends it, recorded. The document has `source`, `headers` and `status_code`; what a header with a
    /// credential says is left out of it.
    pub async fn send(&self, cx: &Context) -> Result<Document, RunError> {
        let identity = json!({"method": self.method.as_str(), "url": self.url, "body": self.body});
        let perform = || async {
            let (text, status) = match self.request() {
                Ok(request) => told(fetch::send(cx, request, self.timeout).await?),
                Err(error) => told(Err(error)),
            };
            let metadata =
                json!({"source": self.url, "headers": masked(self.headers), "status_code": status});
            Ok((document(text, metadata), Usage::default()))
        };
        cx.scope(cx.vertex_id()).effect(Effect { kind: "request", request: identity }, perform).await
    }

    fn request(&self) -> Result<Request, OutboundError> {
        let request = Request::new(self.method.clone(), self.url);
        let request = fetch::with_headers(request, self.headers)?;
        Ok(match self.body {
            Some(body) => request.body(body.to_owned()),
            None => request,
        })
    }
}

/// Documents sent one after the other to one address.
pub(crate) async fn send_all(
    cx: &Context,
    method: Method,
    url: &str,
    headers: Option<Map<String, Json>>,
    documents: Value,
) -> Result<Value, RunError> {
    let headers = fetch::headers(headers);
    let documents = documents_of(documents)?;
    within_limit(documents.len())?;
    let mut answers = Vec::new();
    for document in documents {
        let body = Some(document.page_content.as_str());
        let request =
            DocumentRequest { method: method.clone(), url, headers: &headers, body, timeout: TIMEOUT };
        answers.push(Value::Document(request.send(cx).await?));
    }
    Ok(Value::List(answers))
}

/// # Errors
/// [`ErrorKind::Flow`] for more requests than one node may send.
pub(crate) fn within_limit(requests: usize) -> Result<(), RunError> {
    if requests <= MAX_REQUESTS {
        return Ok(());
    }
    let message = format!("the node would send {requests} requests; it may send {MAX_REQUESTS} at most");
    Err(RunError::new(ErrorKind::Flow, message))
}

/// The documents of a field named `document`.
///
/// # Errors
/// [`ErrorKind::Flow`] where it holds something else.
pub(crate) fn documents_of(value: Value) -> Result<Vec<Document>, RunError> {
    match value {
        Value::Document(document) => Ok(vec![document]),
        Value::List(list) => {
            let lists: Result<Vec<_>, _> = list.into_iter().map(documents_of).collect();
            Ok(lists?.into_iter().flatten().collect())
        }
        Value::Json(Json::Array(list)) if list.is_empty() => Ok(Vec::new()),
        other => {
            let message =
                format!("field 'document': expected a document or documents, found {}", other.kind());
            Err(RunError::new(ErrorKind::Flow, message))
        }
    }
}

/// An answer's text and status. JSON is written without white space, as Langflow does it.
fn told(answer: Result<Response, OutboundError>) -> (String, u16) {
    match answer {
        Err(OutboundError::TimedOut { .. }) => ("Request Timed Out".to_owned(), 408),
        Err(error) => (error.to_string(), 500),
        Ok(response) => {
            let text = match (response.json::<Json>(), fetch::text_of(&response)) {
                (Ok(json), _) => json.to_string(),
                (_, Ok(text)) => text,
                (_, Err(found)) => format!("The answer is no text: it is {found}"),
            };
            (text, response.status)
        }
    }
}

/// Headers as they may be shown.
fn masked(headers: &[(String, String)]) -> Json {
    let shown = headers.iter().map(|(name, value)| {
        let lower = name.to_ascii_lowercase();
        let secret = ["auth", "cookie", "key", "token", "secret", "password", "credential"];
        let hidden = secret.iter().any(|word| lower.contains(word));
        (name.clone(), Json::from(if hidden { "***" } else { value }))
    });
    Json::Object(shown.collect())
}
