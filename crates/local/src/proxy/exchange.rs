//! One call: asked about, passed on, asked about again, answered.

use std::sync::Arc;

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, Request, Response, header};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio_util::task::TaskTracker;

use super::{Call, Hook, Phase, Verdict};

/// The one operation whose answer belongs to whoever still waits for it.
const LONG_POLL: &str = "ReceiveMessage";

/// Makes hyper close the connection without an answer.
#[derive(Debug, thiserror::Error)]
#[error("the connection is closed without an answer")]
pub(super) struct Closed;

pub(super) struct Exchange {
    client: Client<HttpConnector, Full<Bytes>>,
    upstream: String,
    hook: Box<Hook>,
}

impl Exchange {
    pub(super) fn new(upstream: String, hook: Box<Hook>) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let client = Client::builder(TokioExecutor::new()).build(connector);
        Self { client, upstream, hook }
    }

    async fn run(&self, parts: Parts, body: Bytes) -> Result<Response<Full<Bytes>>, Closed> {
        let operation = operation(&parts.headers).to_owned();
        if let Some(answer) = self.judge(&operation, &body, Phase::Before).await? {
            return Ok(answer);
        }
        let answer = self.forward(parts, body.clone()).await?;
        Ok(self.judge(&operation, &body, Phase::After).await?.unwrap_or(answer))
    }

    async fn judge(
        &self,
        operation: &str,
        body: &Bytes,
        phase: Phase,
    ) -> Result<Option<Response<Full<Bytes>>>, Closed> {
        match (self.hook)(&Call { operation, body, phase }).await {
            Verdict::Pass => Ok(None),
            Verdict::Drop => Err(Closed),
            Verdict::Reply(status, body) => {
                let answer = Response::builder().status(status);
                let answer = answer.header(header::CONTENT_TYPE, "application/x-amz-json-1.0");
                answer.body(Full::new(body)).map(Some).map_err(|_| Closed)
            }
        }
    }

    async fn forward(&self, parts: Parts, body: Bytes) -> Result<Response<Full<Bytes>>, Closed> {
        let unreachable = |error: &dyn std::error::Error| {
            tracing::warn!(%error, upstream = self.upstream, "a call could not be passed on");
            Closed
        };
        let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
        let mut request = Request::builder().method(parts.method).uri(format!("{}{path}", self.upstream));
        if let Some(headers) = request.headers_mut() {
            *headers = end_to_end(parts.headers);
            headers.remove(header::HOST);
        }
        let request = request.body(Full::new(body)).map_err(|error| unreachable(&error))?;
        let answer = self.client.request(request).await.map_err(|error| unreachable(&error))?;
        let (mut parts, body) = answer.into_parts();
        let body = body.collect().await.map_err(|error| unreachable(&error))?.to_bytes();
        parts.headers = end_to_end(parts.headers);
        Ok(Response::from_parts(parts, Full::new(body)))
    }
}

/// Answers a request. The call is a task of its own, so that it goes on without its client.
pub(super) async fn answer(
    exchange: Arc<Exchange>,
    exchanges: TaskTracker,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Closed> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.map_err(|_| Closed)?.to_bytes();
    if operation(&parts.headers) == LONG_POLL {
        return exchange.run(parts, body).await;
    }
    let call = exchanges.spawn(async move { exchange.run(parts, body).await });
    // A hook that panics is a connection that is closed.
    call.await.unwrap_or(Err(Closed))
}

fn operation(headers: &HeaderMap) -> &str {
    let target = headers.get("x-amz-target").and_then(|value| value.to_str().ok()).unwrap_or_default();
    target.rsplit_once('.').map_or(target, |(_, operation)| operation)
}

/// Without what is about one connection: both sides write that themselves.
fn end_to_end(mut headers: HeaderMap) -> HeaderMap {
    for name in [header::CONNECTION, header::TRANSFER_ENCODING, header::CONTENT_LENGTH] {
        headers.remove(name);
    }
    headers
}
