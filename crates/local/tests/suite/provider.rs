//! The stand-in provider, as an OpenAI client sees it.

use http::{Request, StatusCode};
use millrace_local::{Provider, ProviderConfig};
use serde_json::{Value, json};

use crate::http::{get, post, send};

async fn provider() -> Provider {
    Provider::start(ProviderConfig::default()).await.unwrap()
}

fn hello() -> Value {
    json!({"model": "gpt-4o-mini", "messages": [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": [{"type": "text", "text": "Hello, mill!"}]},
    ]})
}

#[tokio::test]
async fn a_chat_is_answered_the_same_each_time() {
    let provider = provider().await;
    let url = format!("{}/chat/completions", provider.base_url());
    let (first, second) = (post(&url, hello().to_string()).await, post(&url, hello().to_string()).await);
    assert_eq!(first.body, second.body);
    let answer = first.json();
    let text = answer["choices"][0]["message"]["content"].as_str().unwrap();
    assert!(text.contains("Hello, mill!"), "{text}");
    assert_eq!(answer["model"], "gpt-4o-mini");
    // "Be kind." has 8 bytes, "Hello, mill!" 12.
    assert_eq!(answer["usage"]["prompt_tokens"], 2 + 3);
    assert_eq!(answer["usage"]["completion_tokens"], text.len().div_ceil(4));
    provider.stop().await;
}

#[tokio::test]
async fn a_streamed_chat_adds_up_to_the_whole_one() {
    let provider = provider().await;
    let url = format!("{}/chat/completions", provider.base_url());
    let whole = post(&url, hello().to_string()).await.json();
    let mut request = hello();
    request["stream"] = true.into();
    request["stream_options"] = json!({"include_usage": true});
    let streamed = post(&url, request.to_string()).await;
    assert_eq!(streamed.header("content-type"), "text/event-stream");
    let lines: Vec<&str> =
        streamed.text().split("\n\n").filter_map(|event| event.strip_prefix("data: ")).collect();
    let (done, chunks) = lines.split_last().unwrap();
    assert_eq!(*done, "[DONE]");
    let chunks: Vec<Value> = chunks.iter().map(|chunk| serde_json::from_str(chunk).unwrap()).collect();
    let text: String = chunks.iter().filter_map(|c| c["choices"][0]["delta"]["content"].as_str()).collect();
    assert_eq!(text, whole["choices"][0]["message"]["content"]);
    assert_eq!(chunks.last().unwrap()["usage"], whole["usage"]);
    assert_eq!(chunks[chunks.len() - 2]["choices"][0]["finish_reason"], "stop");
    provider.stop().await;
}

#[tokio::test]
async fn legacy_completions_answer_each_prompt() {
    let provider = provider().await;
    let url = format!("{}/completions", provider.base_url());
    let answer = post(&url, json!({"model": "m", "prompt": ["one", "two"]}).to_string()).await.json();
    for (index, word) in ["one", "two"].iter().enumerate() {
        assert!(answer["choices"][index]["text"].as_str().unwrap().contains(word));
    }
    let streamed = post(&url, json!({"model": "m", "prompt": "one", "stream": true}).to_string()).await;
    assert!(streamed.text().ends_with("data: [DONE]\n\n"));
    provider.stop().await;
}

#[tokio::test]
async fn refusals_and_counts() {
    let provider = provider().await;
    let base = provider.base_url();
    let request =
        Request::post(format!("{base}/chat/completions")).header("authorization", "Bearer sk-wrong");
    let refused = send(request.body(hello().to_string()).unwrap()).await;
    assert_eq!(
        (refused.status, refused.json()["error"]["code"].clone()),
        (StatusCode::UNAUTHORIZED, "invalid_api_key".into())
    );
    assert_eq!(post(&format!("{base}/chat/completions"), "{").await.status, StatusCode::BAD_REQUEST);
    assert_eq!(get(&format!("{base}/nothing")).await.status, StatusCode::NOT_FOUND);
    assert_eq!(get(&format!("{base}/models")).await.json()["object"], "list");
    post(&format!("{base}/embeddings"), json!({"input": "x"}).to_string()).await;
    let count = get(&base.replace("/v1", "/__count")).await.json();
    assert_eq!(count, json!({"total": 4, "calls": {"chat": 2, "embeddings": 1, "models": 1}}));
    assert_eq!(provider.calls().values().sum::<u64>(), 4);
    provider.stop().await;
}
