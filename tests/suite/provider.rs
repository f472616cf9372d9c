//! A model provider that answers what a test tells it to, and remembers what it was asked.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures::StreamExt;
use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// A request that came.
#[derive(Debug, Clone)]
pub struct Seen {
    /// Its path.
    pub path: String,
    /// Its key.
    pub key: Option<String>,
    /// The trace that it belongs to.
    pub traceparent: Option<String>,
    /// Its body.
    pub body: Json,
}

/// What is answered to one request.
///
/// `reply` is a text, a message, a list of completions, `{"error": …}` as a provider says it,
/// `{"status": 500, "body": …}`, or `"hang"` and `"half"` under `"fault"`: no answer, and one that breaks off.
/// `{"after_ms": 300, "say": …}` is said after so long.
#[derive(Debug, Clone)]
pub struct Reply {
    /// The request's body, where this reply is meant for that one request; other requests get replies in order.
    pub to: Option<Json>,
    /// What is answered.
    pub reply: Json,
}

#[derive(Default)]
struct Script {
    replies: VecDeque<Reply>,
    seen: Vec<Seen>,
    /// Where the pages below `/site/` lie.
    site: Option<PathBuf>,
}

/// A running provider.
pub struct Provider {
    port: u16,
    script: Arc<Mutex<Script>>,
    server: JoinHandle<()>,
}

impl Drop for Provider {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Provider {
    /// Starts to listen. Without a script it answers `MOCK[…]` with the end of what it was asked.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let script = Arc::<Mutex<Script>>::default();
        let app = Router::new().fallback(answer).with_state(script.clone());
        let server = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { port, script, server }
    }

    /// Its root address.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Its address as a model component takes it.
    pub fn base_url(&self) -> String {
        format!("{}/v1", self.url())
    }

    /// Forgets what it was told and asked, and takes these replies.
    pub fn script(&self, replies: impl IntoIterator<Item = Reply>) {
        let mut script = self.script.lock().unwrap();
        (script.replies, script.seen) = (replies.into_iter().collect(), Vec::new());
    }

    /// Serves the files of a folder below `/site/`.
    pub fn serve(&self, site: &Path) {
        self.script.lock().unwrap().site = Some(site.to_owned());
    }

    /// The requests since the last script.
    pub fn seen(&self) -> Vec<Seen> {
        self.script.lock().unwrap().seen.clone()
    }
}

impl Reply {
    /// The next reply, whoever asks.
    pub fn next(reply: Json) -> Self {
        Self { to: None, reply }
    }
}

impl Script {
    /// The reply meant for this request, else the first: parallel calls come in any order.
    fn take(&mut self, body: &Json) -> Option<Json> {
        let same = |to: &Json| ["messages", "prompt"].iter().all(|name| to.get(name) == body.get(name));
        let meant = self.replies.iter().position(|reply| reply.to.as_ref().is_some_and(same));
        self.replies.remove(meant.unwrap_or(0)).map(|reply| reply.reply)
    }
}

async fn answer(State(script): State<Arc<Mutex<Script>>>, request: Request) -> Response {
    let path = request.uri().path().to_owned();
    let key = request.headers().get("authorization").and_then(|value| value.to_str().ok()).map(str::to_owned);
    let key = key.and_then(|value| value.strip_prefix("Bearer ").map(str::to_owned));
    let traceparent = request.headers().get("traceparent");
    let traceparent = traceparent.and_then(|value| value.to_str().ok()).map(str::to_owned);
    if let Some(page) = path.strip_prefix("/site/") {
        let site = script.lock().unwrap().site.clone();
        let text = site.and_then(|site| std::fs::read_to_string(site.join(page)).ok());
        return respond(if text.is_some() { 200 } else { 404 }, &json!(text.unwrap_or_default()));
    }
    if let Some(page) = path.strip_prefix("/bad/") {
        return bad_page(page);
    }
    if path.starts_with("/search") {
        let query =
            request.uri().query().and_then(|query| query.split('&').find_map(|q| q.strip_prefix("q=")));
        return respond(
            200,
            &json!({"answer_box": {"answer": format!("SERP[{}]", query.unwrap_or_default())}}),
        );
    }
    let bytes = axum::body::to_bytes(request.into_body(), usize::MAX).await.unwrap();
    if path.ends_with("/embeddings") {
        let body: Json = serde_json::from_slice(&bytes).unwrap_or_default();
        script.lock().unwrap().seen.push(Seen { path, key, traceparent, body: body.clone() });
        return respond(200, &embeddings(&body));
    }
    let body: Json = serde_json::from_slice(&bytes).unwrap_or_default();
    let reply = {
        let mut script = script.lock().unwrap();
        script.seen.push(Seen { path: path.clone(), key, traceparent, body: body.clone() });
        script.take(&body)
    };
    let mut reply = match reply {
        Some(reply) => reply,
        None => {
            // A model takes longer than the read of a conversation: inputs of a list that run side by side do not see
            // each other's turns, as they did not in what was recorded.
            tokio::time::sleep(std::time::Duration::from_millis(40)).await;
            json!(mock(&body))
        }
    };
    if let Some(after) = reply["after_ms"].as_u64() {
        tokio::time::sleep(std::time::Duration::from_millis(after)).await;
        reply = reply["say"].take();
    }
    match reply["fault"].as_str() {
        Some("hang") => std::future::pending().await,
        Some("half") => half(),
        _ => whole(&path, &body, &reply),
    }
}

