//! The table: every operation once, by what it is about.

use super::operation::Operation;

mod flows;
mod keys;
mod runs;
mod service;
mod tasks;
mod variables;

/// Ids as examples show them; the events of the project have the same.
pub(super) const FLOW: &str = "7b9d1f52-3c1e-4a57-9d0a-51a4d3f0c2aa";
pub(super) const TASK: &str = "0192f0c4-7c1e-7a57-9d0a-51a4d3f0c2bb";
pub(super) const KEY: &str = "5e0c1a3b-2f4d-4b6e-8a9c-7d1e2f3a4b5c";

pub(super) const VARIABLE: &str = "6f1d2b4c-3e5f-4c7a-9b8d-8e2f3a4b5c6d";

const RUNS: &str = "Runs";
const TASKS: &str = "Tasks";
const FLOWS: &str = "Flows";
const KEYS: &str = "Keys";
const VARIABLES: &str = "Variables";
const SERVICE: &str = "Service";

/// What operations are sorted by, with a sentence each.
pub(super) const TAGS: [(&str, &str); 6] = [
    (RUNS, "Calls of flows. Each is a task, also one whose caller waits: `x-millrace-task` names it."),
    (TASKS, "What became of a call."),
    (FLOWS, "Flows and their files."),
    (KEYS, "API keys, and what callbacks are signed with."),
    (
        VARIABLES,
        "Values that flows refer to by name. `X-LANGFLOW-GLOBAL-VAR-<NAME>` gives one to a single run.",
    ),
    (SERVICE, "Open to all."),
];

pub(super) fn operations() -> Vec<Operation> {
    [
        runs::operations(),
        tasks::operations(),
        flows::operations(),
        keys::operations(),
        variables::operations(),
        service::operations(),
    ]
    .into_iter()
    .flatten()
    .collect()
}
