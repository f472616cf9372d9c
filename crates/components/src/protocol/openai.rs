//! The OpenAI protocol: one call, its settings, its errors.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use millrace_engine::{ChatModel, ChatReply, ChatRequest, Context, Effect, ErrorKind, RunError, Usage};
use millrace_outbound::{Outbound, OutboundError, Request, Response, Retry};
use serde::Deserialize;
use serde_json::{Map, Value as Json, json};

/// Where the real OpenAI answers.
const DEFAULT_BASE: &str = "https://api.openai.com/v1";

/// What one call may take, repeats and pauses included, unless its node gives a single try more.
const BUDGET: Duration = Duration::from_secs(120);

/// Kept of the time that the run has left, so that the answer can be recorded.
const RESERVE: Duration = Duration::from_secs(1);

/// How a provider is reached and told apart.
#[derive(Clone)]
pub(crate) struct Endpoint {
    base: String,
    key: Option<String>,
    timeout: Duration,
    retries: u32,
    /// The node it was made by, for errors: type and id.
    node: (String, String),
}

/// What a node says about its provider; what it leaves open comes from variables.
#[derive(Debug, Default)]
pub(crate) struct Settings {
    pub base: Option<String>,
    pub key: Option<String>,
    /// Seconds.
    pub timeout: Option<f64>,
    pub retries: Option<u32>,
    /// Which variables may name the base address, the first that is set wins.
    pub base_variables: &'static [&'static str],
}

impl fmt::Debug for Endpoint {
    /// Without the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint").field("base", &self.base).field("node", &self.node).finish_non_exhaustive()
    }
}

impl Endpoint {
    /// Resolves what a node leaves open.
    ///
    /// **A key that the node does not bring along never goes to an address that it does**: else a flow
    /// could send the operator's key anywhere.
    pub async fn resolve(cx: &Context, kind: &str, settings: Settings) -> Result<Self, RunError> {
        let own_base = settings.base.filter(|base| !base.trim().is_empty());
        let mut base = own_base.clone();
        for name in settings.base_variables {
            if base.is_none() {
                base = cx.variable(name).await?;
            }
        }
        let base = base.unwrap_or_else(|| DEFAULT_BASE.to_owned());
        let mut key = settings.key.filter(|key| !key.trim().is_empty());
        if key.is_none() && own_base.is_none() {
            key = cx.variable("OPENAI_API_KEY").await?;
        }
        if key.is_none() && base == DEFAULT_BASE {
            let message = "no API key: fill in the node's key field, or set the variable OPENAI_API_KEY";
            return Err(RunError::new(ErrorKind::Flow, message));
        }
        Ok(Self {
            base: base.trim().trim_end_matches('/').to_owned(),
            key: key.map(|key| key.trim().to_owned()),
            timeout: timeout(settings.timeout)?,
            retries: settings.retries.unwrap_or(2).min(10),
            node: (kind.to_owned(), cx.vertex_id().to_owned()),
        })
    }

    /// One chat call.
    async fn chat(
        &self,
        cx: &Context,
        settings: &Map<String, Json>,
        request: ChatRequest,
    ) -> Result<ChatReply, RunError> {
        let mut body = settings.clone();
        body.insert("messages".into(), json!(request.messages));
        add_stop(&mut body, request.stop);
        self.call(cx, "/chat/completions", body, |reply: ChatCompletion| {
            let choice = reply.choices.into_iter().next()?;
            Some((choice.message.content.unwrap_or_default(), reply.usage))
        })
        .await
    }

    /// One completion call: the conversation is one text.
    async fn complete(
        &self,
        cx: &Context,
        settings: &Map<String, Json>,
        request: ChatRequest,
    ) -> Result<ChatReply, RunError> {
        let mut body = settings.clone();
        body.insert("prompt".into(), json!([as_text(request.messages)]));
        add_stop(&mut body, request.stop);
        self.call(cx, "/completions", body, |reply: Completion| {
            Some((reply.choices.into_iter().next()?.text, reply.usage))
        })
        .await
    }

    async fn call<R: for<'de> Deserialize<'de>>(
        &self,
        cx: &Context,
        path: &str,
        body: Map<String, Json>,
        read: impl FnOnce(R) -> Option<(String, Option<TokenUsage>)>,
    ) -> Result<ChatReply, RunError> {
        let url = format!("{}{path}", self.base);
        let body = Json::Object(body);
        let effect = Effect { kind: "model", request: json!({"url": url, "body": body}) };
        let perform = || async {
            let response = self.post(cx, url.clone(), &body).await?;
            let reply = response.json().map_err(|error| self.unreadable(&problem(&error)))?;
            let (text, usage) = read(reply).ok_or_else(|| self.unreadable("it has no choices"))?;
            let usage = usage.unwrap_or_default();
            let usage = Usage { input: usage.prompt_tokens, output: usage.completion_tokens };
            Ok((ChatReply { text, usage }, usage))
        };
        cx.scope(&self.node.1).effect(effect, perform).await
    }

    async fn post(&self, cx: &Context, url: String, body: &Json) -> Result<Response, RunError> {
        let budget = self.budget(cx.time_left());
        if budget.is_zero() {
            let fault = self.fault("the run has no time left for a request to the provider");
            return Err(RunError { kind: ErrorKind::Timeout, ..fault }.transient(true));
        }
        let request =
            Request::post(url).timeout(self.timeout).retry(Retry::attempts(self.retries + 1)).within(budget);
        let request = match &self.key {
            Some(key) => request.bearer(key),
            None => Ok(request),
        };
        let request = request.and_then(|request| request.json(body)).map_err(|e| self.failed(&e))?;
        let outbound: &Outbound = cx.resource()?;
        let response = outbound.send(request).await.map_err(|error| self.failed(&error))?;
        if response.is_success() { Ok(response) } else { Err(self.refused(&response)) }
    }

