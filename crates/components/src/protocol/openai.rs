//! The OpenAI protocol: one call, its settings, its errors.

use std::sync::Arc;

use async_trait::async_trait;
use millrace_engine::{
    ChatMessage, ChatModel, ChatReply, ChatRequest, Context, ErrorKind, Role, RunError, ToolCall, ToolForm,
    ToolSpec, Usage,
};
use serde::Deserialize;
use serde_json::{Map, Value as Json, json};

use super::account::House;
use super::openai_family::{OPENAI, Provider};
use super::service::{Service, host};

/// How a provider is reached and told apart.
#[derive(Debug, Clone)]
pub(crate) struct Endpoint {
    base: String,
    /// What follows each path: Azure's version.
    query: String,
    /// Whether it knows the older form of tools.
    functions: bool,
    service: Service,
}

/// What a node says about its provider; what it leaves open comes from variables.
#[derive(Debug, Default)]
pub(crate) struct Settings {
    pub base: Option<String>,
    pub key: Option<String>,
    /// Seconds.
    pub timeout: Option<f64>,
    pub retries: Option<u32>,
    /// Which variables may name the base address, the first that is set wins; the provider's if empty.
    pub base_variables: &'static [&'static str],
}

impl Endpoint {
    /// OpenAI, or whoever the node or a variable names in its place.
    pub async fn resolve(cx: &Context, kind: &str, settings: Settings) -> Result<Self, RunError> {
        Self::of(cx, kind, &OPENAI, settings).await
    }

    /// A provider of the family, for a node of this type.
    ///
    /// # Errors
    /// As [`House::account`], and for a timeout that is none.
    pub async fn of(
        cx: &Context,
        kind: &str,
        provider: &Provider,
        settings: Settings,
    ) -> Result<Self, RunError> {
        let variables = match settings.base_variables {
            [] => provider.house.base_variables,
            named => named,
        };
        let house = House { base_variables: variables, ..provider.house };
        let base = settings.base.map(|base| without_path(&base, provider.path).to_owned());
        let mut account = house.account(cx, base, settings.key).await?;
        account.base.push_str(provider.path);
        let service = Service::new(cx, kind, "the OpenAI protocol")
            .timeout(settings.timeout)?
            .retries(settings.retries);
        let (header, prefix) = provider.key;
        let service = match &account.key {
            Some(key) => service.secret(header, prefix, key),
            None => service,
        };
        Ok(Self { base: account.base, query: String::new(), functions: provider.functions, service })
    }

    /// The endpoint of one of its deployments: this path goes before each other, this query after.
    pub fn below(mut self, (path, query): (String, String)) -> Self {
        self.base.push_str(&path);
        self.query = query;
        self
    }

    /// The same endpoint with a header that is no secret.
    pub fn header(mut self, name: &'static str, value: &str) -> Self {
        self.service = self.service.header(name, value);
        self
    }

    /// Who is called: for what must tell one provider from another.
    pub fn host(&self) -> String {
        host(&self.base)
    }

    /// The service, and the address of one of its paths.
    pub fn at(&self, path: &str) -> (&Service, String) {
        (&self.service, format!("{}{path}{}", self.base, self.query))
    }

