//! Servers on loopback that answer well, badly or not at all.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

type Recorded = (Method, Uri, HeaderMap, Bytes);

/// What the stand-in has seen.
#[derive(Clone, Default)]
pub(crate) struct Seen {
    pub(crate) requests: Arc<Mutex<Vec<Recorded>>>,
    script: Arc<AtomicU32>,
}

impl Seen {
    pub(crate) fn paths(&self) -> Vec<String> {
        self.requests.lock().unwrap().iter().map(|(_, uri, _, _)| uri.path().to_owned()).collect()
    }
}

async fn record(State(seen): State<Seen>, method: Method, uri: Uri, headers: HeaderMap, body: Bytes) {
    seen.requests.lock().unwrap().push((method, uri, headers, body));
}

/// Starts a server whose `/status/429-500-200` answers 429, then 500, then 200 for good.
pub(crate) async fn stand_in() -> (String, Seen) {
    let seen = Seen::default();
    let router = Router::new()
        .route("/status/{script}", any(scripted))
        .route("/wait/{seconds}", get(busy))
        .route("/bytes/{count}", get(|Path(count): Path<usize>| async move { vec![b'x'; count] }))
        .route("/chunks/{count}", get(chunks))
        .route("/to/{status}/{*location}", any(redirect))
        .route("/loop", any(looping))
        .route("/ok", any(record_ok))
        .route("/packed", any(packed))
        .with_state(seen.clone());
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    (format!("http://{address}"), seen)
}

async fn scripted(
    State(seen): State<Seen>,
    Path(script): Path<String>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> StatusCode {
    record(State(seen.clone()), method, uri, headers, body).await;
    let turn = seen.script.fetch_add(1, Ordering::SeqCst) as usize;
    let statuses: Vec<u16> = script.split('-').map(|status| status.parse().unwrap()).collect();
    StatusCode::from_u16(statuses[turn.min(statuses.len() - 1)]).unwrap()
}

async fn busy(Path(seconds): Path<String>) -> (StatusCode, [(&'static str, String); 1]) {
    (StatusCode::TOO_MANY_REQUESTS, [("retry-after", seconds)])
}

async fn chunks(Path(count): Path<usize>) -> Body {
    let chunk = || Ok::<_, std::io::Error>(Bytes::from_static(&[b'x'; 100]));
    Body::from_stream(futures::stream::iter((0..count).map(move |_| chunk())))
}

async fn redirect(
    State(seen): State<Seen>,
    Path((status, location)): Path<(u16, String)>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    record(State(seen), method, uri, headers, body).await;
    (StatusCode::from_u16(status).unwrap(), [("location", location)]).into_response()
}

async fn looping(
    state: State<Seen>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> (StatusCode, [(&'static str, &'static str); 1]) {
    record(state, method, uri, headers, body).await;
    (StatusCode::FOUND, [("location", "/loop")])
}

async fn record_ok(
    state: State<Seen>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> ([(&'static str, &'static str); 1], &'static str) {
    record(state, method, uri, headers, body).await;
    ([("x-answer", "42")], r#"{"ok":true}"#)
}

/// A body that says it is compressed, and could be anything.
async fn packed(
    state: State<Seen>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> ([(&'static str, &'static str); 1], &'static [u8]) {
    record(state, method, uri, headers, body).await;
    ([("content-encoding", "gzip")], PACKED)
}

/// The beginning of what gzip makes of zeros.
pub(crate) const PACKED: &[u8] =
    b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\xff\xed\xc1\x01\x0d\x00\x00\x00\xc2\xa0";

/// Accepts connections, reads a request's head, sends `answer` as it is and closes; `None` never answers.
pub(crate) async fn raw(answer: Option<&str>) -> (SocketAddr, Arc<AtomicU32>) {
    let answer = answer.map(str::to_owned);
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let accepted = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&accepted);
    tokio::spawn(async move {
        let mut open = Vec::new();
        while let Ok((mut connection, _)) = listener.accept().await {
            count.fetch_add(1, Ordering::SeqCst);
            if let Some(answer) = &answer {
                let _head = connection.read(&mut [0; 4096]).await;
                let _sent = connection.write_all(answer.as_bytes()).await;
            } else {
                open.push(connection);
            }
        }
    });
    (address, accepted)
}
