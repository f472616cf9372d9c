//! Everything that the processes of one run share: time, chance, table, queue, provider, and what goes wrong.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use millrace_local::sqs::{Account, Sqs, VirtualClock};
use serde_json::json;
use tokio::time::Instant;

use super::bucket::Bucket;
use super::call::Call;
use super::fault::{Fault, Plan};
use super::process::{Kind, Process};
use super::provider::Provider;
use super::setting::Setting;
use super::table::{EPOCH, Table};
use super::transcript::{Transcript, shown};
use super::watch::Watch;

/// The queue's name.
pub const QUEUE: &str = "tasks";
/// The dead-letter queue's name.
pub const DEAD: &str = "dead";
/// What queue URLs begin with; nobody listens there.
const BASE: &str = "http://sqs.invalid";

/// One run's world.
pub struct World {
    /// What differs from run to run.
    pub setting: Setting,
    /// DynamoDB.
    pub table: Table,
    /// SQS.
    pub queue: Sqs,
    /// S3.
    pub bucket: Bucket,
    /// The model provider, and whoever takes callbacks.
    pub provider: Provider,
    /// What goes wrong.
    pub plan: Mutex<Plan>,
    /// What happened.
    pub transcript: Mutex<Transcript>,
    /// Messages by the task that they name: how often one was to be sent, and how many arrived.
    pub sent: Mutex<BTreeMap<String, (usize, usize)>>,
    /// Which version of the functions is deployed.
    pub version: AtomicUsize,
    started: Instant,
    dice: Mutex<fastrand::Rng>,
    processes: AtomicUsize,
}

impl World {
    /// An empty world, as of now. Must be called inside the runtime whose time it follows.
    pub fn new(setting: Setting, plan: Plan, seed: u64) -> Arc<Self> {
        let queue = Sqs::new(Account::new(seed), BASE, Arc::new(VirtualClock::starting_at(EPOCH * 1000)));
        let redrive = json!({"deadLetterTargetArn": Account::arn(DEAD), "maxReceiveCount": setting.receives});
        let mut attributes = hidden_for(setting.visibility);
        attributes.insert("RedrivePolicy".to_owned(), redrive.to_string());
        queue.with(|account, now| account.create_queue(DEAD, &hidden_for(330), now)).unwrap();
        queue.with(|account, now| account.create_queue(QUEUE, &attributes, now)).unwrap();
        Arc::new(Self {
            table: Table::new(Watch::new(setting.clocks_differ_by())),
            queue,
            bucket: Bucket::default(),
            provider: Provider::new(),
            plan: Mutex::new(plan),
            transcript: Mutex::default(),
            sent: Mutex::default(),
            version: AtomicUsize::new(1),
            started: Instant::now(),
            dice: Mutex::new(fastrand::Rng::with_seed(seed)),
            processes: AtomicUsize::new(0),
            setting,
        })
    }

    /// Time since the start.
    pub fn at(&self) -> Duration {
        self.started.elapsed()
    }

    /// When it started.
    pub fn started(&self) -> Instant {
        self.started
    }

    /// The time, as a clock shows it that goes wrong by `skew`.
    pub fn now(&self, skew: SignedDuration) -> Timestamp {
        let elapsed = SignedDuration::try_from(self.at()).unwrap();
        Timestamp::from_second(EPOCH as i64).unwrap() + elapsed + skew
    }

    /// A new process.
    pub fn process(&self, kind: Kind) -> Arc<Process> {
        Process::new(kind, self.processes.fetch_add(1, Ordering::Relaxed))
    }

    /// Draws something.
    pub fn draw<T>(&self, what: impl FnOnce(&mut fastrand::Rng) -> T) -> T {
        what(&mut self.dice.lock().unwrap())
    }

    /// How long a way takes.
    pub fn latency(&self) -> Duration {
        let (least, most) = self.setting.latency;
        Duration::from_millis(self.draw(|dice| dice.u64(least..=most)))
    }

    /// What goes wrong with a call; nothing ever does for an operator.
    pub fn fault(&self, process: &Process, call: &Call) -> Option<Fault> {
        if process.kind == Kind::Operator {
            return None;
        }
        let mut dice = self.dice.lock().unwrap();
        self.plan.lock().unwrap().draw(process.kind, call, &mut dice)
    }

    /// Notes a call and what came of it.
    pub fn note(&self, process: &Process, call: &Call, outcome: &str) {
        if process.kind != Kind::Operator {
            self.say(&process.name, &shown(call), outcome);
        }
    }

    /// Notes anything else.
    pub fn say(&self, who: &str, what: &str, outcome: &str) {
        self.transcript.lock().unwrap().add(self.at(), who, what, outcome);
    }

    /// The URL of a queue.
    pub fn queue_url(&self, name: &str) -> String {
        self.queue.queue_url(name)
    }
}

/// A queue whose received messages are hidden for so many seconds.
fn hidden_for(seconds: u32) -> BTreeMap<String, String> {
    BTreeMap::from([("VisibilityTimeout".to_owned(), seconds.to_string())])
}
