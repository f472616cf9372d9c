//! Streamed answers: server-sent events, a word or two at a time, as OpenAI sends them.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::header;
use serde_json::{Value, json};

use super::answer;

/// Chunks of a chat answer: the role, the words, the end, then the usage if it was asked for.
pub(super) fn chat(request: &Value) -> Response {
    let (text, usage) = answer::chat_text(request);
    let head = answer::head(request, "chatcmpl", "chat.completion.chunk");
    let choice = |delta: Value, finish: Value| json!([{"index": 0, "delta": delta, "logprobs": null, "finish_reason": finish}]);
    let mut choices = vec![choice(json!({"role": "assistant", "content": ""}), Value::Null)];
    choices.extend(words(&text).map(|word| choice(json!({"content": word}), Value::Null)));
    choices.push(choice(json!({}), "stop".into()));
    respond(request, &head, choices, usage)
}

/// Chunks of a legacy completion; only the first prompt is answered.
pub(super) fn completion(request: &Value) -> Response {
    let (texts, usage) = answer::completion_texts(request);
    let head = answer::head(request, "cmpl", "text_completion");
    let choice = |text: &str, finish: Value| json!([{"text": text, "index": 0, "logprobs": null, "finish_reason": finish}]);
    let text = texts.first().map(String::as_str).unwrap_or_default();
    let mut choices: Vec<Value> = words(text).map(|word| choice(word, Value::Null)).collect();
    choices.push(choice("", "stop".into()));
    respond(request, &head, choices, usage)
}

/// A text in pieces that end with their space.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split_inclusive(' ')
}

/// One event a chunk, and `[DONE]`.
fn respond(request: &Value, head: &Value, choices: Vec<Value>, usage: Value) -> Response {
    let with = |field: &str, value: Value| {
        let mut chunk = head.clone();
        chunk[field] = value;
        chunk
    };
    let mut chunks: Vec<Value> = choices.into_iter().map(|choices| with("choices", choices)).collect();
    if request["stream_options"]["include_usage"] == true {
        let mut last = with("choices", json!([]));
        last["usage"] = usage;
        chunks.push(last);
    }
    let lines = chunks.into_iter().map(|chunk| chunk.to_string()).chain(["[DONE]".to_owned()]);
    let events = lines.map(|line| Ok::<_, std::convert::Infallible>(format!("data: {line}\n\n")));
    let body = Body::from_stream(futures::stream::iter(events));
    ([(header::CONTENT_TYPE, "text/event-stream"), (header::CACHE_CONTROL, "no-cache")], body).into_response()
}
