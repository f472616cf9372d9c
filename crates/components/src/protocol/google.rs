//! Google's generateContent, as the Gemini API and as Vertex AI serve it.

use std::sync::Arc;

use async_trait::async_trait;
use millrace_engine::{
    ChatMessage, ChatModel, ChatReply, ChatRequest, Context, ErrorKind, RunError, ToolCall, ToolSpec, Usage,
};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde_json::{Map, Value as Json, json};

use super::account::{House, first};
use super::google_account::{FILE_LIMIT, ServiceAccount};
use super::openai::Settings;
use super::service::Service;
use super::turns::{Turn, arguments, turns};

pub(crate) const HOUSE: House = House {
    base: "https://generativelanguage.googleapis.com",
    base_variables: &[],
    key_variables: &["GOOGLE_API_KEY", "GEMINI_API_KEY"],
};

/// What a model's name keeps of its signs in a path.
const SEGMENT: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'@');

/// What a node says about its account in Google's cloud.
#[derive(Debug, Default)]
pub(crate) struct CloudSettings {
    /// The service account's file.
    pub credentials: Option<String>,
    /// The file's own if empty.
    pub project: Option<String>,
    pub location: String,
    pub retries: Option<u32>,
}

/// Where Google's models answer.
#[derive(Debug, Clone)]
pub(crate) struct Google {
    /// What stands before `models/…`.
    models: String,
    service: Service,
}

impl Google {
    /// The Gemini API, with a key.
    pub async fn gemini(cx: &Context, kind: &str, settings: Settings) -> Result<Self, RunError> {
        let account = HOUSE.account(cx, settings.base, settings.key).await?;
        let service =
            Service::new(cx, kind, "Google's protocol").timeout(settings.timeout)?.retries(settings.retries);
        let service = match &account.key {
            Some(key) => service.secret("x-goog-api-key", "", key),
            None => service,
        };
        Ok(Self { models: format!("{}/v1beta/models", account.base), service })
    }

    /// Vertex AI, in the name of a service account.
    ///
    /// # Errors
    /// [`ErrorKind::Flow`] without a project, or for a location or project that is none. A service account is
    /// missed only by the first request.
    pub async fn vertex(cx: &Context, kind: &str, settings: CloudSettings) -> Result<Self, RunError> {
        let account = account(cx, settings.credentials).await?;
        let given = settings.project.filter(|project| !project.trim().is_empty());
        let project = match (&given, &account) {
            (Some(project), _) => project,
            (None, Some(account)) => &account.project,
            (None, None) => return Err(no_account()),
        };
        let project = name("project", project)?;
        let location = name("location", &settings.location)?;
        let host = match location {
            "global" => "aiplatform.googleapis.com".to_owned(),
            location => format!("{location}-aiplatform.googleapis.com"),
        };
        let models =
            format!("https://{host}/v1/projects/{project}/locations/{location}/publishers/google/models");
        let service = Service::new(cx, kind, "Vertex AI's protocol")
            .retries(settings.retries)
            .on_behalf_of(account.ok_or_else(no_account));
        Ok(Self { models, service })
    }

    /// The service, and the address of an operation on a model.
    pub fn at(&self, model: &str, operation: &str) -> (&Service, String) {
        let model = utf8_percent_encode(short(model), &SEGMENT);
        (&self.service, format!("{}/{model}:{operation}", self.models))
    }

    /// Who is called: for what must tell one from another.
    pub fn host(&self) -> String {
        super::service::host(&self.models)
    }
}

/// A model's name without the collection that some write before it.
pub(crate) fn short(model: &str) -> &str {
    let model = model.trim();
    model.strip_prefix("models/").unwrap_or(model)
}

/// The service account of a node's file, or of the variable that stands in for it.
async fn account(cx: &Context, file: Option<String>) -> Result<Option<Arc<ServiceAccount>>, RunError> {
    if let Some(reference) = file.filter(|reference| !reference.trim().is_empty()) {
        let file = cx.file(&reference, FILE_LIMIT).await?;
        return Ok(Some(Arc::new(ServiceAccount::read(&file.bytes)?)));
    }
    let text = first(cx, &["GOOGLE_APPLICATION_CREDENTIALS"]).await?;
    text.map(|text| ServiceAccount::read(text.value.as_bytes()).map(Arc::new)).transpose()
}

fn no_account() -> RunError {
    let message = "field 'credentials': no service account: fill in its JSON file, or set the variable \
                   GOOGLE_APPLICATION_CREDENTIALS to its text";
    RunError::new(ErrorKind::Flow, message)
}

/// A name that becomes part of an address.
fn name<'a>(field: &str, text: &'a str) -> Result<&'a str, RunError> {
    let text = text.trim();
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if (1..=63).contains(&text.len()) && text.chars().all(plain) {
        return Ok(text);
    }
    Err(RunError::new(
        ErrorKind::Flow,
        format!("field '{field}': {field}s are lower case, digits and hyphens"),
    ))
}

