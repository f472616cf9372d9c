//! What every provider's chat models do: one suite, run for each against a stand-in that speaks its protocol
//! and checks each request's form against the provider's documentation.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use millrace_engine::{
    Capability, ChatMessage, ChatModel, ChatReply, ChatRequest, Context, ErrorKind, Inputs, Role, RunError,
    ToolCall, ToolForm, ToolSpec, Usage, Value,
};
use millrace_outbound::{Answer, Hop};
use serde_json::{Map, Value as Json, json};
use tokio::time::Instant;

use super::suite_providers::PROVIDERS;
use crate::stand_in::Stand;

/// A provider as the suite knows it.
pub(super) struct Provider {
    /// The node that is run, and its fields; `KEY` among them is its key.
    pub node: &'static str,
    pub inputs: &'static str,
    /// The field for an address of the node's own, where it has one.
    pub address: Option<&'static str>,
    /// What it cannot do.
    pub lacks: &'static [Lack],
    /// Checks a request, and says what the provider understands by it. Panics where it is not in form.
    pub reads: fn(&Hop, &Json) -> Seen,
    /// The provider's answer that says this.
    pub says: fn(&Said) -> Json,
}

/// What a protocol may lack.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Lack {
    /// A conversation: it takes one text.
    Turns,
    Tools,
    /// Ids of calls.
    Ids,
    /// A count of tokens.
    Usage,
}

/// What a provider understands by a request.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Seen {
    pub model: String,
    pub system: Option<String>,
    /// Who said what, `user` or `model`.
    pub turns: Vec<(&'static str, String)>,
    pub stop: Vec<String>,
    /// Names of the tools, each with its schema and its description.
    pub tools: Vec<String>,
    /// Id, name and arguments of calls in the conversation.
    pub calls: Vec<(String, String, Json)>,
    /// Id or name, and text, of their results.
    pub results: Vec<(String, String)>,
}

/// What a provider says.
#[derive(Debug, Default, Clone)]
pub(super) struct Said {
    pub text: &'static str,
    pub call: bool,
}

/// The key of every node. It must never be seen in an error.
pub(super) const KEY: &str = "sk-canary";

pub(super) fn said(text: &'static str) -> Said {
    Said { text, call: false }
}

/// A way in which the provider fails.
#[derive(Debug, Clone, Copy)]
enum Fault {
    Status(u16),
    /// With the wish to be left alone for 7 seconds.
    Busy,
    Body(&'static str),
}

fn answer(fault: Fault) -> Answer {
    let body = json!({"error": {"message": KEY}, "message": KEY}).to_string();
    match fault {
        Fault::Status(status) => Answer::new(status, body),
        Fault::Busy => {
            let mut answer = Answer::new(429, body);
            answer.headers.insert("retry-after", "7".parse().unwrap());
            answer
        }
        Fault::Body(body) => Answer::new(200, body),
    }
}

/// What a test looks at afterwards.
struct Called {
    outcome: Result<ChatReply, RunError>,
    seen: Vec<Seen>,
    headers: String,
    seconds: u64,
    usage: Usage,
}

impl Provider {
    fn fields(&self) -> Map<String, Json> {
        let text = self.inputs.replace("KEY", KEY);
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", self.node))
    }

    fn can(&self, what: Lack) -> bool {
        !self.lacks.contains(&what)
    }

    async fn call(&'static self, request: ChatRequest, said: Said) -> Called {
        self.run(self.fields(), request, move |provider, _| {
            Answer::new(200, (provider.says)(&said).to_string())
        })
        .await
    }

    async fn fails(&'static self, fault: Fault) -> Called {
        let request = ChatRequest::of(vec![ChatMessage::new(Role::User, "hi")]);
        self.run(self.fields(), request, move |_, _| answer(fault)).await
    }

