//! One run: a scenario, played with a seed.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::callers::{Counter, Working};
use super::check::{faults, is_quiet};
use super::fault::Plan;
use super::installation::Installation;
use super::scenario::Scenario;
use super::world::World;

/// Nothing is waited for longer than this.
const PATIENCE: Duration = Duration::from_secs(24 * 3600);
/// How often it is looked whether all is done.
const LOOK: Duration = Duration::from_secs(15);

/// What came of a run.
pub struct Played {
    /// What happened.
    pub transcript: String,
    /// A digest of it.
    pub hash: String,
    /// What should not have happened.
    pub faults: Vec<String>,
    /// How often something went wrong.
    pub strikes: usize,
    /// How many calls the rule met that makes each of them go wrong in turn.
    pub boundaries: usize,
}

/// Plays a scenario on a runtime of its own, whose time stands still while anything can be done.
pub fn play(scenario: &Scenario, seed: u64, boundaries: Option<usize>) -> Played {
    // Back-off and request ids of the SDKs come from this thread's generator.
    fastrand::seed(seed);
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(run(scenario, seed, boundaries))
}

async fn run(scenario: &Scenario, seed: u64, boundaries: Option<usize>) -> Played {
    let plan = Plan::new(&scenario.rules, seed, boundaries);
    let world = World::new(scenario.setting.clone(), plan, seed);
    let installation = Installation::start(&world, &scenario.flows()).await;
    let counter = Arc::new(Counter::default());
    let working: Vec<_> =
        scenario.callers.iter().flat_map(|caller| Working::start(&installation, &counter, caller)).collect();
    let mut found = Vec::new();
    for caller in working {
        if let Err(error) = caller.await {
            found.push(format!("a caller ended by {error}"));
        }
    }
    let storm = Instant::now() + Duration::from_secs(scenario.storm);
    found.extend(until_quiet(&installation, storm).await);
    found.extend(faults(&installation, scenario).await);
    let (strikes, met) = {
        let plan = world.plan.lock().unwrap();
        (plan.strikes, plan.boundaries())
    };
    let transcript = world.transcript.lock().unwrap();
    Played { transcript: transcript.text(), hash: transcript.hash(), faults: found, strikes, boundaries: met }
}

/// Waits until nothing is left to be done; once the storm is over, nothing goes wrong any longer.
async fn until_quiet(installation: &Arc<Installation>, storm: Instant) -> Option<String> {
    let started = Instant::now();
    while started.elapsed() < PATIENCE {
        if is_quiet(installation) {
            installation.world.plan.lock().unwrap().calm();
            return None;
        }
        if Instant::now() >= storm {
            installation.world.plan.lock().unwrap().calm();
        }
        sleep(LOOK).await;
    }
    Some(format!("there is something left to be done after {PATIENCE:?}"))
}
