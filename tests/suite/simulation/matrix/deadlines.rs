//! Rows 19 to 21: runs that take longer than a process lives.

use std::time::Duration;

use super::{CRASH, USUAL, copies, named, rule};
use crate::simulation::fault::{Rule, When, of};
use crate::simulation::flows::Drawn::Chain;
use crate::simulation::process::Kind::{Api, Worker};
use crate::simulation::scenario::{Act, Ends, Post, Scenario, calls, does, post};
use crate::simulation::setting::Setting;

/// The scenarios.
pub fn scenarios() -> Vec<Scenario> {
    let minute = Setting { worker_timeout: Duration::from_secs(60), ..USUAL };
    let long = Setting { worker_timeout: Duration::from_secs(120), thinking: (60_000, 60_000), ..USUAL };
    vec![
        Scenario::new(19, "an invocation is shorter than the run", calls(Chain(8)), vec![])
            .setting(Setting { thinking: (20_000, 20_000), ..minute.clone() })
            .seeds(8)
            .once()
            .graceful(),
        Scenario::new(19, "the same, with calls that take longer than any before", calls(Chain(8)), vec![])
            .setting(Setting { thinking: (10_000, 30_000), ..minute.clone() })
            .graceful(),
        Scenario::new(
            19,
            "an invocation is shorter than the run, and all of it may die",
            calls(Chain(4)),
            vec![Rule::each(of(Worker), CRASH)],
        )
        .setting(Setting { thinking: (15_000, 25_000), ..minute.clone() }),
        Scenario::new(
            20,
            "environments are killed without a word",
            vec![copies(3, vec![Act::Post(post(Chain(4))), Act::Poll])],
            vec![],
        )
        .setting(Setting { killed_within: Some((1, 60)), ..USUAL })
        .ends(Ends::Somehow),
        Scenario::new(20, "the worker dies anywhere", calls(Chain(2)), vec![Rule::each(of(Worker), CRASH)])
            .prompt(),
        Scenario::new(21, "forty calls of a minute, two minutes at a time", calls(Chain(40)), vec![])
            .setting(long.clone())
            .seeds(3)
            .once()
            .graceful(),
        Scenario::new(
            21,
            "longer than a caller can wait",
            vec![copies(2, vec![Act::Post(Post { sync: true, ..post(Chain(5)) }), Act::Poll])],
            vec![],
        )
        .setting(Setting { thinking: (9_000, 9_000), ..USUAL })
        .seeds(8)
        .once()
        .graceful(),
        Scenario::new(
            21,
            "longer than a caller can wait, and the api dies anywhere",
            vec![does(vec![Act::Post(Post { sync: true, tries: 40, ..named(Chain(5)) }), Act::Poll])],
            vec![Rule::each(of(Api), CRASH)],
        )
        .setting(Setting { thinking: (9_000, 9_000), ..USUAL }),
        Scenario::new(
            20,
            "the worker dies anywhere, and others now and then",
            vec![copies(2, vec![Act::Post(post(Chain(3))), Act::Poll])],
            vec![Rule::each(of(Worker), CRASH), rule(of(Worker), When::PerMille(60), CRASH)],
        )
        .ends(Ends::Somehow),
        Scenario::new(
            21,
            "less time than the run takes, and the worker dies anywhere",
            calls(Chain(10)),
            vec![Rule::each(of(Worker), CRASH)],
        )
        .setting(Setting {
            thinking: (20_000, 20_000),
            task_timeout: Some(Duration::from_secs(100)),
            ..USUAL
        })
        .ends(Ends::Failed("timeout")),
        Scenario::new(
            21,
            "a caller waits for a run with a journal, and the api dies anywhere",
            vec![does(vec![
                Act::Post(Post { sync: true, tries: 40, journal: Some("effects"), ..named(Chain(3)) }),
                Act::Poll,
            ])],
            vec![Rule::each(of(Api), CRASH)],
        ),
        Scenario::new(
            21,
            "a queued run without a journal, and the worker dies anywhere",
            vec![does(vec![Act::Post(Post { journal: Some("memory"), ..post(Chain(3)) }), Act::Poll])],
            vec![Rule::each(of(Worker), CRASH)],
        ),
        Scenario::new(21, "forty calls of a minute, in ten minutes", calls(Chain(40)), vec![])
            .setting(Setting { task_timeout: Some(Duration::from_secs(600)), ..long })
            .ends(Ends::Failed("timeout"))
            .seeds(3)
            .once(),
    ]
}