    /// Runs the node and calls the model that it gives.
    async fn run(
        &'static self,
        fields: Map<String, Json>,
        request: ChatRequest,
        answers: impl Fn(&Provider, usize) -> Answer + Send + Sync + 'static,
    ) -> Called {
        let asked: Arc<Mutex<Vec<(Seen, String)>>> = Arc::default();
        let kept = asked.clone();
        let stand = Stand::new(move |hop| {
            if hop.url.path() == "/token" {
                return super::google_account::tests::exchange(hop);
            }
            let body: Json = serde_json::from_slice(hop.body.as_deref().unwrap_or_default()).unwrap();
            let mut asked = kept.lock().unwrap();
            let at = asked.len();
            asked.push(((self.reads)(hop, &body), format!("{:?} {}", all_headers(hop), hop.url)));
            answers(self, at)
        });
        let stand = stand
            .files(&[("account.json", super::google_account::tests::file().as_bytes())])
            .variables(&OPERATOR);
        let cx = wanting(&stand);
        let began = Instant::now();
        let outcome = match model(self.node, fields, &cx).await {
            Ok(model) => model.generate(&cx, request).await,
            Err(error) => Err(error),
        };
        let seconds = began.elapsed().as_secs();
        let (seen, headers): (Vec<_>, Vec<_>) = asked.lock().unwrap().drain(..).unzip();
        Called { outcome, seen, headers: headers.join("\n"), seconds, usage: cx.total_usage() }
    }
}

/// The operator's own keys, under every name that a provider looks for.
const OPERATOR: [(&str, &str); 10] = [
    ("OPENAI_API_KEY", "operators"),
    ("ANTHROPIC_API_KEY", "operators"),
    ("COHERE_API_KEY", "operators"),
    ("GOOGLE_API_KEY", "operators"),
    ("GROQ_API_KEY", "operators"),
    ("MISTRAL_API_KEY", "operators"),
    ("DEEPSEEK_API_KEY", "operators"),
    ("XAI_API_KEY", "operators"),
    ("AZURE_OPENAI_API_KEY", "operators"),
    ("HUGGINGFACEHUB_API_TOKEN", "operators"),
];

fn all_headers(hop: &Hop) -> Vec<(String, String)> {
    let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    hop.headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect()
}

/// A run in which a node is wanted for its model alone.
pub(super) fn wanting(stand: &Stand) -> Context {
    Context::detached(stand.services.clone(), &["model", "model_output", "embeddings"])
}

/// The model that a node of this type gives.
async fn model(node: &str, fields: Map<String, Json>, cx: &Context) -> Result<Arc<dyn ChatModel>, RunError> {
    let entry = crate::registry().get(node).unwrap_or_else(|| panic!("no type {node}"));
    let inputs: Inputs = fields.into_iter().map(|(name, value)| (name, Value::Json(value))).collect();
    let outputs = entry.run(inputs, cx).await?;
    let output = outputs.get("model").or(outputs.get("model_output"));
    match output {
        Some(Value::Capability(Capability::ChatModel(model))) => Ok(model.clone()),
        other => panic!("{node} gives {other:?}"),
    }
}

fn user(text: &str) -> ChatMessage {
    ChatMessage::new(Role::User, text)
}

fn turn(who: &'static str, text: &str) -> (&'static str, String) {
    (who, text.to_owned())
}

#[tokio::test]
async fn a_plain_answer_is_read() {
    for provider in PROVIDERS {
        let called = provider.call(ChatRequest::of(vec![user("hi")]), said("hello")).await;
        let reply = called.outcome.unwrap_or_else(|error| panic!("{}: {error:?}", provider.node));
        assert_eq!(reply.text, "hello", "{}", provider.node);
        assert!(reply.tool_calls.is_empty());
        let [seen] = called.seen.as_slice() else { panic!("{}: {:?}", provider.node, called.seen) };
        assert_eq!(
            (seen.system.as_deref(), &seen.turns),
            (None, &vec![turn("user", "hi")]),
            "{}",
            provider.node
        );
        assert!(seen.stop.is_empty() && seen.tools.is_empty(), "{}", provider.node);
        assert!(!seen.model.is_empty(), "{}", provider.node);
    }
}

#[tokio::test]
async fn tokens_are_counted() {
    for provider in PROVIDERS {
        let called = provider.call(ChatRequest::of(vec![user("hi")]), said("hello")).await;
        let counted = provider.can(Lack::Usage);
        let expected = if counted { Usage { input: 11, output: 7 } } else { Usage::default() };
        assert_eq!((called.outcome.unwrap().usage, called.usage), (expected, expected), "{}", provider.node);
    }
}

#[tokio::test]
async fn instructions_and_turns_keep_their_sides() {
    for provider in PROVIDERS {
        let messages = vec![
            ChatMessage::new(Role::System, "be brief"),
            user("one"),
            ChatMessage::new(Role::Assistant, "two"),
            user("three"),
        ];
        let called = provider.call(ChatRequest::of(messages), said("four")).await;
        called.outcome.unwrap();
        let seen = &called.seen[0];
        if provider.can(Lack::Turns) {
            assert_eq!(seen.system.as_deref(), Some("be brief"), "{}", provider.node);
            let expected = [turn("user", "one"), turn("model", "two"), turn("user", "three")];
            assert_eq!(seen.turns, expected, "{}", provider.node);
        } else {
            assert_eq!(seen.turns, [turn("user", "System: be brief\nHuman: one\nAI: two\nHuman: three")]);
        }
    }
}

#[tokio::test]
async fn stop_sequences_are_sent() {
    for provider in PROVIDERS {
        let stop = vec!["\nObservation:".to_owned(), "END".to_owned()];
        let request = ChatRequest { stop: stop.clone(), ..ChatRequest::of(vec![user("hi")]) };
        let called = provider.call(request, said("hello")).await;
        called.outcome.unwrap();
        assert_eq!(called.seen[0].stop, stop, "{}", provider.node);
    }
}

fn weather() -> ToolSpec {
    let parameters =
        json!({"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]});
    ToolSpec { name: "weather".into(), description: "The weather of a city.".into(), parameters }
}

#[tokio::test]
async fn tools_are_offered_called_and_answered() {
    for provider in PROVIDERS {
        let request = ChatRequest { tools: vec![weather()], ..ChatRequest::of(vec![user("hi")]) };
        let called = provider.call(request, Said { text: "", call: true }).await;
        if !provider.can(Lack::Tools) {
            let error = called.outcome.unwrap_err();
            assert_eq!((error.kind, called.seen.len()), (ErrorKind::Flow, 0), "{}", provider.node);
            continue;
        }
        let reply = called.outcome.unwrap_or_else(|error| panic!("{}: {error:?}", provider.node));
        assert_eq!(called.seen[0].tools, ["weather"], "{}", provider.node);
        let [call] = reply.tool_calls.as_slice() else { panic!("{}: {reply:?}", provider.node) };
        let id = if provider.can(Lack::Ids) { "call-1" } else { "" };
        assert_eq!((call.id.as_str(), call.name.as_str()), (id, "weather"), "{}", provider.node);
        let arguments: Json = serde_json::from_str(&call.arguments).unwrap();
        assert_eq!(arguments, json!({"city": "Ulm"}), "{}", provider.node);
        answered(provider, call).await;
    }
}

/// Agents of 0.x offer functions: whoever does not know that form is offered tools.
#[tokio::test]
async fn the_older_form_of_tools_is_only_for_those_who_know_it() {
    for provider in PROVIDERS.iter().filter(|provider| provider.can(Lack::Tools)) {
        let tool_form = ToolForm::Functions;
        let request = ChatRequest { tools: vec![weather()], tool_form, ..ChatRequest::of(vec![user("hi")]) };
        let called = provider.call(request, said("hello")).await;
        called.outcome.unwrap_or_else(|error| panic!("{}: {error:?}", provider.node));
        let knows = ["ChatOpenAI", "OpenAIModel", "AzureChatOpenAI"].contains(&provider.node);
        let expected: &[&str] = if knows { &[] } else { &["weather"] };
        assert_eq!(called.seen[0].tools, expected, "{}", provider.node);
    }
}

/// The call and its result go back in the provider's form.
async fn answered(provider: &'static Provider, call: &ToolCall) {
    let mut wish = ChatMessage::new(Role::Assistant, "");
    wish.tool_calls.push(call.clone());
    let messages = vec![user("hi"), wish, ChatMessage::tool_result(call.clone(), "sunny")];
    let request = ChatRequest { tools: vec![weather()], ..ChatRequest::of(messages) };
    let called = provider.call(request, said("It is sunny.")).await;
    assert_eq!(called.outcome.unwrap().text, "It is sunny.", "{}", provider.node);
    let seen = &called.seen[0];
    let handle = if provider.can(Lack::Ids) { "call-1" } else { "weather" };
    let expected = (handle.to_owned(), "weather".to_owned(), json!({"city": "Ulm"}));
    assert_eq!(seen.calls, [expected], "{}", provider.node);
    assert_eq!(seen.results, [(handle.to_owned(), "sunny".to_owned())], "{}", provider.node);
}

/// Fault; whether it may pass, how often the provider is asked, and after how many seconds it is over at the
/// earliest.
#[tokio::test(start_paused = true)]
async fn faults_end_alike() {
    let cases = [
        (Fault::Status(401), false, 1, 0),
        (Fault::Status(403), false, 1, 0),
        (Fault::Status(404), false, 1, 0),
        (Fault::Busy, true, 3, 14),
        (Fault::Status(500), true, 3, 1),
        (Fault::Status(503), true, 3, 1),
        (Fault::Body("<h1>sk-canary</h1>"), false, 1, 0),
        (Fault::Body("{}"), false, 1, 0),
        (Fault::Body(""), false, 1, 0),
    ];
    for provider in PROVIDERS {
        for (fault, transient, asked, over) in cases {
            let called = provider.fails(fault).await;
            let case = format!("{} {fault:?}", provider.node);
            let error = called.outcome.expect_err(&case);
            assert_eq!((error.kind, error.transient), (ErrorKind::Upstream, transient), "{case}: {error:?}");
            assert_eq!(called.seen.len(), asked, "{case}");
            assert!(called.seconds >= over, "{case}: {} s", called.seconds);
            let told = format!("{error} {error:?}");
            // Ollama has no key that could be kept.
            let told = if provider.node == "OllamaLLM" { String::new() } else { told };
            assert!(!told.contains("canary") && !told.contains("PRIVATE"), "{case}: {told}");
            let wish = matches!(fault, Fault::Busy).then_some(Duration::from_secs(7));
            assert_eq!(error.retry_after, wish, "{case}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_operators_key_stays_at_the_providers_own_address() {
    let mut tried = 0;
    for provider in PROVIDERS {
        let Some(address) = provider.address else { continue };
        tried += 1;
        let mut fields = provider.fields();
        fields.retain(|_, value| value.as_str() != Some(KEY));
        fields.insert(address.to_owned(), json!("https://evil.example/v1"));
        let request = ChatRequest::of(vec![user("hi")]);
        let called = provider.run(fields, request, |_, _| Answer::new(500, "")).await;
        called.outcome.unwrap_err();
        assert!(!called.headers.contains("operators"), "{}: {}", provider.node, called.headers);
        assert!(called.seen.is_empty() || called.headers.contains("evil.example"), "{}", provider.node);
    }
    assert!(tried >= 6, "{tried}");
}

/// What a journal keeps has none of the keys, and a second attempt asks nobody.
#[tokio::test]
async fn a_record_stands_in_for_a_call_and_has_no_secrets() {
    for provider in PROVIDERS {
        let asked = Arc::new(Mutex::new(0));
        let count = asked.clone();
        let stand = Stand::new(move |hop| {
            if hop.url.path() == "/token" {
                return super::google_account::tests::exchange(hop);
            }
            *count.lock().unwrap() += 1;
            Answer::new(200, (provider.says)(&said("hello")).to_string())
        });
        let stand = stand.files(&[("account.json", super::google_account::tests::file().as_bytes())]);
        for _ in 0..2 {
            let cx = wanting(&stand);
            let model = model(provider.node, provider.fields(), &cx).await.unwrap();
            let reply = model.generate(&cx, ChatRequest::of(vec![user("hi")])).await.unwrap();
            assert_eq!(reply.text, "hello", "{}", provider.node);
        }
        assert_eq!(*asked.lock().unwrap(), 1, "{}", provider.node);
        let records = format!("{:?}", stand.journal.records());
        assert!(!records.contains("canary"), "{}: {records}", provider.node);
    }
}
