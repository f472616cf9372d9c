//! The stand-in model provider: an OpenAI-compatible server on loopback, whose answers depend on the request alone.
//!
//! `POST */chat/completions` and `*/completions` (whole or streamed), `POST */embeddings`, `GET */models`, and
//! `GET /__count`, which says how often each was called. The key `sk-wrong` is refused, to show what an error looks like.

mod answer;
mod embedding;
mod stream;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode, header};
use serde_json::{Value, json};

use crate::LocalError;
use crate::listen::{Serving, bind};

/// The key that is refused.
const WRONG_KEY: &str = "sk-wrong";
/// A request larger than this is refused.
const MAX_REQUEST_BYTES: usize = 32 * 1024 * 1024;

/// Where to listen, and how slow to be.
#[derive(Debug, Clone, Default)]
pub struct ProviderConfig {
    /// The port; 0 lets the system choose.
    pub port: u16,
    /// Waits this long before it answers, as a model would think.
    pub delay: Duration,
}

/// A running stand-in provider.
#[derive(Debug)]
pub struct Provider {
    serving: Serving,
    state: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    delay: Duration,
    calls: Mutex<BTreeMap<&'static str, u64>>,
}

impl Provider {
    /// Starts to listen.
    ///
    /// # Errors
    /// The port is taken.
    pub async fn start(config: ProviderConfig) -> Result<Self, LocalError> {
        let listener = bind(config.port, "the stand-in provider").await?;
        let state = Arc::new(Shared { delay: config.delay, calls: Mutex::default() });
        let router = Router::new().fallback(answer).with_state(state.clone());
        Ok(Self { serving: Serving::start(listener, router)?, state })
    }

    /// The base address in OpenAI's form: `http://127.0.0.1:port/v1`.
    pub fn base_url(&self) -> String {
        format!("{}/v1", self.serving.url())
    }

    /// How often each endpoint was called, refused calls included.
    pub fn calls(&self) -> BTreeMap<&'static str, u64> {
        self.state.calls.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Takes no new connection, and waits for answers under way.
    pub async fn stop(self) {
        self.serving.stop().await;
    }
}

/// What can be asked for, by the end of the path: the base address may have any path before it.
#[derive(Clone, Copy)]
enum Endpoint {
    Chat,
    Completions,
    Embeddings,
    Models,
    Count,
}

impl Endpoint {
    fn of(method: &Method, path: &str) -> Option<Self> {
        match *method {
            Method::POST if path.ends_with("/chat/completions") => Some(Self::Chat),
            Method::POST if path.ends_with("/completions") => Some(Self::Completions),
            Method::POST if path.ends_with("/embeddings") => Some(Self::Embeddings),
            Method::GET if path.ends_with("/models") => Some(Self::Models),
            Method::GET if path == "/__count" => Some(Self::Count),
            _ => None,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Completions => "completions",
            Self::Embeddings => "embeddings",
            Self::Models => "models",
            Self::Count => "count",
        }
    }
}

async fn answer(State(state): State<Arc<Shared>>, request: Request) -> Response {
    let Some(endpoint) = Endpoint::of(request.method(), request.uri().path()) else {
        return refuse(
            StatusCode::NOT_FOUND,
            "invalid_request_error",
            "The stand-in provider has no such endpoint.",
        );
    };
    if let Endpoint::Count = endpoint {
        return Json(state.count()).into_response();
    }
    state.note(endpoint);
    if is_wrong_key(request.headers()) {
        let message = "Incorrect API key provided: sk-wrong. (The stand-in provider takes every other key.)";
        return refuse(StatusCode::UNAUTHORIZED, "invalid_api_key", message);
    }
    if let Endpoint::Models = endpoint {
        return Json(answer::models()).into_response();
    }
    let request = match read(request.into_body()).await {
        Ok(request) => request,
        Err(problem) => return refuse(StatusCode::BAD_REQUEST, "invalid_request_error", &problem),
    };
    tokio::time::sleep(state.delay).await;
    let streamed = request["stream"] == true;
    match endpoint {
        Endpoint::Chat if streamed => stream::chat(&request),
        Endpoint::Chat => Json(answer::chat(&request)).into_response(),
        Endpoint::Completions if streamed => stream::completion(&request),
        Endpoint::Completions => Json(answer::completion(&request)).into_response(),
        _ => Json(embedding::answer(&request)).into_response(),
    }
}

impl Shared {
    fn note(&self, endpoint: Endpoint) {
        *self.calls.lock().unwrap_or_else(PoisonError::into_inner).entry(endpoint.name()).or_default() += 1;
    }

    fn count(&self) -> Value {
        let calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        json!({"total": calls.values().sum::<u64>(), "calls": &*calls})
    }
}

async fn read(body: Body) -> Result<Value, String> {
    let body: Bytes =
        axum::body::to_bytes(body, MAX_REQUEST_BYTES).await.map_err(|error| error.to_string())?;
    serde_json::from_slice(&body).map_err(|error| format!("The request is not JSON: {error}"))
}

fn is_wrong_key(headers: &HeaderMap) -> bool {
    let bearer =
        headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    let other = ["api-key", "x-api-key"].iter().find_map(|name| headers.get(*name)?.to_str().ok());
    bearer.or(other).is_some_and(|key| key.trim() == WRONG_KEY)
}

fn refuse(status: StatusCode, code: &str, message: &str) -> Response {
    let error = json!({"message": message, "type": "invalid_request_error", "param": null, "code": code});
    (status, Json(json!({"error": error}))).into_response()
}