    /// One chat call.
    async fn chat(
        &self,
        cx: &Context,
        settings: &Map<String, Json>,
        mut request: ChatRequest,
    ) -> Result<ChatReply, RunError> {
        if !self.functions {
            request.tool_form = ToolForm::Tools;
        }
        let mut body = settings.clone();
        body.insert(
            "messages".into(),
            request.messages.iter().map(|m| message(m, request.tool_form)).collect(),
        );
        add_tools(&mut body, &request);
        add_stop(&mut body, request.stop);
        let (service, url) = self.at("/chat/completions");
        service
            .post(cx, "model", &url, &Json::Object(body), |reply: ChatCompletion| {
                let choice = reply.choices.into_iter().next()?.message;
                let usage = reply.usage.unwrap_or_default().into();
                let text = choice.content.unwrap_or_default();
                let calls = choice.tool_calls.unwrap_or_default().into_iter().map(ToolCall::from);
                let tool_calls = calls.chain(choice.function_call.map(ToolCall::from)).collect();
                Some((ChatReply { text, tool_calls, usage }, usage))
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
        if !request.tools.is_empty() {
            let message =
                "this model takes one text and cannot call tools: choose a chat model for the agent";
            return Err(RunError::new(ErrorKind::Flow, message));
        }
        let mut body = settings.clone();
        body.insert("prompt".into(), json!([as_text(request.messages)]));
        add_stop(&mut body, request.stop);
        let (service, url) = self.at("/completions");
        service
            .post(cx, "model", &url, &Json::Object(body), |reply: Completion| {
                let text = reply.choices.into_iter().next()?.text;
                let usage = reply.usage.unwrap_or_default().into();
                Some((ChatReply { text, tool_calls: Vec::new(), usage }, usage))
            })
            .await
    }
}

/// An address without this path at its end.
fn without_path<'a>(base: &'a str, path: &str) -> &'a str {
    let base = base.trim().trim_end_matches('/');
    base.strip_suffix(path).unwrap_or(base)
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

/// A message in this protocol's form: a call of a tool, and its result, depend on how tools are offered.
fn message(message: &ChatMessage, form: ToolForm) -> Json {
    let content = &message.content;
    match (&message.answers, form) {
        (Some(call), ToolForm::Tools) => {
            return json!({"role": "tool", "tool_call_id": call.id, "content": content});
        }
        (Some(call), ToolForm::Functions) => {
            return json!({"role": "function", "name": call.name, "content": content});
        }
        (None, _) => {}
    }
    // A message that only calls has no content: OpenAI's own have null there.
    let only_calls = content.is_empty() && !message.tool_calls.is_empty();
    let content = if only_calls { Json::Null } else { json!(content) };
    let mut fields =
        Map::from_iter([("role".to_owned(), json!(message.role)), ("content".to_owned(), content)]);
    let function = |call: &ToolCall| json!({"name": call.name, "arguments": call.arguments});
    match (message.tool_calls.as_slice(), form) {
        ([], _) => {}
        ([first, ..], ToolForm::Functions) => {
            fields.insert("function_call".to_owned(), function(first));
        }
        (calls, ToolForm::Tools) => {
            let call =
                |call: &ToolCall| json!({"id": call.id, "type": "function", "function": function(call)});
            fields.insert("tool_calls".to_owned(), calls.iter().map(call).collect());
        }
    }
    Json::Object(fields)
}

fn add_tools(body: &mut Map<String, Json>, request: &ChatRequest) {
    if request.tools.is_empty() {
        return;
    }
    let (name, tools) = match request.tool_form {
        ToolForm::Functions => ("functions", json!(request.tools)),
        ToolForm::Tools => {
            let tool = |tool: &ToolSpec| json!({"type": "function", "function": tool});
            ("tools", request.tools.iter().map(tool).collect())
        }
    };
    body.insert(name.to_owned(), tools);
}

fn add_stop(body: &mut Map<String, Json>, stop: Vec<String>) {
    if !stop.is_empty() {
        body.insert("stop".into(), json!(stop));
    }
}

/// A conversation as LangChain writes it for a model that takes one text: a single message is itself.
pub(crate) fn as_text(messages: Vec<ChatMessage>) -> String {
    if let [only] = messages.as_slice() {
        return only.content.clone();
    }
    let line = |message: &ChatMessage| {
        let who = match message.role {
            Role::System => "System",
            Role::User => "Human",
            Role::Assistant => "AI",
            Role::Tool => "Tool",
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
    tool_calls: Option<Vec<ReplyToolCall>>,
    function_call: Option<ReplyFunction>,
}

#[derive(Deserialize)]
struct ReplyToolCall {
    #[serde(default)]
    id: String,
    function: ReplyFunction,
}

#[derive(Deserialize)]
struct ReplyFunction {
    name: String,
    #[serde(default)]
    arguments: String,
}

impl From<ReplyToolCall> for ToolCall {
    fn from(call: ReplyToolCall) -> Self {
        Self { id: call.id, ..call.function.into() }
    }
}

impl From<ReplyFunction> for ToolCall {
    fn from(function: ReplyFunction) -> Self {
        Self { id: String::new(), name: function.name, arguments: function.arguments }
    }
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
pub(crate) struct TokenUsage {
    #[serde(default)]
    prompt_tokens: u64,
    #[serde(default)]
    completion_tokens: u64,
}

impl From<TokenUsage> for Usage {
    fn from(usage: TokenUsage) -> Self {
        Self { input: usage.prompt_tokens, output: usage.completion_tokens }
    }
}
