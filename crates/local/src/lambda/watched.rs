//! A function behind an invoke endpoint: `cargo lambda watch`, or anything else that serves Lambda's Invoke API.

use async_trait::async_trait;
use bytes::Bytes;
use http::{Method, Request};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

use crate::function::{check_answer, check_event};
use crate::{Function, FunctionError};

/// Posts each event to `{base}/2015-03-31/functions/{name}/invocations`.
pub struct WatchedFunction {
    client: Client<HttpConnector, Full<Bytes>>,
    endpoint: String,
}

impl WatchedFunction {
    /// The function `name` at `base`, a plain HTTP address without a slash at its end.
    pub fn new(base: &str, name: &str) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let client = Client::builder(TokioExecutor::new()).build(connector);
        Self { client, endpoint: format!("{base}/2015-03-31/functions/{name}/invocations") }
    }

    fn unreachable(&self, error: &dyn std::error::Error) -> FunctionError {
        let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
        FunctionError::new("Invoke.Unreachable", format!("{}: {error}{cause}", self.endpoint))
    }
}

#[async_trait]
impl Function for WatchedFunction {
    async fn invoke(&self, event: Bytes) -> Result<Bytes, FunctionError> {
        check_event(&event)?;
        let request = Request::builder()
            .method(Method::POST)
            .uri(&self.endpoint)
            .header("content-type", "application/json")
            .body(Full::new(event))
            .map_err(|error| self.unreachable(&error))?;
        let response = self.client.request(request).await.map_err(|error| self.unreachable(&error))?;
        let (parts, body) = response.into_parts();
        let body = body.collect().await.map_err(|error| self.unreachable(&error))?.to_bytes();
        // Lambda answers 200 with the header; `cargo lambda watch` answers 500 without it. Both send the error as JSON.
        if parts.status.is_success() && !parts.headers.contains_key("x-amz-function-error") {
            return check_answer(body);
        }
        Err(serde_json::from_slice(&body)
            .ok()
            .filter(|e: &FunctionError| !e.error_message.is_empty())
            .unwrap_or_else(|| {
                FunctionError::new(
                    format!("Invoke.{}", parts.status.as_u16()),
                    String::from_utf8_lossy(&body),
                )
            }))
    }
}