/// The fields of a call; what is `None` is left to the provider.
#[derive(Debug, Default)]
pub(crate) struct Fields {
    pub model: String,
    pub temperature: Option<f64>,
    pub top_p: Option<f64>,
    /// 0 for the provider's limit too.
    pub top_k: Option<u32>,
    /// 0 for the provider's limit too.
    pub max_tokens: Option<u32>,
    /// More fields of `generationConfig`, which replace those above.
    pub more: Option<Map<String, Json>>,
}

/// A chat model.
pub(crate) fn model(google: Google, fields: Fields) -> Arc<dyn ChatModel> {
    let positive = |number: Option<u32>| number.filter(|number| *number > 0).map(Json::from);
    let config = [
        ("temperature", fields.temperature.map(Json::from)),
        ("topP", fields.top_p.filter(|share| *share > 0.0).map(Json::from)),
        ("topK", positive(fields.top_k)),
        ("maxOutputTokens", positive(fields.max_tokens)),
    ];
    let mut config: Map<String, Json> =
        config.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect();
    config.extend(fields.more.unwrap_or_default());
    Arc::new(Gemini { google, model: short(&fields.model).to_owned(), config })
}

#[derive(Debug)]
struct Gemini {
    google: Google,
    model: String,
    config: Map<String, Json>,
}

#[async_trait]
impl ChatModel for Gemini {
    fn name(&self) -> &str {
        &self.model
    }

    async fn generate(&self, cx: &Context, request: ChatRequest) -> Result<ChatReply, RunError> {
        let (system, turns) = turns(&request.messages);
        let contents: Vec<Json> = turns.iter().map(content).collect();
        let mut body = Map::from_iter([("contents".to_owned(), Json::from(contents))]);
        if let Some(system) = system {
            body.insert("systemInstruction".to_owned(), json!({"parts": [{"text": system}]}));
        }
        let mut config = self.config.clone();
        if !request.stop.is_empty() {
            config.insert("stopSequences".to_owned(), json!(request.stop));
        }
        body.insert("generationConfig".to_owned(), config.into());
        if !request.tools.is_empty() {
            let tools: Vec<Json> = request.tools.iter().map(tool).collect();
            body.insert("tools".to_owned(), json!([{"functionDeclarations": tools}]));
        }
        let (service, url) = self.google.at(&self.model, "generateContent");
        let reply: Result<(ChatReply, Option<String>), RunError> =
            service.post(cx, "model", &url, &Json::Object(body), Reply::read).await;
        match reply? {
            (reply, None) => Ok(reply),
            (_, Some(reason)) => Err(service.fault(&format!("the model gave no answer: {reason}"))),
        }
    }
}

fn tool(tool: &ToolSpec) -> Json {
    let mut declaration = Map::from_iter([
        ("name".to_owned(), json!(tool.name)),
        ("description".to_owned(), json!(tool.description)),
    ]);
    let parameters = schema(&tool.parameters);
    // An object without properties is refused: such a tool takes nothing.
    if parameters["properties"].as_object().is_some_and(|properties| !properties.is_empty()) {
        declaration.insert("parameters".to_owned(), parameters);
    }
    Json::Object(declaration)
}

/// The words of a JSON schema that Google's `Schema` has.
const WORDS: &[&str] = &[
    "type",
    "format",
    "title",
    "description",
    "nullable",
    "enum",
    "maxItems",
    "minItems",
    "properties",
    "required",
    "minProperties",
    "maxProperties",
    "minLength",
    "maxLength",
    "pattern",
    "example",
    "anyOf",
    "default",
    "items",
    "minimum",
    "maximum",
];

/// A JSON schema without the words that Google refuses.
fn schema(full: &Json) -> Json {
    let Json::Object(fields) = full else { return full.clone() };
    let known = fields.iter().filter(|(word, _)| WORDS.contains(&word.as_str()));
    let kept = known.map(|(word, value)| {
        let value = match (word.as_str(), value) {
            ("properties", Json::Object(properties)) => {
                properties.iter().map(|(name, of)| (name.clone(), schema(of))).collect()
            }
            ("items", of) => schema(of),
            ("anyOf", Json::Array(of)) => of.iter().map(schema).collect(),
            (_, value) => value.clone(),
        };
        (word.clone(), value)
    });
    kept.collect()
}

fn content(turn: &Turn<'_>) -> Json {
    let role = if turn.model { "model" } else { "user" };
    json!({"role": role, "parts": turn.messages.iter().flat_map(|message| parts(message)).collect::<Vec<_>>()})
}

