//! The worker killed once, at exactly one moment of a task.

use std::time::Duration;

use futures::stream::{self, StreamExt};
use millrace_local::{Phase, Verdict};

use crate::form::Form;
use crate::killer::{Plan, What, refusal};
use crate::world::{Setup, World};

const SETUP: Setup = Setup { lease: 1, max_failures: 5, environments: 2, delay: Duration::ZERO };
/// So long are the answers that a result is an item of its own.
const PADDING: usize = 2000;
/// When a case has to be over.
const LIMIT: Duration = Duration::from_secs(90);
/// Cases at once.
const PARALLEL: usize = 4;

/// A moment, and what has to come of it.
#[derive(Debug, Clone, Copy)]
struct Case {
    name: &'static str,
    what: What,
    phase: Phase,
    /// Which of its kind, counted from 1.
    nth: usize,
    /// Whether it tears an effect from its record.
    interrupts: bool,
    /// How many claims there must have been.
    claims: u64,
}

impl Case {
    const fn new(name: &'static str, what: What, phase: Phase, claims: u64) -> Self {
        Self { name, what, phase, nth: 1, interrupts: false, claims }
    }

    /// In the middle of the task: one effect is recorded, and one is to come.
    const fn interrupting(name: &'static str, what: What, phase: Phase, interrupts: bool) -> Self {
        Self { nth: 2, interrupts, ..Self::new(name, what, phase, 2) }
    }
}

/// In the order in which they come.
const CASES: [Case; 11] = [
    Case::new("claim-before", What::Claim, Phase::Before, 1),
    Case::new("claim-after", What::Claim, Phase::After, 2),
    Case::interrupting("effect-asked", What::Model, Phase::Before, true),
    Case::interrupting("effect-answered", What::Model, Phase::After, true),
    Case::interrupting("record-before", What::Record, Phase::Before, true),
    Case::interrupting("record-after", What::Record, Phase::After, false),
    Case::new("result-before", What::Result, Phase::Before, 2),
    Case::new("result-after", What::Result, Phase::After, 2),
    Case::new("state-before", What::End, Phase::Before, 2),
    Case::new("state-after", What::End, Phase::After, 1),
    Case::new("delete-before", What::Delete, Phase::Before, 1),
];

/// Kills at the moment of its case, once.
struct Once {
    case: Case,
    seen: usize,
}

impl Plan for Once {
    fn strike(&mut self, what: What, phase: Phase) -> Option<Verdict> {
        if (what, phase) != (self.case.what, self.case.phase) {
            return None;
        }
        self.seen += 1;
        let verdict = match (what, phase) {
            (What::Delete, _) => refusal(),
            (_, Phase::Before) => Verdict::Drop,
            (_, Phase::After) => Verdict::Pass,
        };
        (self.seen == self.case.nth).then_some(verdict)
    }
}

async fn run(case: Case, form: Form) {
    let world = World::start(SETUP, Once { case, seen: 0 }).await;
    let flow = world.flow(form).await;
    let task = world.submit(&flow, form, case.name, PADDING).await;
    let tasks = [task];
    // A task whose message was not deleted is over when the message was delivered again and is gone.
    world.settled(&tasks, LIMIT).await;
    let (killed, counts) = (world.killer.killed(), world.audit(&tasks).await);
    let claims = world.claims(&tasks[0]).await;
    println!("{} {form:?}: killed {killed:?}; {counts}", case.name);
    assert!(!killed.is_empty(), "{case:?} never came");
    assert!(claims >= case.claims, "{case:?}: {claims} claims");
    let again = counts.calls - counts.effects;
    match (form, case.what) {
        // Those that were in flight beside the one that was hit may have been interrupted too.
        (Form::List(_), What::Model | What::Record) => {
            assert!(again >= usize::from(case.interrupts), "{case:?}")
        }
        _ => assert_eq!(again, usize::from(case.interrupts), "{case:?}: effects were repeated"),
    }
    world.stop().await;
}

async fn run_all(form: Form) {
    stream::iter(CASES).map(|case| run(case, form)).buffer_unordered(PARALLEL).collect::<()>().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_task_of_sequential_effects_survives_a_kill_at_every_moment() {
    run_all(Form::Chain(3)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_task_of_parallel_effects_survives_a_kill_at_every_moment() {
    run_all(Form::List(3)).await;
}
