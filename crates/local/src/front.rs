//! The HTTP front: what API Gateway's HTTP API does between a client and the function (payload format 2.0).
//!
//! | what happens | answer, as the gateway gives it |
//! |---|---|
//! | body over 10 MB | 413 `{"message":"Request Entity Too Large"}` |
//! | event over 6 MB | 413 `{"message":"Request Too Long"}`, here with the sizes in `detail` |
//! | no answer in time (30 s) | 503 `{"message":"Service Unavailable"}`; the function goes on |
//! | function error, or an answer of another shape | 500 `{"message":"Internal Server Error"}` |

mod answer;
mod event;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures::StreamExt;
use http::{StatusCode, header};
use serde_json::{Value, json};
use tokio_util::task::TaskTracker;

use crate::listen::{Serving, bind};
use crate::{Function, LocalError, MAX_PAYLOAD_BYTES};

/// The largest body that the gateway takes: 10 MB.
const MAX_BODY_BYTES: usize = 10 * 1024 * 1024;
/// How much of a body that is too large is still read: a client that writes is not cut off before it can read the answer.
const MAX_DRAINED_BYTES: usize = 10 * MAX_BODY_BYTES;

/// Where to listen, and how long to wait.
#[derive(Debug, Clone)]
pub struct FrontConfig {
    /// The port; 0 lets the system choose. Langflow's own is 7860.
    pub port: u16,
    /// How long a request may take: the gateway's limit is 30 seconds, that of a function URL 15 minutes.
    pub timeout: Duration,
}

impl Default for FrontConfig {
    fn default() -> Self {
        Self { port: 7860, timeout: Duration::from_secs(30) }
    }
}

/// A running front.
#[derive(Debug)]
pub struct Front {
    serving: Serving,
    invocations: TaskTracker,
}

impl Front {
    /// Starts to listen, and hands every request to `function`.
    ///
    /// # Errors
    /// The port is taken.
    pub async fn start(config: FrontConfig, function: Arc<dyn Function>) -> Result<Self, LocalError> {
        let listener = bind(config.port, "the HTTP front").await?;
        let invocations = TaskTracker::new();
        let gateway = Gateway { function, timeout: config.timeout, invocations: invocations.clone() };
        let router = Router::new().fallback(handle).with_state(Arc::new(gateway));
        Ok(Self { serving: Serving::start(listener, router)?, invocations })
    }

    /// Where it listens: `http://127.0.0.1:port`.
    pub fn url(&self) -> String {
        self.serving.url()
    }

    /// Takes no new connection, and waits for what runs: also for invocations whose clients have gone.
    pub async fn stop(self) {
        self.serving.stop().await;
        self.invocations.close();
        self.invocations.wait().await;
    }
}

struct Gateway {
    function: Arc<dyn Function>,
    timeout: Duration,
    invocations: TaskTracker,
}

async fn handle(
    State(gateway): State<Arc<Gateway>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let body = match read(body).await {
        Ok(body) => body,
        Err(status) => return plain(status, "Request Entity Too Large"),
    };
    let event = event::of(&parts, &body, peer);
    if event.len() > MAX_PAYLOAD_BYTES {
        return too_long(event.len());
    }
    gateway.answer(event.into()).await
}

impl Gateway {
    /// The invocation is a task of its own: like Lambda's, it goes on when the client or the gateway has given up.
    async fn answer(&self, event: Bytes) -> Response {
        let function = self.function.clone();
        let invocation = self.invocations.spawn(async move { function.invoke(event).await });
        match tokio::time::timeout(self.timeout, invocation).await {
            Err(_) => plain(StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable"),
            Ok(Ok(Ok(payload))) => answer::into_response(&payload).unwrap_or_else(|problem| {
                tracing::warn!(problem, "the function's answer is not one that the gateway understands");
                plain(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error")
            }),
            Ok(Ok(Err(error))) => {
                tracing::warn!(%error, "the function failed");
                plain(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error")
            }
            Ok(Err(error)) => {
                tracing::error!(%error, "the function panicked");
                plain(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error")
            }
        }
    }
}

/// Reads a body whole. One that came in a single piece is not copied.
async fn read(body: Body) -> Result<Bytes, StatusCode> {
    let mut stream = body.into_data_stream();
    let mut read = Bytes::new();
    let mut pieces = Vec::new();
    let mut size = 0;
    while let Some(piece) = stream.next().await {
        let piece = piece.map_err(|_| StatusCode::BAD_REQUEST)?;
        size += piece.len();
        if size > MAX_DRAINED_BYTES {
            break;
        }
        match size {
            _ if size > MAX_BODY_BYTES => pieces = Vec::new(),
            _ if size == piece.len() => read = piece,
            _ => {
                if pieces.is_empty() {
                    pieces.extend_from_slice(&read);
                }
                pieces.extend_from_slice(&piece);
            }
        }
    }
    match size {
        _ if size > MAX_BODY_BYTES => Err(StatusCode::PAYLOAD_TOO_LARGE),
        _ if pieces.is_empty() => Ok(read),
        _ => Ok(pieces.into()),
    }
}

fn plain(status: StatusCode, message: &str) -> Response {
    json_response(status, &json!({"message": message}))
}

fn too_long(size: usize) -> Response {
    let detail = format!(
        "As an event this request has {size} bytes; Lambda takes {MAX_PAYLOAD_BYTES}. Binary bodies grow by a third."
    );
    json_response(StatusCode::PAYLOAD_TOO_LARGE, &json!({"message": "Request Too Long", "detail": detail}))
}

fn json_response(status: StatusCode, body: &Value) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}
