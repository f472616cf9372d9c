//! Components whose behaviour a test can see through.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use millrace_engine::{
    Capability, Chain, ChainCall, Component, Context, Default, Effect, Entry, ErrorKind, Kind, LazyValue,
    Message, Outputs, ProcessInputs, Registry, RunError, Source, Spec, Usage, Value, flag, integer, message,
    number, output, reach, text,
};
use serde::Deserialize;
use serde_json::{Map, Value as Json, json};
use tokio::sync::Barrier;

use super::Outside;

/// The registry of these components. The hash is of the text `stock code`.
pub fn registry() -> Registry {
    const ENTRIES: &[&Entry] = &[
        &Entry::of::<Say>(),
        &Entry::of::<Ask>(),
        &Entry::of::<Meet>(),
        &Entry::of::<Break>(),
        &Entry::of::<Enter>(),
        &Entry::of::<EnterText>(),
        &Entry::of::<Think>(),
        &Entry::of::<Answer>(),
        &Entry::of::<Call>(),
    ];
    Registry::new(ENTRIES, "000000000001 Released\nc3db28b15420 Say\n")
}

/// One call outside, through the door.
async fn call(cx: &Context, request: String) -> Result<String, RunError> {
    let outside = cx.resource::<Outside>()?.clone();
    let effect = Effect { kind: "call", request: json!({"ask": request}) };
    let perform = || async move { Ok((outside.call(&request).await, Usage { input: 3, output: 2 })) };
    cx.effect(effect, perform).await
}

/// Texts of a value, in order.
fn texts(value: Option<&LazyValue>) -> Vec<String> {
    match value.map(|value| &value.0) {
        None => Vec::new(),
        Some(Value::List(list)) => list.iter().filter_map(Value::as_text).collect(),
        Some(Value::Json(Json::Array(list))) => {
            list.iter().filter_map(|item| Value::Json(item.clone()).as_text()).collect()
        }
        Some(one) => one.as_text().into_iter().collect(),
    }
}

/// Gives its text on, after `calls` calls outside.
#[derive(Deserialize)]
struct Say {
    text: String,
    calls: u32,
    parts: Option<LazyValue>,
    temperature: f64,
    loud: bool,
}

impl Component for Say {
    const SPEC: Spec = Spec {
        names: &["Say"],
        inputs: &[
            text("text", "The text.").or(Default::Text("")),
            integer("calls", "Calls made.").or(Default::Integer(0)),
            message("parts", "More texts."),
            number("temperature", "A number.").or(Default::Number(0.5)),
            flag("loud", "A flag.").or(Default::Flag(false)),
        ],
        outputs: &[output("out")],
        ..Spec::SUPPORTED
    };

    async fn run(self, cx: &Context) -> Result<Outputs, RunError> {
        let mut said = vec![self.text];
        said.extend(texts(self.parts.as_ref()));
        if self.temperature != 0.5 || self.loud {
            said.push(format!("[{} {}]", self.temperature, self.loud));
        }
        for i in 0..self.calls {
            said.push(call(cx, format!("{} {i}", cx.vertex_id())).await?);
        }
        said.retain(|text| !text.is_empty());
        Ok(Outputs::one("out", Value::text(said.join(" "))))
    }
}

/// Calls outside, then another flow with its text, then outside again.
#[derive(Deserialize)]
struct Call {
    flow: String,
    text: String,
}

impl Component for Call {
    const SPEC: Spec = Spec {
        names: &["Call"],
        inputs: &[text("flow", "The flow."), text("text", "What it is called with.")],
        outputs: &[output("out")],
        reaches: &[reach("Elsewhere", "https://elsewhere.example/v1", "address")],
        ..Spec::SUPPORTED
    };

    async fn run(self, cx: &Context) -> Result<Outputs, RunError> {
        let before = call(cx, "before".to_owned()).await?;
        let result = cx.run_flow(&self.flow, ProcessInputs::Text(self.text), &Map::new()).await?;
        let after = call(cx, "after".to_owned()).await?;
        Ok(Outputs::one("out", Value::text(format!("{before} {result} {after}"))))
    }
}

/// A chain that makes two calls, one after the other, and answers what it was built from and asked.
#[derive(Deserialize)]
struct Ask {
    parts: Option<LazyValue>,
    extra: String,
}

impl Component for Ask {
    const SPEC: Spec = Spec {
        names: &["Ask"],
        inputs: &[message("parts", "Texts."), text("extra", "Another.").or(Default::Text("none"))],
        outputs: &[output("chain")],
        ..Spec::SUPPORTED
    };

    async fn run(self, _cx: &Context) -> Result<Outputs, RunError> {
        let chain = Asked { parts: texts(self.parts.as_ref()), extra: self.extra };
        Ok(Outputs::one("chain", Value::Capability(Capability::Chain(Arc::new(chain)))))
    }
}

#[derive(Debug)]
struct Asked {
    parts: Vec<String>,
    extra: String,
}

#[async_trait]
impl Chain for Asked {
    fn input_keys(&self) -> Vec<String> {
        vec!["q".to_owned()]
    }

    fn output_keys(&self) -> Vec<String> {
        vec!["text".to_owned()]
    }

    async fn call(&self, cx: &Context, inputs: Map<String, Json>) -> Result<ChainCall, RunError> {
        let Some(q) = inputs.get("q").and_then(Json::as_str) else {
            return Err(RunError::new(ErrorKind::Input, "Missing some input keys: {'q'}"));
        };
        let first = call(cx, format!("first {q}")).await?;
        let second = call(cx, format!("second {first}")).await?;
        let said = format!("{} | {} | {second}", self.parts.join(","), self.extra);
        Ok(ChainCall { beside: Map::new(), outputs: Map::from_iter([("text".to_owned(), said.into())]) })
    }
}

