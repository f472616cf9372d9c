//! The matrix of faults, row by row, as scenarios.
//!
//! Three rows are not here, because what they are about is not: 25 (keys of a key service; there is none yet), 28
//! as far as it is about requests that are too large (`bad_input.rs` and the API's own tests), and 33 (a thousand
//! environments at once are a matter of latency, not of what is right).

mod batches;
mod clocks;
mod crashing;
mod deadlines;
mod mixes;
mod operation;
mod providers;
mod services;
mod submitting;

use super::fault::Fault::{CrashAfter, CrashBefore};
use super::fault::{Calls, Fault, Rule, When};
use super::flows::Drawn;
use super::scenario::{Act, Caller, Post, Scenario, does, post};
use super::setting::Setting;

const CRASH: &[Fault] = &[CrashBefore, CrashAfter];
const USUAL: Setting = Setting::USUAL;

/// All scenarios of a row.
pub fn row(number: u8) -> Vec<Scenario> {
    let all = match number {
        0 => mixes::scenarios(),
        1..=7 => submitting::scenarios(),
        8..=13 => crashing::scenarios(),
        14..=18 => batches::scenarios(),
        19..=21 => deadlines::scenarios(),
        22..=24 => services::scenarios(),
        26..=28 => providers::scenarios(),
        29..=32 => clocks::scenarios(),
        34..=39 => operation::scenarios(),
        _ => Vec::new(),
    };
    all.into_iter().filter(|scenario| scenario.row == number).collect()
}

const fn rule(calls: Calls, when: When, faults: &'static [Fault]) -> Rule {
    Rule { calls, when, faults }
}

/// A call with a name, sent until it is answered.
const fn named(flow: Drawn) -> Post {
    Post { key: Some("a-name"), tries: 6, ..post(flow) }
}

fn copies(copies: usize, acts: Vec<Act>) -> Caller {
    Caller { copies, ..does(acts) }
}
