//! Rows 8 to 13: workers that die or stand still.

use super::{CRASH, USUAL, rule};
use crate::simulation::call::Service::Table;
use crate::simulation::fault::Fault::{CrashAfter, CrashBefore, PauseAfter, PauseBefore};
use crate::simulation::fault::{Rule, When, of};
use crate::simulation::flows::Drawn::{Chain, List};
use crate::simulation::process::Kind::{Sweeper, Worker};
use crate::simulation::scenario::{Scenario, calls};
use crate::simulation::setting::Setting;

/// The scenarios.
pub fn scenarios() -> Vec<Scenario> {
    let (table, records) = (of(Worker).to(Table), of(Worker).that("PutItem", "J#"));
    let states = of(Worker).that("UpdateItem", "META");
    let wordy = Setting { wordy: 3_000, ..USUAL };
    vec![
        Scenario::new(
            8,
            "the worker dies after its claim",
            calls(Chain(1)),
            vec![rule(states, When::First(1), CRASH)],
        )
        .prompt()
        .once(),
        Scenario::new(
            9,
            "the worker dies between an effect and its record",
            calls(Chain(3)),
            vec![Rule::each(records, &[CrashBefore])],
        )
        .prompt(),
        Scenario::new(
            10,
            "the worker dies between two records",
            calls(Chain(3)),
            vec![Rule::each(records, &[CrashAfter])],
        )
        .prompt()
        .once(),
        Scenario::new(
            10,
            "the worker dies among parallel records",
            calls(List(6)),
            vec![Rule::each(records, CRASH)],
        )
        .prompt(),
        Scenario::new(
            10,
            "the worker dies between two records, and the next one anywhere",
            calls(Chain(3)),
            vec![rule(records, When::Nth(2), &[CrashAfter]), Rule::each(of(Worker), CRASH)],
        ),
        Scenario::new(
            11,
            "the worker dies between the result and the state",
            calls(Chain(1)),
            vec![Rule::each(of(Worker).that("PutItem", "RESULT"), &[CrashAfter])],
        )
        .setting(wordy.clone())
        .prompt()
        .once(),
        Scenario::new(
            12,
            "the worker dies around any change of state",
            calls(Chain(1)),
            vec![Rule::each(states, CRASH)],
        )
        .prompt()
        .once(),
        Scenario::new(
            13,
            "the worker stands still anywhere, for longer than its lease",
            calls(Chain(3)),
            vec![Rule::each(table, &[PauseBefore(120), PauseAfter(120)])],
        ),
        Scenario::new(
            13,
            "the worker stands still anywhere with parallel effects",
            calls(List(4)),
            vec![Rule::each(table, &[PauseBefore(200), PauseAfter(200)])],
        ),
        Scenario::new(
            13,
            "the sweeper stands still anywhere, while the next one works",
            calls(Chain(1)),
            vec![
                rule(of(Worker).that("UpdateItem", "META"), When::First(1), &[CrashAfter]),
                Rule::each(of(Sweeper), &[PauseBefore(100), PauseAfter(100)]),
            ],
        )
        .once(),
    ]
}
