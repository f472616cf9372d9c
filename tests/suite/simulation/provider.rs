//! The model provider and the target of callbacks, without sockets: what they were asked, and what they answer.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt;
use http::HeaderValue;
use millrace_outbound::{Answer, Hop, Transport, TransportError};
use serde_json::{Value as Json, json};
use tokio::time::sleep;

use super::call::{Call, Service};
use super::fault::Fault;
use super::process::Process;
use super::world::World;

/// Where models answer.
pub const MODELS: &str = "https://models.example/v1";
/// Where ends of tasks are posted to.
pub const CALLBACK: &str = "https://callback.example/ended";

/// A request that reached the provider: from then on it is paid for.
#[derive(Debug, Clone)]
pub struct Asked {
    /// When it was sent.
    pub at: Duration,
    /// Who asked.
    pub by: String,
    /// Which input of which task: the last word of the form `t7` or `t7.2` in the prompt.
    pub marker: String,
    /// Which model of the flow: its name.
    pub model: String,
    /// The whole conversation.
    pub prompt: String,
    /// What it answers: no two answers are the same.
    pub answer: String,
}

/// A callback that was taken.
#[derive(Debug, Clone)]
pub struct Delivered {
    /// The task's id.
    pub task: String,
    /// What a poll would have answered.
    pub body: Json,
}

/// What was asked and delivered so far.
#[derive(Default)]
pub struct Provider {
    asked: Mutex<Vec<Asked>>,
    delivered: Mutex<Vec<Delivered>>,
}

impl Provider {
    /// Nobody asked yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// All requests, in order.
    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    /// All callbacks that were taken, in order.
    pub fn delivered(&self) -> Vec<Delivered> {
        self.delivered.lock().unwrap().clone()
    }

    fn ask(&self, at: Duration, by: &str, body: &Json, noise: &str) -> Asked {
        let mut asked = self.asked.lock().unwrap();
        let (prompt, model) = (conversation(body), text(&body["model"]));
        let marker = marker(&prompt).unwrap_or_default().to_owned();
        let answer = format!("{noise}{marker} a{}", asked.len());
        let new = Asked { at, by: by.to_owned(), marker, model, prompt, answer };
        asked.push(new.clone());
        new
    }
}

/// One process's way to the web.
#[derive(Clone)]
pub struct Web {
    world: Arc<World>,
    process: Arc<Process>,
}

impl Web {
    /// The way of a process.
    pub fn new(world: Arc<World>, process: Arc<Process>) -> Self {
        Self { world, process }
    }

    async fn travel(self, hop: Hop, call: Call, fault: Option<Fault>) -> Result<Answer, TransportError> {
        let Self { world, process } = &self;
        let sent = world.at();
        if let Some(fault) = fault
            && let Some(answer) = self.before(fault, &call).await
        {
            return answer;
        }
        sleep(world.latency()).await;
        let answer = self.serve(&hop, sent).await;
        let answer = match fault {
            Some(fault) => self.after(fault, &call, answer).await?,
            None => {
                world.note(process, &call, "ok");
                answer
            }
        };
        sleep(world.latency()).await;
        Ok(answer)
    }

    /// What goes wrong before the other side hears of it.
    async fn before(&self, fault: Fault, call: &Call) -> Option<Result<Answer, TransportError>> {
        let Self { world, process } = self;
        let note = |outcome: &str| world.note(process, call, outcome);
        match fault {
            Fault::RequestLost => {
                note("LOST on its way");
                return Some(Err(TransportError::ConnectFailed));
            }
            Fault::HangBefore => {
                note("HANGS");
                std::future::pending::<()>().await;
            }
            Fault::Status(status) => {
                note(&status.to_string());
                return Some(Ok(refusal(status)));
            }
            Fault::RetryAfter(status, seconds) => {
                note(&format!("{status}, retry after {seconds} s"));
                let mut answer = refusal(status);
                answer.headers.insert("retry-after", HeaderValue::from(seconds));
                return Some(Ok(answer));
            }
            Fault::CrashBefore => {
                note("CRASH before");
                process.crash();
                std::future::pending::<()>().await;
            }
            Fault::PauseBefore(seconds) => {
                note("STANDS STILL before");
                process.pause(Duration::from_secs(seconds));
                process.gate().await;
            }
            _ => {}
        }
        None
    }

