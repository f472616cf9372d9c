//! A process with everything of ours in it: clients, store, runner, API.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use jiff::{SignedDuration, Timestamp};
use millrace_api::{App, router};
use millrace_outbound::{Outbound, OutboundConfig};
use millrace_runner::{Runner, RunnerConfig};
use millrace_store::{Host, Store, StoreConfig};
use tokio::time::Instant;
use tokio_util::task::TaskTracker;

use super::bucket::BUCKET;
use super::process::{Kind, Process};
use super::provider::{MODELS, Web};
use super::table::TABLE;
use super::wire::Wire;
use super::world::{QUEUE, World};

/// The largest body that the API reads.
const MAX_BODY_BYTES: usize = 5_000_000;
/// What the sweeper's `main` keeps back of its time.
const SWEEP_RESERVE: Duration = Duration::from_secs(5);

/// A process of ours.
pub struct Node {
    /// The process.
    pub process: Arc<Process>,
    /// What it runs tasks with.
    pub runner: Runner,
    /// What it answers requests with.
    pub router: Router,
    background: TaskTracker,
    ending: AtomicBool,
}

/// Time and chance of one process.
struct SimulatedHost {
    world: Arc<World>,
    skew: SignedDuration,
    dice: Mutex<fastrand::Rng>,
}

impl Host for SimulatedHost {
    fn now(&self) -> Timestamp {
        // Forty seconds one way, forty the other.
        let back = self.world.setting.unsteady && (self.world.at().as_secs() / 40) % 2 == 1;
        self.world.now(if back { -self.skew } else { self.skew })
    }

    fn random(&self, buf: &mut [u8]) {
        self.dice.lock().unwrap().fill(buf);
    }
}

impl Node {
    /// Starts a process: nothing in it is left from another.
    pub fn boot(world: &Arc<World>, kind: Kind) -> Arc<Self> {
        let process = world.process(kind);
        let (skew, chance) = world.draw(|dice| (world.setting.drawn_skew(dice), dice.u64(..)));
        let skew = if kind == Kind::Operator { SignedDuration::ZERO } else { skew };
        let wire = Wire::new(world.clone(), process.clone(), skew);
        let dice = Mutex::new(fastrand::Rng::with_seed(chance));
        let host = Arc::new(SimulatedHost { world: world.clone(), skew, dice });
        let store = Store::new(wire.dynamodb(), wire.sqs(), store_config(world), host);
        let store = store.with_bucket(wire.s3(), BUCKET);
        let web = Arc::new(Web::new(world.clone(), process.clone()));
        let outbound = Outbound::with_transport(OutboundConfig::default(), web);
        let (registry, background) = (millrace_components::registry(), TaskTracker::new());
        let runner =
            Runner::with_background(store, registry, outbound, runner_config(world), background.clone());
        let router = router(Arc::new(App::new(runner.clone(), MAX_BODY_BYTES)));
        Arc::new(Self { process, runner, router, background, ending: AtomicBool::new(false) })
    }

    /// Handles an event of its function. The error is the function's own.
    pub async fn handle(&self, event: &[u8], deadline: Instant) -> Result<Vec<u8>, String> {
        let (runner, until) = (&self.runner, Some(deadline));
        match self.process.kind {
            Kind::Api => millrace_api::handle(&self.router, event).await.map_err(|error| error.to_string()),
            Kind::Worker => {
                millrace_worker::handle_json(runner, event, until).await.map_err(|error| error.to_string())
            }
            Kind::Sweeper => {
                let until = Some(deadline - SWEEP_RESERVE);
                millrace_sweeper::handle_json(runner, event, until).await.map_err(|error| error.to_string())
            }
            Kind::Aws | Kind::Operator => Err("not a function".to_owned()),
        }
    }

    /// Tells it to end, as `SIGTERM` does.
    pub fn shut_down(&self) {
        self.ending.store(true, Ordering::Relaxed);
        self.runner.shut_down();
    }

    /// Whether it was told to end: it gets nothing more to do.
    pub fn is_ending(&self) -> bool {
        self.ending.load(Ordering::Relaxed)
    }

    /// Returns when nothing goes on behind the answer.
    pub async fn rest(&self) {
        self.background.close();
        self.background.wait().await;
        self.background.reopen();
    }

    /// Its store.
    pub fn store(&self) -> &Store {
        self.runner.store()
    }
}

fn store_config(world: &World) -> StoreConfig {
    let config = StoreConfig::new(TABLE, world.queue_url(QUEUE));
    StoreConfig {
        plain_keys: true,
        master_key: millrace_store::MasterKey::local([7; 32]),
        task_timeout: world.setting.task_timeout.unwrap_or(config.task_timeout),
        retention: world.setting.retention.unwrap_or(config.retention),
        tenant_concurrency: world.setting.tenant_concurrency,
        ..config
    }
}

fn runner_config(world: &World) -> RunnerConfig {
    let version = world.version.load(Ordering::Relaxed);
    // What a new version changes: where the operator's models answer.
    let base = if version == 1 { MODELS.to_owned() } else { MODELS.replace("/v1", &format!("/v{version}")) };
    let variables = [("OPENAI_API_KEY", "sk-operator".to_owned()), ("OPENAI_BASE_URL", base)];
    let variables = variables.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    RunnerConfig { variables, ..RunnerConfig::default() }
}