/// Where two vertices wait for each other.
pub struct Meeting(Barrier);

impl Meeting {
    pub fn of_two() -> Self {
        Self(Barrier::new(2))
    }
}

/// Goes on only while another vertex of this type runs too.
#[derive(Deserialize)]
struct Meet {}

impl Component for Meet {
    const SPEC: Spec = Spec { names: &["Meet"], outputs: &[output("out")], ..Spec::SUPPORTED };

    async fn run(self, cx: &Context) -> Result<Outputs, RunError> {
        let meeting = cx.resource::<Meeting>()?;
        // Virtual time: it passes only when nothing else can run.
        let met = tokio::time::timeout(Duration::from_secs(60), meeting.0.wait()).await;
        met.map_err(|_| RunError::new(ErrorKind::Timeout, "nobody came"))?;
        Ok(Outputs::one("out", Value::text("met")))
    }
}

/// Fails.
#[derive(Deserialize)]
struct Break {
    why: String,
}

impl Component for Break {
    const SPEC: Spec = Spec {
        names: &["Break"],
        inputs: &[text("why", "The cause.").or(Default::Text("broken"))],
        outputs: &[output("out")],
        ..Spec::SUPPORTED
    };

    async fn run(self, cx: &Context) -> Result<Outputs, RunError> {
        let outside = cx.resource::<Outside>()?.clone();
        let effect = Effect { kind: "call", request: json!({"ask": "break"}) };
        let perform = || async move {
            outside.call("break").await;
            Err::<(String, Usage), _>(RunError::new(ErrorKind::Upstream, self.why).transient(true))
        };
        cx.effect(effect, perform).await.map(|_| Outputs::none())
    }
}

/// Takes the caller's chat text (1.x).
#[derive(Deserialize)]
struct Enter {
    input_value: String,
    session_id: String,
}

impl Component for Enter {
    const SPEC: Spec = Spec {
        names: &["Enter"],
        inputs: &[
            text("input_value", "The text.").or(Default::Text("")),
            text("session_id", "The conversation.").or(Default::Text("")),
        ],
        outputs: &[output("message")],
        kind: Kind::ChatInput,
        ..Spec::SUPPORTED
    };

    async fn run(self, _cx: &Context) -> Result<Outputs, RunError> {
        let message = Message {
            sender: "User".to_owned(),
            session_id: self.session_id,
            ..Message::of(self.input_value)
        };
        Ok(Outputs::one("message", Value::Message(Box::new(message))))
    }
}

/// Takes the caller's other text (1.x).
#[derive(Deserialize)]
struct EnterText {
    input_value: String,
}

impl Component for EnterText {
    const SPEC: Spec = Spec {
        names: &["EnterText"],
        inputs: &[text("input_value", "The text.").or(Default::Text(""))],
        outputs: &[output("text")],
        kind: Kind::TextInput,
        ..Spec::SUPPORTED
    };

    async fn run(self, _cx: &Context) -> Result<Outputs, RunError> {
        Ok(Outputs::one("text", Value::text(self.input_value)))
    }
}

/// Asks outside about its input (1.x).
#[derive(Deserialize)]
struct Think {
    input_value: String,
    stream: bool,
}

impl Component for Think {
    const SPEC: Spec = Spec {
        names: &["Think"],
        inputs: &[
            text("input_value", "The text.").or(Default::Text("")),
            flag("stream", "Accepted.").or(Default::Flag(false)),
        ],
        outputs: &[output("thought"), output("doubt")],
        ..Spec::SUPPORTED
    };

    async fn run(self, cx: &Context) -> Result<Outputs, RunError> {
        let mut message = Message::of(call(cx, self.input_value).await?);
        message.source.source = Some(if self.stream { "mind, streaming" } else { "mind" }.to_owned());
        let doubt = if cx.wants("doubt") { "much" } else { "unasked" };
        Ok(Outputs::one("thought", Value::Message(Box::new(message))).and("doubt", Value::text(doubt)))
    }
}

/// Answers (1.x).
#[derive(Deserialize)]
struct Answer {
    input_value: LazyValue,
    session_id: Option<String>,
}

impl Component for Answer {
    const SPEC: Spec = Spec {
        names: &["Answer"],
        inputs: &[
            message("input_value", "What is answered.").or(Default::Text("")),
            text("session_id", "The conversation."),
        ],
        outputs: &[output("message")],
        kind: Kind::Output,
        ..Spec::SUPPORTED
    };

    async fn run(self, cx: &Context) -> Result<Outputs, RunError> {
        let upstream = cx.upstream("input_value");
        let model = match &self.input_value.0 {
            Value::Message(message) => message.source.source.clone(),
            _ => None,
        };
        let message = Message {
            sender: "Machine".to_owned(),
            sender_name: "AI".to_owned(),
            session_id: self.session_id.unwrap_or_else(|| cx.session_id().to_owned()),
            id: cx.uuid(),
            flow_id: cx.flow_id().to_owned(),
            run_id: cx.task_id().to_owned(),
            timestamp: cx.now().await?.strftime("%Y-%m-%d %H:%M:%S.%6f UTC").to_string(),
            source: Source {
                id: upstream.map(|u| u.id.clone()),
                display_name: upstream.map(|u| u.display_name.clone()),
                source: model,
            },
            usage: cx.upstream_usage(),
            ..Message::of(self.input_value.0.as_text().unwrap_or_default())
        };
        cx.emit(message.clone());
        Ok(Outputs::one("message", Value::Message(Box::new(message))))
    }
}
