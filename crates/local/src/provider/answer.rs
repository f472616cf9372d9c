//! What the stand-in says, and how it counts.
//!
//! **The rule for `usage`:** a token is four bytes of UTF-8, begun ones counted whole; a prompt is the sum over its texts.
//! It is not what a model would count, but it can be worked out by hand.

use serde_json::{Value, json};

/// How much of a message an answer quotes, in characters.
const QUOTED: usize = 400;
/// `created` of every answer, so that the same request gives the same bytes.
const CREATED: u64 = 1_700_000_000;

/// The sentence that answers `message`. This is its only form.
pub(super) fn sentence(message: &str) -> String {
    let mut quoted: String = message.chars().take(QUOTED).collect();
    if quoted.len() < message.len() {
        quoted.push('…');
    }
    format!(
        "You said: \"{quoted}\". I am the stand-in model of the local stack: no provider was called, nothing was paid."
    )
}

/// Tokens of a text, by the rule above.
pub(super) fn tokens(text: &str) -> usize {
    text.len().div_ceil(4)
}

pub(super) fn usage(prompt: usize, completion: usize) -> Value {
    json!({"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion})
}

/// The model that was asked for.
pub(super) fn model(request: &Value) -> &str {
    request["model"].as_str().unwrap_or("stand-in")
}

/// The fields that all answers to one request share. The id is a digest of the request.
pub(super) fn head(request: &Value, prefix: &str, object: &str) -> Value {
    let digest = md5::compute(request.to_string());
    json!({"id": format!("{prefix}-{digest:x}"), "object": object, "created": CREATED, "model": model(request)})
}

/// The text of a message's content: a text, or the text parts of a list.
fn content(message: &Value) -> String {
    match &message["content"] {
        Value::String(text) => text.clone(),
        Value::Array(parts) => {
            parts.iter().filter_map(|part| part["text"].as_str()).collect::<Vec<_>>().join("\n")
        }
        _ => String::new(),
    }
}

/// The answer's text and its usage.
pub(super) fn chat_text(request: &Value) -> (String, Value) {
    let messages = request["messages"].as_array().map(Vec::as_slice).unwrap_or_default();
    let last = messages.iter().rev().find(|message| message["role"] == "user").or(messages.last());
    let text = sentence(&last.map(content).unwrap_or_default());
    let prompt = messages.iter().map(|message| tokens(&content(message))).sum();
    let usage = usage(prompt, tokens(&text));
    (text, usage)
}

pub(super) fn chat(request: &Value) -> Value {
    let (text, usage) = chat_text(request);
    let mut answer = head(request, "chatcmpl", "chat.completion");
    let message = json!({"role": "assistant", "content": text, "refusal": null});
    answer["choices"] = json!([{"index": 0, "message": message, "logprobs": null, "finish_reason": "stop"}]);
    answer["usage"] = usage;
    answer
}

/// The texts of a legacy completion request, one for each prompt, and their usage.
pub(super) fn completion_texts(request: &Value) -> (Vec<String>, Value) {
    let prompts: Vec<&str> = match &request["prompt"] {
        Value::Array(prompts) => prompts.iter().filter_map(Value::as_str).collect(),
        prompt => vec![prompt.as_str().unwrap_or_default()],
    };
    let texts: Vec<String> = prompts.iter().map(|prompt| sentence(prompt)).collect();
    let sum = |tokens_of: &mut dyn Iterator<Item = usize>| tokens_of.sum::<usize>();
    let prompt = sum(&mut prompts.iter().map(|prompt| tokens(prompt)));
    let completion = sum(&mut texts.iter().map(|text| tokens(text)));
    (texts, usage(prompt, completion))
}

pub(super) fn completion(request: &Value) -> Value {
    let (texts, usage) = completion_texts(request);
    let choice = |(index, text): (usize, String)| json!({"text": text, "index": index, "logprobs": null, "finish_reason": "stop"});
    let mut answer = head(request, "cmpl", "text_completion");
    answer["choices"] = texts.into_iter().enumerate().map(choice).collect();
    answer["usage"] = usage;
    answer
}

pub(super) fn models() -> Value {
    let model = |id: &str| json!({"id": id, "object": "model", "created": CREATED, "owned_by": "stand-in"});
    let models = ["stand-in", "gpt-4o-mini", "text-embedding-3-small"].map(model);
    json!({"object": "list", "data": models})
}
