//! What must be true when all is over: read from the table, and compared with what the provider was asked.

use std::fmt;

use jiff::{Timestamp, ToSpan};
use millrace_store::{FlowId, JournalRecord, SessionId, State, Store, TaskId, TenantId};

use crate::form::Form;
use crate::provider::Calls;
use crate::step::Step;

/// A task that was accepted.
#[derive(Debug, Clone)]
pub struct Submitted {
    /// Its name, which its prompts carry and its conversation has.
    pub name: String,
    /// What it runs.
    pub form: Form,
    /// How long its answers are.
    pub padding: usize,
    /// Its flow.
    pub flow: FlowId,
    /// Its id.
    pub task: TaskId,
}

/// What was counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Tasks, all of which succeeded.
    pub tasks: usize,
    /// Claims of all of them.
    pub claims: u64,
    /// Model calls that the flows are drawn with.
    pub effects: usize,
    /// Records of model calls.
    pub records: usize,
    /// Model calls that were made.
    pub calls: usize,
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { tasks, claims, effects, records, calls } = self;
        let again = calls.saturating_sub(*effects);
        write!(
            f,
            "{tasks} tasks succeeded in {claims} claims; {effects} effects, {records} records, {calls} calls: \
             {again} were interrupted before their record, and made again"
        )
    }
}

/// Checks every task.
///
/// - It succeeded, with the result that it would have had without any crash, and each turn stands there once.
/// - Every effect has its record. **No effect was performed again after its record**, and none more often than the task
///   was claimed.
///
/// # Panics
/// With all that is not as it must be.
pub async fn audit(store: &Store, tenant: &TenantId, tasks: &[Submitted], calls: &Calls) -> Counts {
    let (mut counts, mut problems) = (Counts::default(), Vec::new());
    for task in tasks {
        audit_one(store, tenant, task, calls, &mut counts, &mut problems).await;
    }
    assert!(problems.is_empty(), "{} problems:\n{}", problems.len(), problems.join("\n"));
    counts
}

async fn audit_one(
    store: &Store,
    tenant: &TenantId,
    submitted: &Submitted,
    calls: &Calls,
    counts: &mut Counts,
    problems: &mut Vec<String>,
) {
    let Submitted { name, form, padding, flow, task: id } = submitted;
    let mut problem = |what: String| problems.push(format!("{name} ({form:?}, {id}): {what}"));
    let Some(task) = store.task(tenant, *id).await.unwrap() else {
        return problem("lost".to_owned());
    };
    if task.state != State::Succeeded {
        return problem(format!("{:?} after {} claims: {:?}", task.state, task.attempt, task.error));
    }
    let (texts, expected) = (form.texts(&task.result.unwrap_or_default()), form.expected(name, *padding));
    if texts != expected {
        problem(format!("answered {texts:?} instead of {expected:?}"));
    }
    let session = SessionId::try_from(name.as_str()).unwrap();
    let turns = store.turns(tenant, *flow, &session, "messages", None).await.unwrap();
    if turns.len() != form.turns() {
        problem(format!("{} turns instead of {}", turns.len(), form.turns()));
    }
    let journal = store.journal(tenant, *id).await.unwrap();
    let records: Vec<_> = journal.iter().filter(|record| record.kind == "model").collect();
    let steps = form.steps(name, *padding);
    for step in &steps {
        let asked = calls.get(step).map_or(&[][..], Vec::as_slice);
        let of_step: Vec<_> = records.iter().copied().filter(|record| is_of(record, step)).collect();
        of_effect(step, asked, &of_step, task.attempt).into_iter().for_each(&mut problem);
        counts.calls += asked.len();
    }
    if records.len() != steps.len() {
        problem(format!("{} records of {} effects", records.len(), steps.len()));
    }
    counts.tasks += 1;
    counts.claims += task.attempt;
    counts.effects += steps.len();
    counts.records += records.len();
}

fn is_of(record: &JournalRecord, step: &Step) -> bool {
    record.response["text"].as_str().and_then(Step::answered_by).as_ref() == Some(step)
}

/// What is wrong with one effect.
fn of_effect(step: &Step, asked: &[Timestamp], records: &[&JournalRecord], claims: u64) -> Vec<String> {
    let mut wrong = Vec::new();
    let [record] = records else {
        wrong.push(format!("step {} has {} records", step.number, records.len()));
        return wrong;
    };
    if asked.is_empty() || asked.len() as u64 > claims {
        wrong.push(format!("step {} was called {} times in {claims} claims", step.number, asked.len()));
    }
    // Both clocks are this computer's; a record's time has lost what is below a millisecond.
    let recorded = record.at + 1.millisecond();
    for late in asked.iter().filter(|asked| **asked > recorded) {
        wrong.push(format!(
            "step {} was called at {late}, and stood recorded since {}",
            step.number, record.at
        ));
    }
    wrong
}