fn whole(path: &str, body: &Json, reply: &Json) -> Response {
    if let Some(status) = reply["status"].as_u64() {
        return respond(u16::try_from(status).unwrap(), &reply["body"]);
    }
    if let Some(message) = reply["error"]["message"].as_str() {
        let digits: String = message.chars().filter(char::is_ascii_digit).take(3).collect();
        return respond(digits.parse().unwrap_or(500), reply);
    }
    let usage = json!({"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15});
    if path.ends_with("/chat/completions") {
        let message =
            if reply.is_object() { reply.clone() } else { json!({"role": "assistant", "content": reply}) };
        let choices = json!([{"index": 0, "message": message, "finish_reason": "stop"}]);
        return respond(
            200,
            &json!({"object": "chat.completion", "model": body["model"], "choices": choices, "usage": usage}),
        );
    }
    let texts = if let Json::Array(texts) = reply { texts.clone() } else { vec![reply.clone()] };
    let choice = |(index, text)| json!({"index": index, "text": text, "finish_reason": "stop"});
    let choices: Vec<Json> = texts.into_iter().enumerate().map(choice).collect();
    respond(
        200,
        &json!({"object": "text_completion", "model": body["model"], "choices": choices, "usage": usage}),
    )
}

/// JSON, or text of another kind where the body is a text.
fn respond(status: u16, body: &Json) -> Response {
    let (kind, text) = match body {
        Json::String(text) => ("text/html", text.clone()),
        other => ("application/json", other.to_string()),
    };
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    response.headers_mut().insert("content-type", kind.parse().unwrap());
    response
}

/// Pages as nobody wants them: one that leads to itself, one of 100 MB, one that is no text.
fn bad_page(page: &str) -> Response {
    let (status, body) = match page {
        "circle" => (302, Body::empty()),
        "huge" => {
            let block = bytes::Bytes::from(vec![b'x'; 1_000_000]);
            (
                200,
                Body::from_stream(futures::stream::iter(
                    (0..100).map(move |_| Ok::<_, std::io::Error>(block.clone())),
                )),
            )
        }
        _ => (200, Body::from(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec())),
    };
    let kind = if page == "image" { "image/png" } else { "text/html" };
    let response =
        Response::builder().status(status).header("content-type", kind).header("location", "/bad/circle");
    response.body(body).unwrap()
}

/// A connection that ends in the middle of the body.
fn half() -> Response {
    let start = futures::stream::iter([Ok::<_, std::io::Error>(r#"{"object": "chat.comp"#)]);
    let cut = futures::stream::once(async {
        // What was written has to be on its way before the connection ends.
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        Err(std::io::Error::other("cut"))
    });
    let mut response = Response::new(Body::from_stream(start.chain(cut)));
    response.headers_mut().insert("content-type", "application/json".parse().unwrap());
    response
}

/// What the stand-in provider of the recordings says: eight digits of a hash of the messages, and the last 60
/// characters of the last one.
fn mock(body: &Json) -> String {
    let (hashed, last) = match body["messages"].as_array() {
        Some(messages) => {
            let sorted: Vec<String> = messages.iter().map(sorted).collect();
            (
                format!("[{}]", sorted.join(",")),
                text(messages.last().map_or(&Json::Null, |last| &last["content"])),
            )
        }
        None => (body["prompt"][0].to_string(), text(&body["prompt"][0])),
    };
    let digest: String = Sha256::digest(hashed).iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    let joined = last.split_whitespace().collect::<Vec<_>>().join(" ");
    let skipped = joined.chars().count().saturating_sub(60);
    format!("MOCK[{digest}] {}", joined.chars().skip(skipped).collect::<String>())
}

fn text(value: &Json) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// A message with its fields in order.
fn sorted(message: &Json) -> String {
    let fields: std::collections::BTreeMap<&String, &Json> =
        message.as_object().into_iter().flatten().collect();
    serde_json::to_string(&fields).unwrap()
}

/// The dimensions of the recorded embeddings.
const DIMENSIONS: usize = 1536;

/// What an embedding model answers: vectors by rule, so that texts that share words lie close to each other.
pub fn embeddings(body: &Json) -> Json {
    let texts: Vec<String> = match &body["input"] {
        Json::Array(list) => list.iter().map(|text| text.as_str().unwrap_or_default().to_owned()).collect(),
        one => vec![one.as_str().unwrap_or_default().to_owned()],
    };
    let as_base64 = body["encoding_format"] == "base64";
    let data: Vec<Json> = texts
        .iter()
        .enumerate()
        .map(|(index, text)| {
            let vector = embed(text);
            let bytes: Vec<u8> = vector.iter().flat_map(|x| x.to_le_bytes()).collect();
            let embedding = if as_base64 { json!(STANDARD.encode(bytes)) } else { json!(vector) };
            json!({"index": index, "embedding": embedding})
        })
        .collect();
    json!({"data": data, "usage": {"prompt_tokens": 1, "total_tokens": 1}})
}

/// Each word adds to four places that its digest names; then the length is made 1.
fn embed(text: &str) -> Vec<f32> {
    let mut vector = vec![0f32; DIMENSIONS];
    for word in text.to_lowercase().split_whitespace() {
        let digest = Sha256::digest(word);
        for place in digest[..12].chunks(3) {
            let at = usize::from(u16::from_le_bytes([place[0], place[1]])) % DIMENSIONS;
            vector[at] += if place[2] & 1 == 1 { 1.0 } else { -1.0 };
        }
    }
    let length = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
    match length > 0.0 {
        true => vector.iter_mut().for_each(|x| *x /= length),
        false => vector[0] = 1.0,
    }
    vector
}
