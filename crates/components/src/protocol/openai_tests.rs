//! What becomes of a provider's answers and faults, over a transport without sockets and a paused clock.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use futures::stream::{self, StreamExt};
use millrace_engine::{
    Admission, ChatMessage, ChatReply, ChatRequest, Clock, Context, Effect, EffectKey, ErrorKind,
    MemoryJournal, MemorySessions, Nowhere, Resources, Role, RunError, Services, Supervisor, ToolSpec,
    Variable, Variables,
};
use millrace_outbound::{Answer, Hop, Outbound, OutboundConfig, Transport, TransportError};
use serde_json::{Map, Value as Json};
use tokio::time::Instant;

use super::openai::{Endpoint, Form, Settings, model};

const REPLY: &str = r#"{"choices": [{"message": {"content": "hello"}}]}"#;

/// What the provider does to every request.
#[derive(Debug, Clone, Copy)]
enum Provider {
    Answers(u16, &'static [u8]),
    /// With the wish to be left alone for so many seconds.
    Busy(u16, &'static str),
    Fails(TransportError),
    /// The head and half a reply.
    Breaks,
    Hangs,
    /// So many bytes, announced or not.
    Sends(usize, bool),
}

use Provider::{Answers, Breaks, Busy, Fails, Hangs, Sends};

/// Counts requests.
struct StandIn(Provider, Mutex<usize>);

#[async_trait]
impl Transport for StandIn {
    async fn exchange(&self, _: &Hop) -> Result<Answer, TransportError> {
        *self.1.lock().unwrap() += 1;
        match self.0 {
            Answers(status, body) => Ok(Answer::new(status, body)),
            Busy(status, seconds) => {
                let mut answer = Answer::new(status, r#"{"error": {"message": "slow down"}}"#);
                answer.headers.insert("retry-after", seconds.parse().unwrap());
                Ok(answer)
            }
            Fails(error) => Err(error),
            Breaks => {
                let mut answer = Answer::new(200, &REPLY.as_bytes()[..20]);
                answer.body = answer.body.chain(stream::iter([Err(TransportError::BodyBroken)])).boxed();
                Ok(answer)
            }
            Hangs => std::future::pending().await,
            Sends(bytes, announced) => {
                let mut answer = Answer::new(200, vec![b' '; bytes]);
                answer.length = answer.length.filter(|_| announced);
                Ok(answer)
            }
        }
    }
}

/// A run that has so much time left, and nothing else.
struct Run(Option<Duration>);

#[async_trait]
impl Supervisor for Run {
    async fn admit(&self, _: &Effect, _: &EffectKey) -> Result<Admission, RunError> {
        Ok(Admission::holding(()))
    }

    fn time_left(&self) -> Option<Duration> {
        self.0
    }
}

#[async_trait]
impl Variables for Run {
    async fn get(&self, _: &str) -> Result<Option<Variable>, RunError> {
        Ok(None)
    }
}

impl Clock for Run {
    fn now(&self) -> jiff::Timestamp {
        jiff::Timestamp::UNIX_EPOCH
    }
}

fn context(outbound: Outbound, left: Option<Duration>) -> Context {
    let services = Services {
        journal: Arc::new(MemoryJournal::default()),
        sessions: Arc::new(MemorySessions::default()),
        variables: Arc::new(Run(left)),
        files: Arc::new(Nowhere),
        indexes: Arc::new(Nowhere),
        flows: Arc::new(Nowhere),
        clock: Arc::new(Run(left)),
        supervisor: Arc::new(Run(left)),
        resources: Resources::default().with(outbound),
    };
    Context::detached(services, &[])
}

/// What came of a call, how often the provider was asked, and after how many seconds it was over.
struct Called {
    outcome: Result<ChatReply, RunError>,
    asked: usize,
    seconds: f64,
}

/// Calls with two repeats.
async fn call(provider: Provider, timeout: Option<f64>, left: Option<u64>) -> Called {
    let stand_in = Arc::new(StandIn(provider, Mutex::new(0)));
    let outbound =
        Outbound::with_transport(OutboundConfig::default(), Arc::clone(&stand_in) as Arc<dyn Transport>);
    let cx = context(outbound, left.map(Duration::from_secs));
    let settings = Settings {
        base: Some("https://provider.example/v1".to_owned()),
        key: Some("sk-canary".to_owned()),
        timeout,
        ..Settings::default()
    };
    let endpoint = Endpoint::resolve(&cx, "ChatOpenAI", settings).await.unwrap();
    let message = ChatMessage::new(Role::User, "hi");
    let request = ChatRequest::of(vec![message]);
    let began = Instant::now();
    let outcome = model(endpoint, Form::Chat, Map::new()).generate(&cx, request).await;
    let seconds = began.elapsed().as_millis() as f64 / 1000.0;
    let asked = *stand_in.1.lock().unwrap();
    Called { outcome, asked, seconds }
}

async fn error(provider: Provider) -> (RunError, usize) {
    let called = call(provider, None, None).await;
    let error = called.outcome.unwrap_err();
    assert!(error.message.starts_with("ChatOpenAI (example): "), "{}", error.message);
    assert!(!format!("{error:?}").contains("canary"), "{error:?}");
    (error, called.asked)
}

#[tokio::test(start_paused = true)]
async fn statuses_are_final_or_may_pass() {
    for status in [408, 409, 429, 500, 502, 503, 504, 529] {
        let (error, asked) = error(Answers(status, br#"{"error": {"message": "sk-canary"}}"#)).await;
        assert_eq!((error.kind, error.transient, asked), (ErrorKind::Upstream, true, 3), "{status}");
        assert!(error.message.ends_with(&format!("the provider answered {status}: ***")), "{error}");
    }
    for status in [304, 400, 401, 403, 404, 410, 413, 422] {
        let (error, asked) = error(Answers(status, b"<h1>canary</h1>")).await;
        assert_eq!((error.kind, error.transient, asked), (ErrorKind::Upstream, false, 1), "{status}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_key_that_is_quoted_where_the_sentence_is_cut_is_hidden() {
    let body = format!(r#"{{"error": {{"message": "{}sk-canary"}}}}"#, "x".repeat(494));
    let (error, _) = error(Answers(400, body.leak().as_bytes())).await;
    assert!(error.message.ends_with("xxx***"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn faults_are_final_or_may_pass() {
    use TransportError::*;
    let cases = [
        (Fails(NameNotResolved), ErrorKind::Upstream, true),
        (Fails(ConnectionRefused), ErrorKind::Upstream, true),
        (Fails(NoRoute), ErrorKind::Upstream, true),
        (Fails(ConnectTimedOut), ErrorKind::Upstream, true),
        (Fails(HandshakeFailed), ErrorKind::Upstream, true),
        (Fails(ConnectFailed), ErrorKind::Upstream, true),
        (Fails(ConnectionClosed), ErrorKind::Upstream, true),
        (Breaks, ErrorKind::Upstream, true),
        (Hangs, ErrorKind::Timeout, true),
        (Fails(AddressRefused("it is this machine")), ErrorKind::Flow, false),
        (Fails(InvalidRequest), ErrorKind::Flow, false),
    ];
    for (provider, kind, transient) in cases {
        let (error, asked) = error(provider).await;
        assert_eq!((error.kind, error.transient), (kind, transient), "{provider:?}");
        // Two hangs of 60 s take the whole budget.
        let expected = if matches!(provider, Hangs) {
            2
        } else if transient {
            3
        } else {
            1
        };
        assert_eq!(asked, expected, "{provider:?}");
        assert_eq!(error.retry_after, None, "{provider:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn answers_that_cannot_be_used_are_final() {
    let cases = [
        (Sends(10_000_000, true), "is too large: more than 8388608 bytes"),
        (Sends(10_000_000, false), "is too large: more than 8388608 bytes"),
        (
            Answers(200, b"{\"choices\": [{\"message\": {\"content\": \"canary \xff\"}}]}"),
            "it is not UTF-8 at line 1",
        ),
        (Answers(200, b"{\"id\": \"\xff\", \"choices\": [{\"message\": {}}]}"), "it is not UTF-8 at line 1"),
        (Answers(200, b""), "it ends early at line 1"),
        (Answers(200, b"{\"choices\": [{\"mess"), "it ends early at line 1"),
        (Answers(200, b"<h1>canary</h1>"), "it has a syntax error at line 1"),
        (Answers(200, b"{\"choices\": [{}]}"), "a value is missing or of another type at line 1"),
        (Answers(200, b"{\"error\": {\"message\": \"canary\"}}"), "a value is missing or of another type"),
        (Answers(200, b"{\"choices\": []}"), "what was asked for is not in it"),
        (Answers(204, b""), "it ends early"),
    ];
    for (provider, expected) in cases {
        let (error, asked) = error(provider).await;
        assert_eq!((error.kind, error.transient, asked), (ErrorKind::Upstream, false, 1), "{error}");
        assert!(error.message.contains(expected), "{error}");
        let protocol = error.message.contains("the provider's answer is not what the OpenAI protocol says: ");
        assert_eq!(protocol, !matches!(provider, Sends(..)), "{error}");
    }
}

/// Status and wish; what is passed on, how often the provider was asked, when it was over in seconds.
#[tokio::test(start_paused = true)]
async fn the_providers_wish_is_heeded_or_passed_on() {
    let cases = [
        (429, "7", Some(7), 3, 14.0),
        (429, "30", Some(30), 3, 60.0),
        (429, "31", Some(31), 1, 0.0),
        (503, "3600", Some(3600), 1, 0.0),
        (401, "7", None, 1, 0.0),
    ];
    for (status, wish, passed_on, asked, over) in cases {
        let called = call(Busy(status, wish), None, None).await;
        let error = called.outcome.unwrap_err();
        assert_eq!(error.retry_after, passed_on.map(Duration::from_secs), "{status} {wish}");
        assert_eq!((error.transient, called.asked, called.seconds), (status != 401, asked, over), "{status}");
    }
}

/// Seconds that a single try may take and the run has left; how often the provider was asked until when.
#[tokio::test(start_paused = true)]
async fn a_hang_ends_within_the_budget_and_the_time_left() {
    let cases = [
        (None, None, 2, 120.0),
        (None, Some(900), 2, 120.0),
        (None, Some(31), 1, 30.0),
        (None, Some(62), 2, 61.0),
        (Some(20.0), Some(31), 2, 30.0),
        (Some(300.0), None, 1, 300.0),
        (Some(300.0), Some(100), 1, 99.0),
        (None, Some(1), 0, 0.0),
        (None, Some(0), 0, 0.0),
    ];
    for (timeout, left, asked, over) in cases {
        let called = call(Hangs, timeout, left).await;
        let error = called.outcome.unwrap_err();
        assert_eq!((called.asked, called.seconds), (asked, over), "{timeout:?} {left:?}");
        assert_eq!((error.kind, error.transient), (ErrorKind::Timeout, true), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_of_the_protocol_is_read() {
    let called = call(Answers(200, REPLY.as_bytes()), None, Some(10)).await;
    assert_eq!((called.outcome.unwrap().text.as_str(), called.asked), ("hello", 1));
}

#[tokio::test]
async fn a_model_that_takes_one_text_calls_no_tools() {
    let stand_in = Arc::new(StandIn(Answers(200, b""), Mutex::new(0)));
    let outbound =
        Outbound::with_transport(OutboundConfig::default(), Arc::clone(&stand_in) as Arc<dyn Transport>);
    let cx = context(outbound, None);
    let settings = Settings { key: Some("sk-canary".to_owned()), ..Settings::default() };
    let endpoint = Endpoint::resolve(&cx, "OpenAI", settings).await.unwrap();
    let tool = ToolSpec { name: "t".into(), description: "d".into(), parameters: Json::Null };
    let request = ChatRequest { tools: vec![tool], ..ChatRequest::of(Vec::new()) };
    let error = model(endpoint, Form::Completion, Map::new()).generate(&cx, request).await.unwrap_err();
    assert_eq!((error.kind, *stand_in.1.lock().unwrap()), (ErrorKind::Flow, 0), "{error}");
}