fn parts(message: &ChatMessage) -> Vec<Json> {
    if let Some(call) = &message.answers {
        let response = json!({"content": message.content});
        return vec![json!({"functionResponse": {"name": call.name, "response": response}})];
    }
    let text = Some(&message.content).filter(|text| !text.is_empty() || message.tool_calls.is_empty());
    let call = |call: &ToolCall| json!({"functionCall": {"name": call.name, "args": arguments(call)}});
    text.map(|text| json!({"text": text})).into_iter().chain(message.tool_calls.iter().map(call)).collect()
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Reply {
    #[serde(default)]
    candidates: Vec<Candidate>,
    prompt_feedback: Option<Feedback>,
    usage_metadata: Option<TokenUsage>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Feedback {
    block_reason: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Candidate {
    content: Option<Content>,
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
struct Content {
    #[serde(default)]
    parts: Vec<Part>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Part {
    text: Option<String>,
    #[serde(default)]
    thought: bool,
    function_call: Option<FunctionCall>,
}

#[derive(Deserialize)]
struct FunctionCall {
    #[serde(default)]
    id: String,
    name: String,
    #[serde(default)]
    args: Json,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct TokenUsage {
    #[serde(default)]
    prompt_token_count: u64,
    #[serde(default)]
    candidates_token_count: u64,
    #[serde(default)]
    thoughts_token_count: u64,
}

impl Reply {
    /// The answer, and why there is none where the model refused: tokens were used for that too, so it is
    /// recorded. `None` where there is neither.
    fn read(self) -> Option<((ChatReply, Option<String>), Usage)> {
        let counted = self.usage_metadata.unwrap_or_default();
        let output = counted.candidates_token_count + counted.thoughts_token_count;
        let usage = Usage { input: counted.prompt_token_count, output };
        let mut reply = ChatReply { text: String::new(), tool_calls: Vec::new(), usage };
        let Some(candidate) = self.candidates.into_iter().next() else {
            let reason = self.prompt_feedback?.block_reason?;
            return Some(((reply, Some(reason)), usage));
        };
        let parts = candidate.content.map(|content| content.parts).unwrap_or_default();
        let refused = candidate.finish_reason.filter(|reason| reason != "STOP" && reason != "MAX_TOKENS");
        if let (true, Some(reason)) = (parts.is_empty(), refused) {
            return Some(((reply, Some(reason)), usage));
        }
        for part in parts.into_iter().filter(|part| !part.thought) {
            reply.text.push_str(&part.text.unwrap_or_default());
            reply.tool_calls.extend(part.function_call.map(|call| {
                let arguments = if call.args.is_null() { "{}".to_owned() } else { call.args.to_string() };
                ToolCall { id: call.id, name: call.name, arguments }
            }));
        }
        Some(((reply, None), usage))
    }
}

#[cfg(test)]
mod tests {
    use millrace_outbound::Answer;

    use super::*;
    use crate::stand_in::Stand;

    /// What is refused has been paid for: it is recorded with its cost, and a second attempt asks nobody.
    #[tokio::test]
    async fn a_refusal_is_named_and_counted() {
        let cases = [
            json!({"promptFeedback": {"blockReason": "SAFETY"}}),
            json!({"candidates": [{"finishReason": "SAFETY"}]}),
        ];
        for mut body in cases {
            body["usageMetadata"] = json!({"promptTokenCount": 11});
            let asked = Arc::new(std::sync::atomic::AtomicUsize::new(0));
            let count = asked.clone();
            let stand = Stand::new(move |_| {
                count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                Answer::new(200, body.to_string())
            });
            for _ in 0..2 {
                let cx = stand.cx();
                let settings = Settings { key: Some("key".into()), ..Settings::default() };
                let google = Google::gemini(&cx, "GoogleGenerativeAI", settings).await.unwrap();
                let model = model(google, Fields { model: "gemini-pro".into(), ..Fields::default() });
                let messages = vec![ChatMessage::new(millrace_engine::Role::User, "hi")];
                let error = model.generate(&cx, ChatRequest::of(messages)).await.unwrap_err();
                assert_eq!(error.kind, ErrorKind::Upstream);
                assert!(error.message.ends_with("the model gave no answer: SAFETY"), "{error}");
                assert_eq!(cx.total_usage(), Usage { input: 11, output: 0 });
            }
            assert_eq!(asked.load(std::sync::atomic::Ordering::Relaxed), 1);
        }
    }

    #[test]
    fn a_schema_keeps_the_words_that_google_has() {
        let full = json!({
            "$schema": "x", "type": "object", "additionalProperties": false,
            "properties": {
                "$ref": {"type": "array", "items": {"type": "string", "const": 1}},
                "b": {"anyOf": [{"type": "null", "$id": 1}]},
            },
        });
        let expected = json!({
            "type": "object",
            "properties": {
                "$ref": {"type": "array", "items": {"type": "string"}},
                "b": {"anyOf": [{"type": "null"}]},
            },
        });
        assert_eq!(schema(&full), expected);
    }

    #[test]
    fn a_tool_that_takes_nothing_declares_nothing() {
        let parameters = json!({"type": "object", "properties": {}});
        let spec = ToolSpec { name: "now".into(), description: "Time.".into(), parameters };
        assert_eq!(tool(&spec), json!({"name": "now", "description": "Time."}));
    }

    #[test]
    fn names_in_addresses_are_plain() {
        assert_eq!(name("location", " us-central1 ").unwrap(), "us-central1");
        for text in ["", "evil.example/", "US", "a@b"] {
            assert!(name("location", text).is_err(), "{text}");
        }
        assert_eq!(short("models/text-embedding-004"), "text-embedding-004");
    }
}