    /// What goes wrong after the other side did what it was asked to do.
    async fn after(&self, fault: Fault, call: &Call, answer: Answer) -> Result<Answer, TransportError> {
        let Self { world, process } = self;
        let note = |outcome: &str| world.note(process, call, outcome);
        match fault {
            Fault::ReplyLost => {
                note("REPLY LOST");
                return Err(TransportError::ConnectionClosed);
            }
            Fault::HangAfter | Fault::Late(_) => {
                note("then HANGS");
                std::future::pending::<()>().await;
            }
            Fault::CrashAfter => {
                note("CRASH after");
                process.crash();
            }
            Fault::PauseAfter(seconds) => {
                note("STANDS STILL after");
                process.pause(Duration::from_secs(seconds));
            }
            Fault::Slow(seconds) => {
                note("SLOW");
                sleep(Duration::from_secs(seconds)).await;
            }
            Fault::Broken => {
                note("BREAKS OFF");
                let half =
                    [Ok(Bytes::from_static(b"{\"object\": \"chat.comp")), Err(TransportError::BodyBroken)];
                return Ok(Answer { body: futures::stream::iter(half).boxed(), length: None, ..answer });
            }
            Fault::NoJson => return Ok(self.instead(call, "no JSON", "<html>busy</html>")),
            Fault::NoText => return Ok(self.instead(call, "no UTF-8", &b"{\"choices\": \"\xff\xfe\"}"[..])),
            Fault::TooMuch => return Ok(self.instead(call, "10 MB", vec![b'x'; 10_000_000])),
            Fault::Panic => note("PANIC"),
            _ => note("ok"),
        }
        Ok(answer)
    }

    /// Letters that no compression shrinks much, one word.
    fn noise(&self) -> String {
        let count = self.world.setting.wordy;
        let mut noise: String =
            self.world.draw(|dice| std::iter::repeat_with(|| dice.alphanumeric()).take(count).collect());
        if count > 0 {
            noise.push(' ');
        }
        noise
    }

    fn instead(&self, call: &Call, what: &str, body: impl Into<Bytes>) -> Answer {
        self.world.note(&self.process, call, what);
        Answer::new(200, body)
    }

    /// The other side does what it is asked.
    async fn serve(&self, hop: &Hop, sent: Duration) -> Answer {
        let world = &self.world;
        let body = body_of(hop);
        if hop.url.host_str() == Some("callback.example") {
            let header = |name: &str| hop.headers[name].to_str().unwrap().to_owned();
            let delivered = Delivered { task: header("webhook-id"), body };
            world.provider.delivered.lock().unwrap().push(delivered);
            return Answer::new(200, "");
        }
        let asked = world.provider.ask(sent, &self.process.name, &body, &self.noise());
        let (least, most) = world.setting.thinking;
        sleep(Duration::from_millis(world.draw(|dice| dice.u64(least..=most)))).await;
        let message = json!({"role": "assistant", "content": asked.answer});
        let choices = json!([{"index": 0, "message": message, "finish_reason": "stop"}]);
        let usage = json!({"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15});
        let answer =
            json!({"object": "chat.completion", "model": asked.model, "choices": choices, "usage": usage});
        Answer::new(200, answer.to_string())
    }
}

#[async_trait]
impl Transport for Web {
    /// A request that is on its way arrives, whatever becomes of who sent it.
    async fn exchange(&self, hop: &Hop) -> Result<Answer, TransportError> {
        let call = call_of(hop);
        self.process.gate().await;
        let fault = self.world.fault(&self.process, &call);
        let answer = tokio::spawn(self.clone().travel(hop.clone(), call, fault)).await.unwrap();
        self.process.gate().await;
        if fault == Some(Fault::Panic) {
            // Without the hook, so that no output looks like a failure.
            std::panic::resume_unwind(Box::new("drawn by the simulation"));
        }
        answer
    }
}

/// The request as rules and transcripts see it.
fn call_of(hop: &Hop) -> Call {
    let body = body_of(hop);
    let host = hop.url.host_str().unwrap_or_default();
    let prompt = conversation(&body);
    let row = match marker(&prompt) {
        Some(marker) => format!("{marker} {}", text(&body["model"])),
        None => text(&body["task_id"]),
    };
    let place = host.split('.').next().unwrap_or_default().to_owned();
    Call { service: Service::Web, operation: hop.method.to_string(), place, row }
}

fn body_of(hop: &Hop) -> Json {
    serde_json::from_slice(hop.body.as_deref().unwrap_or_default()).unwrap_or_default()
}

fn conversation(body: &Json) -> String {
    let messages = body["messages"].as_array().into_iter().flatten();
    messages.map(|message| text(&message["content"])).collect::<Vec<_>>().join("\n")
}

/// The last word that names a task's input: `t7`, or `t7.2` for one of several.
pub fn marker(prompt: &str) -> Option<&str> {
    let is_marker = |word: &&str| {
        word.strip_prefix('t').is_some_and(|number| {
            number.starts_with(|c: char| c.is_ascii_digit())
                && number.chars().all(|c| c.is_ascii_digit() || c == '.')
        })
    };
    prompt.split_whitespace().rev().find(is_marker)
}

fn refusal(status: u16) -> Answer {
    let message = format!("{status} by the simulation");
    Answer::new(status, json!({"error": {"message": message}}).to_string())
}

fn text(value: &Json) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