    fn budget(&self, left: Option<Duration>) -> Duration {
        let budget = BUDGET.max(self.timeout);
        left.map_or(budget, |left| budget.min(left.saturating_sub(RESERVE)))
    }

    /// A request without a whole answer.
    fn failed(&self, error: &OutboundError) -> RunError {
        let kind = match error {
            OutboundError::TimedOut { .. } => ErrorKind::Timeout,
            OutboundError::Blocked { .. }
            | OutboundError::InvalidUrl { .. }
            | OutboundError::InvalidRequest { .. } => ErrorKind::Flow,
            _ => ErrorKind::Upstream,
        };
        RunError { kind, ..self.fault(&error.to_string()) }.transient(error.is_transient())
    }

    /// An answer that is an error. The provider's own sentence is passed on, without the key should it
    /// quote that.
    fn refused(&self, response: &Response) -> RunError {
        let said = serde_json::from_slice::<ErrorReply>(&response.body).ok().map(|reply| reply.error.message);
        let said = said.unwrap_or_else(|| "its answer is no JSON of the OpenAI protocol".to_owned());
        // Before it is cut: half a key would not be found.
        let said = match &self.key {
            Some(key) if key.len() > 4 => said.replace(key.as_str(), "***"),
            _ => said,
        };
        let said: String = said.chars().take(500).collect();
        let status = response.status;
        let transient = matches!(status, 408 | 409 | 429 | 500..);
        self.fault(&format!("the provider answered {status}: {said}"))
            .transient(transient)
            .retry_after(response.retry_after().filter(|_| transient))
    }

    /// An answer of success whose body cannot be used. Final: the provider has done its work and charged for
    /// it, and would be paid for each repeat.
    fn unreadable(&self, problem: &str) -> RunError {
        self.fault(&format!("the provider's answer is not what the OpenAI protocol says: {problem}"))
    }

    fn fault(&self, message: &str) -> RunError {
        RunError::new(ErrorKind::Upstream, format!("{} ({}): {message}", self.node.0, self.node.1))
    }
}

/// Which of the protocol's two endpoints a model is called over.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Form {
    /// Messages in, a message out.
    Chat,
    /// One text in, its continuation out.
    Completion,
}

/// A model of this endpoint that is called with these fields; `model` among them is its name.
pub(crate) fn model(endpoint: Endpoint, form: Form, fields: Map<String, Json>) -> Arc<dyn ChatModel> {
    Arc::new(OpenAiProtocolModel { endpoint, form, fields })
}

#[derive(Debug)]
struct OpenAiProtocolModel {
    endpoint: Endpoint,
    form: Form,
    fields: Map<String, Json>,
}

#[async_trait]
impl ChatModel for OpenAiProtocolModel {
    fn name(&self) -> &str {
        self.fields.get("model").and_then(Json::as_str).unwrap_or_default()
    }

    async fn generate(&self, cx: &Context, request: ChatRequest) -> Result<ChatReply, RunError> {
        match self.form {
            Form::Chat => self.endpoint.chat(cx, &self.fields, request).await,
            Form::Completion => self.endpoint.complete(cx, &self.fields, request).await,
        }
    }
}

/// What is wrong with an answer that is not the JSON of this protocol, without naming its host.
fn problem(error: &OutboundError) -> String {
    match error {
        OutboundError::InvalidJson { problem, line, column, .. } => {
            format!("{problem} at line {line} column {column}")
        }
        other => other.to_string(),
    }
}

/// 60 s by default; a node may ask for 1 to 600. More is cut: the 1.x OpenAI node is drawn with 700.
fn timeout(seconds: Option<f64>) -> Result<Duration, RunError> {
    let seconds = seconds.unwrap_or(60.0).min(600.0);
    if (1.0..=600.0).contains(&seconds) {
        return Ok(Duration::from_secs_f64(seconds));
    }
    let message = format!("the request timeout is {seconds} s; it must be from 1 to 600");
    Err(RunError::new(ErrorKind::Flow, message))
}

fn add_stop(body: &mut Map<String, Json>, stop: Vec<String>) {
    if !stop.is_empty() {
        body.insert("stop".into(), json!(stop));
    }
}

/// A conversation as LangChain writes it for a model that takes one text: a single message is itself.
fn as_text(messages: Vec<millrace_engine::ChatMessage>) -> String {
    use millrace_engine::Role;
    if let [only] = messages.as_slice() {
        return only.content.clone();
    }
    let line = |message: &millrace_engine::ChatMessage| {
        let who = match message.role {
            Role::System => "System",
            Role::User => "Human",
            Role::Assistant => "AI",
        };
        format!("{who}: {}", message.content)
    };
    messages.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[derive(Deserialize)]
struct ChatCompletion {
    choices: Vec<ChatChoice>,
    usage: Option<TokenUsage>,
}

#[derive(Deserialize)]
struct ChatChoice {
    message: ReplyMessage,
}

#[derive(Deserialize)]
struct ReplyMessage {
    content: Option<String>,
}

#[derive(Deserialize)]
struct Completion {
    choices: Vec<TextChoice>,
    usage: Option<TokenUsage>,
}

#[derive(Deserialize)]
struct TextChoice {
    text: String,
}

#[derive(Default, Deserialize)]
struct TokenUsage {
    #[serde(default)]
    prompt_tokens: u64,
    #[serde(default)]
    completion_tokens: u64,
}

#[derive(Deserialize)]
struct ErrorReply {
    error: ErrorBody,
}

#[derive(Deserialize)]
struct ErrorBody {
    message: String,
}
