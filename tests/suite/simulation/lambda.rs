//! A small Lambda: environments, event sources and a schedule.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value as Json, json};
use tokio::sync::{Semaphore, oneshot};
use tokio::time::{Instant, sleep, timeout_at};

use super::call::{Call, Service};
use super::fault::Fault;
use super::node::Node;
use super::process::{Kind, Process};
use super::world::World;

/// Why an invocation has no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// The environment died.
    Crashed,
    /// Its time was over, and the environment was killed.
    TimedOut,
    /// The function said that it could not.
    Refused(String),
}

/// A function: environments that are started as they are needed, and used again.
pub struct Function {
    world: Arc<World>,
    kind: Kind,
    timeout: Duration,
    idle: Mutex<Vec<Arc<Node>>>,
    busy: Mutex<Vec<Arc<Node>>>,
}

impl Function {
    /// A function whose invocations may take so long.
    pub fn new(world: &Arc<World>, kind: Kind, timeout: Duration) -> Arc<Self> {
        Arc::new(Self { world: world.clone(), kind, timeout, idle: Mutex::default(), busy: Mutex::default() })
    }

    /// Invokes it with an event. The environment may go on after the answer until the timeout.
    pub async fn invoke(self: &Arc<Self>, event: Vec<u8>) -> Result<Vec<u8>, Failure> {
        let (answer, answered) = oneshot::channel();
        let node = self.idle.lock().unwrap().pop();
        let node = node.unwrap_or_else(|| Node::boot(&self.world, self.kind));
        self.busy.lock().unwrap().push(node.clone());
        tokio::spawn(self.clone().run(node.clone(), event, answer));
        match answered.await {
            Ok(answer) => answer.map_err(Failure::Refused),
            Err(_) if node.process.was_killed_late() => Err(Failure::TimedOut),
            Err(_) => Err(Failure::Crashed),
        }
    }

    async fn run(
        self: Arc<Self>,
        node: Arc<Node>,
        event: Vec<u8>,
        answer: oneshot::Sender<Result<Vec<u8>, String>>,
    ) {
        let deadline = Instant::now() + self.timeout;
        let killed_at = self.killed_at(deadline);
        let working = node.clone();
        let work = node.process.live(async move {
            // The caller may have gone meanwhile.
            let _ = answer.send(working.handle(&event, deadline).await);
            working.rest().await;
        });
        let ended = timeout_at(killed_at, work).await;
        self.busy.lock().unwrap().retain(|busy| !Arc::ptr_eq(busy, &node));
        match ended {
            Ok(Some(())) if !node.is_ending() => self.idle.lock().unwrap().push(node),
            Ok(_) => {}
            Err(_) => {
                self.world.say(&node.process.name, "killed at its timeout", "");
                node.process.kill_late();
            }
        }
    }

    /// When the environment is killed: at its deadline, or earlier without a word.
    fn killed_at(&self, deadline: Instant) -> Instant {
        let calm = self.world.plan.lock().unwrap().is_calm();
        match (self.kind, self.world.setting.killed_within) {
            (Kind::Worker, Some((least, most))) if !calm => {
                let after = self.world.draw(|dice| dice.u64(least..=most));
                deadline.min(Instant::now() + Duration::from_secs(after))
            }
            _ => deadline,
        }
    }

    /// A new version: environments that run go on to their end, and none is used again.
    pub fn redeploy(&self) {
        self.idle.lock().unwrap().clear();
    }

    /// Every environment is told to end, and is killed half a second later.
    pub async fn stop_all(&self) {
        let busy = self.busy.lock().unwrap().clone();
        for node in &busy {
            self.world.say(&node.process.name, "told to end", "");
            node.shut_down();
        }
        sleep(Duration::from_millis(500)).await;
        for node in &busy {
            node.process.crash();
        }
        self.redeploy();
    }

    /// Whether nothing runs.
    pub fn is_idle(&self) -> bool {
        self.busy.lock().unwrap().is_empty()
    }
}

/// Invokes a function with batches of a queue's messages, and deletes what is done.
pub struct EventSource {
    world: Arc<World>,
    process: Arc<Process>,
    queue: &'static str,
    function: Arc<Function>,
}

impl EventSource {
    /// Starts to poll; at most so many invocations run at once.
    pub fn start(world: &Arc<World>, queue: &'static str, function: Arc<Function>, concurrency: usize) {
        let process = world.process(Kind::Aws);
        let source = Arc::new(Self { world: world.clone(), process, queue, function });
        tokio::spawn(source.poll(Arc::new(Semaphore::new(concurrency))));
    }

    async fn poll(self: Arc<Self>, slots: Arc<Semaphore>) {
        loop {
            let slot = slots.clone().acquire_owned().await.unwrap();
            let receive = Call { row: String::new(), ..self.call("ReceiveMessage") };
            if self.world.fault(&self.process, &receive).is_some() {
                sleep(Duration::from_secs(20)).await;
                continue;
            }
            let messages = self.receive().await;
            if !messages.is_empty() {
                let source = self.clone();
                tokio::spawn(async move {
                    source.process(messages).await;
                    drop(slot);
                });
            }
        }
    }

