//! Many tasks, and the worker killed again and again at any moment: before or after any call that it makes.

use std::time::Duration;

use fastrand::Rng;
use millrace_local::{Phase, Verdict};

use crate::form::Form;
use crate::killer::{Plan, What};
use crate::world::{Setup, World};

/// `MILLRACE_KILL_TASKS` has another number.
const TASKS: usize = 200;
/// Tasks for each kill.
const PER_KILL: usize = 10;
/// How many moments lie between two kills.
const BETWEEN: std::ops::RangeInclusive<u32> = 100..=500;
const SEED: u64 = 20;

/// A task is in flight at most of the kills, and must not be given up for that.
const SETUP: Setup =
    Setup { lease: 2, max_failures: 1000, environments: 3, delay: Duration::from_millis(20) };

const FORMS: [Form; 6] =
    [Form::Chain(1), Form::List(1), Form::Chain(4), Form::List(4), Form::Chain(10), Form::List(10)];

/// Kills after a random number of moments. The seed decides which; so the machine's speed does not.
struct Seeded {
    random: Rng,
    kills: usize,
    until_next: u32,
}

impl Plan for Seeded {
    fn strike(&mut self, _what: What, phase: Phase) -> Option<Verdict> {
        self.until_next -= u32::from(self.kills > 0);
        if self.kills == 0 || self.until_next > 0 {
            return None;
        }
        self.kills -= 1;
        self.until_next = self.random.u32(BETWEEN);
        // What a dying process has sent may arrive or not.
        let lost = phase == Phase::Before && self.random.bool();
        Some(if lost { Verdict::Drop } else { Verdict::Pass })
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_task_is_lost_or_repeated_when_the_worker_is_killed_at_random_moments() {
    let count = std::env::var("MILLRACE_KILL_TASKS").ok().and_then(|text| text.parse().ok()).unwrap_or(TASKS);
    let kills = count / PER_KILL;
    let plan = Seeded { random: Rng::with_seed(SEED), kills, until_next: *BETWEEN.start() };
    let world = World::start(SETUP, plan).await;
    let mut flows = Vec::new();
    for form in FORMS {
        flows.push((form, world.flow(form).await));
    }
    let mut tasks = Vec::new();
    for (number, (form, flow)) in flows.iter().cycle().take(count).enumerate() {
        // Some results fit into the task's row, and some do not.
        let padding = [0, 1500][number / FORMS.len() % 2];
        tasks.push(world.submit(flow, *form, &format!("task-{number:05}"), padding).await);
    }
    let limit = Duration::from_secs(100) + Duration::from_millis(250) * u32::try_from(count).unwrap();
    world.settled(&tasks, limit).await;
    let (counts, killed) = (world.audit(&tasks).await, world.killer.killed());
    println!("{kills} kills took {} processes; {counts}", killed.len());
    assert_eq!(counts.tasks, count);
    assert_eq!(counts.records, counts.effects);
    assert!(killed.len() >= kills, "only {} processes were killed", killed.len());
    assert!(counts.claims > count as u64, "no kill has hit a task");
    world.stop().await;
}
