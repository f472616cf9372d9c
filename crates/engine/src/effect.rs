//! What leaves the process, and where in a run it does.

use serde_json::Value as Json;
use sha2::{Digest, Sha256};

use crate::context::hex;

/// Characters of a model's name that are told: it is what a flow says, whatever that is.
const NAME_LIMIT: usize = 100;

/// Something that leaves the process: a model call, a request, a read of a conversation, the time.
#[derive(Debug, Clone)]
pub struct Effect {
    /// The kind, such as `model`.
    pub kind: &'static str,
    /// What identifies it, **without secrets**: it is hashed and compared when a run is replayed.
    pub request: Json,
}

/// Where in a run an effect happens: the scope path and the occurrence within that sequential scope.
///
/// **The same run has the same keys in any timing**: parallel inputs, vertices and tools have scopes of
/// their own, and within one scope calls are sequential.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct EffectKey(String);

impl Effect {
    /// The model that is called, as its provider names it: the member `model` or `modelId` of the body, or what stands
    /// for it in the address (`/models/NAME:generateContent`, `/model/NAME/converse`, `/deployments/NAME/…`).
    ///
    /// `None` for what calls no model. A call whose model cannot be told has the name `unknown`.
    pub fn model(&self) -> Option<String> {
        if !matches!(self.kind, "model" | "embedding") {
            return None;
        }
        let body = &self.request["body"];
        let named = ["model", "modelId"].iter().find_map(|name| body[*name].as_str());
        let name =
            named.or_else(|| in_address(self.request["url"].as_str()?)).filter(|name| !name.is_empty());
        Some(name.unwrap_or("unknown").replace("%3A", ":").chars().take(NAME_LIMIT).collect())
    }

    pub(crate) fn hash(&self) -> String {
        let mut sha = Sha256::new();
        sha.update(self.kind);
        sha.update(b"\n");
        sha.update(self.request.to_string());
        hex(&sha.finalize())
    }
}

/// The segment after the one that says that a model follows, without what is done with it.
fn in_address(url: &str) -> Option<&str> {
    let mut segments =
        url.split('?').next()?.split('/').skip_while(|segment| !names_a_model(segment)).skip(1);
    let name = segments.next()?;
    // A hub names a model by its owner too.
    match (url.contains("huggingface"), segments.next()) {
        (true, Some(own)) if !own.is_empty() => Some(own),
        _ => name.split(':').next(),
    }
}

fn names_a_model(segment: &str) -> bool {
    matches!(segment, "models" | "model" | "deployments")
}

impl EffectKey {
    /// The key of an effect in this scope, counted from 0.
    pub fn new(scope: &str, occurrence: u32) -> Self {
        Self(format!("{scope}#{occurrence:04}"))
    }

    /// The key as text; sorts by occurrence within a scope.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_model_is_named_by_the_body_or_the_address() {
        let long = "x".repeat(300);
        for (request, model) in [
            (
                json!({"url": "https://api.openai.com/v1/chat/completions", "body": {"model": "gpt-4o"}}),
                "gpt-4o",
            ),
            (
                json!({"url": "https://x.openai.azure.com/openai/deployments/ours/chat?v=1", "body": {}}),
                "ours",
            ),
            (
                json!({"url": "https://g.example/v1beta/models/gemini-2.0-flash:generateContent"}),
                "gemini-2.0-flash",
            ),
            (
                json!({"url": "https://b.example/model/anthropic.claude-3-haiku-20240307-v1%3A0/converse"}),
                "anthropic.claude-3-haiku-20240307-v1:0",
            ),
            (json!({"url": "https://router.huggingface.co/hf/models/BAAI/bge-large/x"}), "bge-large"),
            (json!({"url": "https://api.example/v1"}), "unknown"),
            (json!({"body": {"model": ""}}), "unknown"),
            (json!({"body": {"model": long}}), &"x".repeat(NAME_LIMIT)),
            (json!(["a text"]), "unknown"),
        ] {
            assert_eq!(Effect { kind: "model", request }.model().as_deref(), Some(model));
        }
        assert_eq!(Effect { kind: "page", request: json!({"body": {"model": "m"}}) }.model(), None);
    }
}
