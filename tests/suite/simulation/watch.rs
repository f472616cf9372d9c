//! What must hold of every write to a task, judged at the moment it is applied.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value as Json;
use tokio::time::Instant;

use super::call::task_of;

/// A task's state as its row says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stand {
    /// `queued` and so on.
    pub state: String,
    /// Claims so far.
    pub attempt: u64,
}

/// A change of a task's state.
#[derive(Debug, Clone)]
pub struct Step {
    /// When.
    pub at: Duration,
    /// Whose write it was.
    pub by: String,
    /// The task's id.
    pub task: String,
    /// Where it was; none for a new row.
    pub from: Option<Stand>,
    /// Where it is.
    pub to: Stand,
}

/// What was written so far.
pub struct Watch {
    started: Instant,
    /// How far the clocks of those who write may be apart.
    skew: Duration,
    /// Changes of state, in order.
    pub steps: Vec<Step>,
    /// When each record of each task was first kept, by task and sort key.
    pub records: BTreeMap<(String, String), Duration>,
    /// What should not have happened.
    pub faults: Vec<String>,
    /// What the last write changed, for the transcript.
    changed: Option<String>,
}

impl Watch {
    /// Nothing was written yet.
    pub fn new(skew: Duration) -> Self {
        Self {
            started: Instant::now(),
            skew,
            steps: Vec::new(),
            records: BTreeMap::new(),
            faults: Vec::new(),
            changed: None,
        }
    }

    /// A row of a task was written; absent rows are null.
    pub fn wrote(&mut self, by: &str, pk: &str, sk: &str, before: &Json, after: &Json) {
        let Some(task) = task_of(pk) else { return };
        let at = self.started.elapsed();
        if sk.starts_with("J#") {
            self.records.entry((task.to_owned(), sk.to_owned())).or_insert(at);
            if !before.is_null() && before != after {
                self.faults.push(format!("{by} replaced the record {sk} of {task}"));
            }
        }
        if sk != "META" {
            return;
        }
        let (from, to) = (stand(before), stand(after));
        let Some(to) = to else {
            self.faults.push(format!("{by} deleted the row of {task}"));
            return;
        };
        if let Some(from) = &from {
            self.judge(by, task, at, (from, before), (&to, after));
        }
        if from.as_ref() != Some(&to) {
            self.changed = Some(format!("{} #{}", to.state, to.attempt));
            self.steps.push(Step { at, by: by.to_owned(), task: task.to_owned(), from, to });
        }
    }

    /// The state that the last write led to, if it led to another one.
    pub fn take_change(&mut self) -> Option<String> {
        self.changed.take()
    }

    fn judge(&mut self, by: &str, task: &str, at: Duration, old: (&Stand, &Json), new: (&Stand, &Json)) {
        let ((from, before), (to, after)) = (old, new);
        let mut fault = |what: &str| self.faults.push(format!("{what}: {task} by {by}, {from:?} to {to:?}"));
        let ending = ["state", "attempt", "result", "error", "ended"];
        if is_terminal(&from.state) && ending.iter().any(|name| before[name] != after[name]) {
            fault("a terminal state changed");
        }
        if to.attempt < from.attempt || to.attempt > from.attempt + 1 {
            fault("the fencing token jumped");
        }
        let reclaimed = from.state == "running" && to.state == "running" && to.attempt > from.attempt;
        if reclaimed && lease_left(before, at) > self.skew {
            fault("a live lease was taken over");
        }
    }
}

/// Whether a state of this name never changes.
pub fn is_terminal(state: &str) -> bool {
    matches!(state, "succeeded" | "failed" | "cancelled")
}

fn stand(row: &Json) -> Option<Stand> {
    let state = row["state"]["S"].as_str()?.to_owned();
    let attempt = row["attempt"]["N"].as_str().and_then(|text| text.parse().ok()).unwrap_or(0);
    Some(Stand { state, attempt })
}

/// How long a lease would still have held.
fn lease_left(row: &Json, at: Duration) -> Duration {
    let end = row["lease"]["N"].as_str().and_then(|text| text.parse().ok()).unwrap_or(0);
    Duration::from_millis(end).saturating_sub(Duration::from_secs(super::table::EPOCH) + at)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const PK: &str = "T#ann#01890a5d-ac96-774b-bcce-b302099a8057";

    fn row(state: &str, attempt: u64, lease_seconds: u64) -> Json {
        let lease = (super::super::table::EPOCH + lease_seconds) * 1_000;
        json!({"state": {"S": state}, "attempt": {"N": attempt.to_string()}, "lease": {"N": lease.to_string()}})
    }

    /// What must not be is seen: else a run without faults would say nothing.
    #[tokio::test(start_paused = true)]
    async fn what_must_not_be_is_seen() {
        let running = row("running", 1, 30);
        let cases = [
            (json!(null), row("queued", 0, 0), None),
            (row("queued", 0, 0), running.clone(), None),
            (running.clone(), row("running", 1, 60), None),
            (row("running", 1, 0), row("running", 2, 30), None),
            (running.clone(), row("succeeded", 1, 30), None),
            (running.clone(), row("running", 2, 60), Some("a live lease was taken over")),
            (running.clone(), row("running", 3, 60), Some("the fencing token jumped")),
            (row("running", 2, 30), row("running", 1, 60), Some("the fencing token jumped")),
            (row("failed", 1, 0), row("succeeded", 1, 0), Some("a terminal state changed")),
            (row("succeeded", 1, 0), row("succeeded", 2, 0), Some("a terminal state changed")),
            (running.clone(), json!(null), Some("deleted the row")),
        ];
        for (before, after, expected) in cases {
            let mut watch = Watch::new(Duration::ZERO);
            watch.wrote("a worker", PK, "META", &before, &after);
            let found = watch.faults.join("; ");
            assert!(
                expected.map_or(found.is_empty(), |part| found.contains(part)),
                "{before} {after}: {found}"
            );
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_record_is_never_replaced() {
        let mut watch = Watch::new(Duration::ZERO);
        let record = |body: &str| json!({"body": {"S": body}});
        watch.wrote("a worker", PK, "J#a#0000", &json!(null), &record("one"));
        assert!(watch.faults.is_empty() && watch.records.len() == 1);
        watch.wrote("a worker", PK, "J#a#0000", &record("one"), &record("two"));
        assert_eq!(watch.faults.len(), 1);
    }
}
