//! What the tests stand on: components, a registry, services and a way to write exports.

mod components;
mod export;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use millrace_engine::{
    Clock, FlowError, Journal, Leniency, MemoryJournal, MemorySessions, Nowhere, Owner, Plan, ProcessInputs,
    Resources, Run, RunError, Services, TweakError, Tweaks, Unsupervised, Variable, Variables, parse,
};
use serde_json::{Map, Value as Json};

pub use components::registry;
pub use export::{edge, flow, group, node, output_edge, output_node};

/// Counts what is really performed, and how long each takes: by a seed, in virtual time.
#[derive(Clone, Default)]
pub struct Outside {
    performed: Arc<AtomicUsize>,
    seed: Option<u64>,
}

impl Outside {
    /// Every call takes its own time of up to a second, in another order for every seed.
    pub fn seeded(seed: u64) -> Self {
        Self { seed: Some(seed), ..Self::default() }
    }

    /// Calls made so far.
    pub fn performed(&self) -> usize {
        self.performed.load(Ordering::SeqCst)
    }

    async fn call(&self, request: &str) -> String {
        self.performed.fetch_add(1, Ordering::SeqCst);
        if let Some(seed) = self.seed {
            tokio::time::sleep(Duration::from_millis(mixed(seed, request) % 1_000)).await;
        }
        format!("<{request}>")
    }
}

/// FNV-1a over seed and text: any fixed function that looks random will do.
fn mixed(seed: u64, text: &str) -> u64 {
    let bytes = seed.to_le_bytes().into_iter().chain(text.bytes());
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
        >> 7
}

struct Fixed;

#[async_trait]
impl Variables for Fixed {
    async fn get(&self, name: &str) -> Result<Option<Variable>, RunError> {
        let greeting = || Variable { value: "hello from a variable".to_owned(), owner: Owner::Tenant };
        Ok((name == "GREETING").then(greeting))
    }
}

impl Clock for Fixed {
    fn now(&self) -> jiff::Timestamp {
        jiff::Timestamp::UNIX_EPOCH
    }
}

/// Services with these effects behind them, and a journal of their own.
pub fn services(outside: &Outside) -> Services {
    Services {
        journal: Arc::new(MemoryJournal::default()),
        sessions: Arc::new(MemorySessions::default()),
        variables: Arc::new(Fixed),
        files: Arc::new(Nowhere),
        indexes: Arc::new(Nowhere),
        flows: Arc::new(Nowhere),
        clock: Arc::new(Fixed),
        supervisor: Arc::new(Unsupervised),
        resources: Resources::default().with(outside.clone()).with(components::Meeting::of_two()),
    }
}

/// A run of a plan without tweaks.
pub fn run(plan: &Arc<Plan>, services: Services) -> Run {
    Run {
        plan: plan.clone(),
        tweaks: Tweaks::default(),
        task_id: "0197a000-0000-7000-8000-000000000001".to_owned(),
        flow_id: "5d1e0a3c-0000-4000-8000-000000000002".to_owned(),
        session_id: "s-1".to_owned(),
        clear_session: false,
        services,
    }
}

/// A run that keeps its records in this journal.
pub fn journaled(plan: &Arc<Plan>, outside: &Outside, journal: Arc<dyn Journal>) -> Run {
    run(plan, Services { journal, ..services(outside) })
}

/// An export, planned.
pub fn plan(data: &Json) -> Result<Arc<Plan>, FlowError> {
    Plan::new(parse(data)?, &registry(), false)
}

/// What a 0.x flow answers to these inputs with these tweaks.
pub async fn answer(data: &Json, inputs: Json, tweaks: Json) -> Result<Json, RunError> {
    let plan = plan(data)?;
    let mut run = run(&plan, services(&Outside::default()));
    run.tweaks = resolve(&plan, tweaks, Leniency::Strict).unwrap();
    Ok(millrace_engine::process(&run, ProcessInputs::One(object(inputs))).await?.result)
}

/// Tweaks as a caller writes them, for a plan.
pub fn resolve(plan: &Plan, tweaks: Json, leniency: Leniency) -> Result<Tweaks, TweakError> {
    Tweaks::resolve(plan, &object(tweaks), leniency)
}

/// The map in a JSON object.
pub fn object(json: Json) -> Map<String, Json> {
    match json {
        Json::Object(map) => map,
        other => panic!("{other} is no object"),
    }
}