    async fn receive(&self) -> Vec<Json> {
        let request = json!({"QueueUrl": self.world.queue_url(self.queue), "MaxNumberOfMessages": 10,
            "WaitTimeSeconds": 20, "MessageSystemAttributeNames": ["All"]});
        let mut answer = self.ask("ReceiveMessage", &request).await;
        match answer["Messages"].take() {
            Json::Array(messages) => messages,
            _ => Vec::new(),
        }
    }

    async fn process(&self, messages: Vec<Json>) {
        let what = format!("invoke with {} of {}", messages.len(), self.queue);
        let fault = self.world.fault(&self.process, &self.call("Invoke"));
        if fault.is_some_and(|fault| fault != Fault::Twice) {
            self.world.say(&self.process.name, &what, "LOST on its way");
            return;
        }
        let event =
            json!({"Records": messages.iter().map(|message| self.record(message)).collect::<Vec<_>>()});
        self.world.say(&self.process.name, &what, if fault.is_some() { "TWICE" } else { "" });
        if fault.is_some() {
            let (function, event) = (self.function.clone(), event.clone());
            // Nobody listens to what this one answers.
            tokio::spawn(async move { function.invoke(event.to_string().into_bytes()).await.map(drop) });
        }
        let failed = match self.function.invoke(event.to_string().into_bytes()).await {
            Ok(answer) => failures(&answer),
            Err(failure) => {
                self.world.say(&self.process.name, "invocation failed", &format!("{failure:?}"));
                return;
            }
        };
        for message in &messages {
            let id = message["MessageId"].as_str().unwrap_or_default();
            match failed.iter().any(|failed| failed == id) {
                true => self.world.say(&self.process.name, "message failed", ""),
                false => self.delete(message).await,
            }
        }
    }

    /// A record as Lambda makes it of a message.
    fn record(&self, message: &Json) -> Json {
        json!({
            "messageId": message["MessageId"],
            "receiptHandle": message["ReceiptHandle"],
            "body": message["Body"],
            "attributes": message["Attributes"],
            "messageAttributes": {},
            "md5OfBody": message["MD5OfBody"],
            "eventSource": "aws:sqs",
            "eventSourceARN": format!("arn:aws:sqs:us-east-1:000000000000:{}", self.queue),
            "awsRegion": "us-east-1",
        })
    }

    async fn delete(&self, message: &Json) {
        let body: Json =
            serde_json::from_str(message["Body"].as_str().unwrap_or_default()).unwrap_or_default();
        let task = body["task"].as_str().unwrap_or_default().to_owned();
        let call = Call { row: task, ..self.call("DeleteMessage") };
        if self.world.fault(&self.process, &call).is_some() {
            self.world.note(&self.process, &call, "LOST on its way");
            return;
        }
        let request =
            json!({"QueueUrl": self.world.queue_url(self.queue), "ReceiptHandle": message["ReceiptHandle"]});
        self.ask("DeleteMessage", &request).await;
        self.world.note(&self.process, &call, "ok");
    }

    async fn ask(&self, operation: &str, request: &Json) -> Json {
        let reply =
            self.world.queue.call(&format!("AmazonSQS.{operation}"), request.to_string().as_bytes()).await;
        serde_json::from_slice(&reply.body).unwrap_or_default()
    }

    fn call(&self, operation: &str) -> Call {
        let service = if operation == "Invoke" { Service::Lambda } else { Service::Queue };
        Call { service, operation: operation.to_owned(), place: self.queue.to_owned(), row: String::new() }
    }
}

/// The ids of a batch's failures. What cannot be understood fails as a whole, which no function of ours answers.
fn failures(answer: &[u8]) -> Vec<String> {
    let answer: Json = serde_json::from_slice(answer).unwrap();
    let failures = answer["batchItemFailures"].as_array().unwrap();
    failures.iter().map(|failure| failure["itemIdentifier"].as_str().unwrap().to_owned()).collect()
}

/// Invokes the sweeper every minute, unless the last invocation still runs.
pub async fn schedule(world: Arc<World>, sweeper: Arc<Function>) {
    let process = world.process(Kind::Aws);
    let invoke = Call {
        service: Service::Lambda,
        operation: "Invoke".to_owned(),
        place: "sweeper".to_owned(),
        row: String::new(),
    };
    loop {
        sleep(Duration::from_secs(60)).await;
        // With nothing in the index there is nothing to be seen; hours then pass quickly.
        if world.table.index("open").is_empty() || world.fault(&process, &invoke) == Some(Fault::RequestLost)
        {
            continue;
        }
        let event =
            json!({"version": "0", "detail-type": "Scheduled Event", "source": "aws.events", "detail": {}});
        world.say(&process.name, "invoke the sweeper", "");
        if let Err(failure) = sweeper.invoke(event.to_string().into_bytes()).await {
            world.say(&process.name, "invocation failed", &format!("{failure:?}"));
        }
    }
}
