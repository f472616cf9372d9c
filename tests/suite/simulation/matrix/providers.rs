//! Rows 26 to 28: providers that fail, and answers that are too large.

use super::{CRASH, USUAL, copies, named, rule};
use crate::simulation::call::Service::{Bucket, Table, Web};
use crate::simulation::fault::Fault::{
    Broken, CrashAfter, CrashBefore, HangAfter, HangBefore, Late, NoJson, NoText, PauseAfter, PauseBefore,
    ReplyLost, RequestLost, RetryAfter, ServerError, Slow, Status, Throttled, TooMuch,
};
use crate::simulation::fault::{Fault, Rule, When, of};
use crate::simulation::flows::Drawn::Chain;
use crate::simulation::process::Kind::{Api, Worker};
use crate::simulation::scenario::{Act, Ends, Scenario, calls, does, post};
use crate::simulation::setting::Setting;

/// The scenarios.
pub fn scenarios() -> Vec<Scenario> {
    const OBJECTS: &[Fault] = &[
        CrashBefore,
        CrashAfter,
        RequestLost,
        ReplyLost,
        HangBefore,
        HangAfter,
        Late(20),
        Throttled,
        ServerError,
        PauseBefore(120),
        PauseAfter(120),
        Slow(2),
    ];
    const PASSING: &[Fault] = &[
        RetryAfter(429, 3),
        RetryAfter(503, 40),
        Status(500),
        Status(529),
        HangBefore,
        HangAfter,
        Broken,
        ReplyLost,
        RequestLost,
        Slow(30),
    ];
    let web = of(Worker).to(Web);
    let first = |fault| vec![rule(web, When::First(1), fault)];
    vec![
        Scenario::new(
            26,
            "the provider fails for passing reasons",
            vec![copies(3, vec![Act::Post(post(Chain(3))), Act::Poll])],
            vec![rule(web, When::PerMille(250), PASSING)],
        ),
        Scenario::new(26, "the provider refuses the key", calls(Chain(3)), first(&[Status(401)]))
            .ends(Ends::Failed("upstream"))
            .seeds(4),
        Scenario::new(
            26,
            "the provider fails for good",
            calls(Chain(2)),
            vec![rule(web, When::First(1_000), &[Status(500), Status(503), RequestLost])],
        )
        .storm(7_200)
        .ends(Ends::Failed("upstream"))
        .seeds(6),
        Scenario::new(
            26,
            "the provider wants to be left alone for ten minutes",
            calls(Chain(2)),
            vec![rule(web, When::Nth(1), &[RetryAfter(429, 600)])],
        )
        .seeds(6)
        .once()
        .graceful(),
        Scenario::new(
            26,
            "the provider refuses the second call, and the task is retried",
            vec![does(vec![Act::Post(post(Chain(3))), Act::Await, Act::Retry, Act::Await])],
            vec![rule(web, When::Nth(1), &[Status(401)])],
        )
        .ends(Ends::But(1))
        .seeds(4)
        .once(),
        Scenario::new(
            26,
            "the same, and the api dies anywhere",
            vec![does(vec![Act::Post(named(Chain(3))), Act::Await, Act::Retry, Act::Await])],
            vec![rule(web, When::Nth(1), &[Status(401)]), Rule::each(of(Api).to(Table), CRASH)],
        )
        .ends(Ends::But(1))
        .once(),
        Scenario::new(
            27,
            "the provider answers too much, or what is no answer",
            calls(Chain(1)),
            first(&[TooMuch, NoJson, NoText]),
        )
        .ends(Ends::Failed(""))
        .seeds(9),
        Scenario::new(
            28,
            "answers and results that do not fit an item, and a worker that dies anywhere",
            calls(Chain(2)),
            vec![Rule::each(of(Worker).to(Table), CRASH)],
        )
        .setting(Setting { wordy: 500_000, ..USUAL }),
        Scenario::new(
            28,
            "the same, and a bucket that fails at any call",
            calls(Chain(2)),
            vec![Rule::each(of(Worker).to(Bucket), OBJECTS)],
        )
        .setting(Setting { wordy: 500_000, ..USUAL }),
    ]
}
