//! A stand-in model provider that writes down each call, and can be watched at both ends of it.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::response::Response;
use futures::future::BoxFuture;
use futures::stream::{self, StreamExt};
use jiff::Timestamp;
use millrace_local::Phase;
use serde_json::{Value as Json, json};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::step::Step;

/// When each step was asked for.
pub type Calls = BTreeMap<Step, Vec<Timestamp>>;

/// Is told where a call is: nothing answered, or all of it but the end of the body. The call waits for it.
type Watch = dyn Fn(Phase) -> BoxFuture<'static, ()> + Send + Sync;

/// A running provider; dropped, it stops.
pub struct Provider {
    base_url: String,
    shared: Arc<Shared>,
    _server: JoinSet<()>,
}

struct Shared {
    delay: Duration,
    watch: Box<Watch>,
    calls: Mutex<Calls>,
}

impl Provider {
    /// Starts to listen; thinks for `delay` before each answer.
    pub async fn start(
        delay: Duration,
        watch: impl Fn(Phase) -> BoxFuture<'static, ()> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base_url = format!("http://{}/v1", listener.local_addr().unwrap());
        let shared = Arc::new(Shared { delay, watch: Box::new(watch), calls: Mutex::default() });
        let app = Router::new().fallback(answer).with_state(shared.clone());
        let mut server = JoinSet::new();
        server.spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { base_url, shared, _server: server }
    }

    /// Its address as a model component takes it.
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// All calls so far.
    pub fn calls(&self) -> Calls {
        self.shared.calls.lock().unwrap().clone()
    }
}

async fn answer(State(shared): State<Arc<Shared>>, request: Bytes) -> Response {
    let request: Json = serde_json::from_slice(&request).unwrap();
    let asked = request["messages"].as_array().and_then(|messages| messages.last()?["content"].as_str());
    let step = asked.and_then(Step::read).expect("every prompt names its step");
    shared.calls.lock().unwrap().entry(step.clone()).or_default().push(Timestamp::now());
    (shared.watch)(Phase::Before).await;
    tokio::time::sleep(shared.delay).await;
    let answer = Bytes::from(completion(&step.answer()).to_string());
    // Without a length the body ends only when the stream does: whoever is asked in between sees a client that has
    // every byte of the answer and cannot have gone on yet.
    let end = async move {
        (shared.watch)(Phase::After).await;
        Bytes::new()
    };
    let chunks = stream::once(async { answer }).chain(stream::once(end)).map(Ok::<_, Infallible>);
    Response::builder().header("content-type", "application/json").body(Body::from_stream(chunks)).unwrap()
}

fn completion(text: &str) -> Json {
    json!({
        "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "stand-in",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
    })
}
