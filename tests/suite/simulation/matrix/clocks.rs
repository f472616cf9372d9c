//! Rows 29 to 32: time, and what callers do meanwhile.

use std::time::Duration;

use super::{USUAL, copies, rule};
use crate::simulation::fault::Fault::{CrashAfter, CrashBefore, ReplyLost};
use crate::simulation::fault::{ANY, When, of};
use crate::simulation::flows::Drawn::Chain;
use crate::simulation::process::Kind::Worker;
use crate::simulation::scenario::{Act, Ends, Post, Scenario, does, post};
use crate::simulation::setting::Setting;

/// The scenarios.
pub fn scenarios() -> Vec<Scenario> {
    let cancel =
        |first, last| vec![Act::Post(post(Chain(3))), Act::Wait(first, last), Act::Cancel, Act::Poll];
    vec![
        Scenario::new(
            29,
            "clocks differ by five minutes, and processes die",
            vec![copies(
                3,
                vec![Act::Wait(0, 30_000), Act::Post(Post { tries: 5, ..post(Chain(2)) }), Act::Poll],
            )],
            vec![rule(ANY, When::PerMille(8), &[CrashBefore, CrashAfter, ReplyLost])],
        )
        .setting(Setting { skew: 150, ..USUAL })
        .ends(Ends::Somehow),
        Scenario::new(
            29,
            "clocks go forth and back by five minutes",
            vec![copies(
                3,
                vec![Act::Wait(0, 30_000), Act::Post(Post { tries: 5, ..post(Chain(3)) }), Act::Poll],
            )],
            vec![rule(of(Worker), When::PerMille(15), &[CrashBefore, CrashAfter])],
        )
        .setting(Setting { skew: 150, unsteady: true, thinking: (5_000, 20_000), ..USUAL })
        .ends(Ends::Somehow),
        Scenario::new(
            30,
            "rows that are deleted late",
            vec![does(vec![Act::Post(post(Chain(1))), Act::Await, Act::Wait(7_300_000, 7_300_000)])],
            vec![],
        )
        .setting(Setting { retention: Some(Duration::from_secs(7_200)), ..USUAL })
        .ends(Ends::Gone)
        .seeds(3),
        Scenario::new(31, "cancelled at any time", vec![copies(6, cancel(0, 15_000))], vec![])
            .ends(Ends::Somehow)
            .once(),
        Scenario::new(
            31,
            "cancelled after its end",
            vec![does(vec![Act::Post(post(Chain(1))), Act::Await, Act::Cancel])],
            vec![],
        )
        .seeds(3),
        Scenario::new(
            31,
            "cancelled while the api and the worker die now and then",
            vec![copies(4, cancel(0, 15_000))],
            vec![rule(ANY, When::PerMille(25), &[CrashBefore, CrashAfter, ReplyLost])],
        )
        .ends(Ends::Somehow)
        .refuses(),
        Scenario::new(
            32,
            "polled right after it was accepted",
            vec![copies(
                8,
                vec![Act::Wait(0, 500), Act::Post(post(Chain(1))), Act::Poll, Act::Poll, Act::Await],
            )],
            vec![],
        )
        .seeds(8)
        .once(),
    ]
}
