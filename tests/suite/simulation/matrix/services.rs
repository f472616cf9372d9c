//! Rows 22 to 24: a table and a queue that fail.

use std::time::Duration;

use super::{USUAL, copies, named, rule};
use crate::simulation::call::Service::Table;
use crate::simulation::fault::Fault::{
    Conflict, CrashBefore, HangAfter, HangBefore, Late, ReplyLost, RequestLost, ServerError, Slow,
    StaleIndex, Throttled, Unprocessed,
};
use crate::simulation::fault::{ANY, Fault, Rule, When, of};
use crate::simulation::flows::Drawn::Chain;
use crate::simulation::process::Kind::{Api, Aws, Sweeper, Worker};
use crate::simulation::scenario::{Act, Ends, Post, Scenario, calls, does, post};
use crate::simulation::setting::Setting;

/// The scenarios.
pub fn scenarios() -> Vec<Scenario> {
    const LOST: &[Fault] = &[ReplyLost, HangAfter, Late(2), Late(45), RequestLost, HangBefore];
    let five = || {
        vec![copies(5, vec![Act::Wait(0, 5_000), Act::Post(Post { tries: 20, ..post(Chain(2)) }), Act::Poll])]
    };
    let table = |by| of(by).to(Table);
    vec![
        Scenario::new(
            22,
            "the table throttles",
            five(),
            [Api, Worker, Sweeper]
                .map(|by| rule(table(by), When::PerMille(300), &[Throttled, Slow(1)]))
                .to_vec(),
        )
        .ends(Ends::Somehow),
        Scenario::new(
            22,
            "the sweeper is refused, or told what was true before",
            calls(Chain(1)),
            vec![
                rule(of(Api).that("SendMessage", "tasks"), When::First(1), &[CrashBefore]),
                Rule::each(
                    table(Sweeper),
                    &[Throttled, ServerError, Conflict, StaleIndex, Unprocessed, Slow(20)],
                ),
            ],
        )
        .refuses()
        .once(),
        Scenario::new(
            22,
            "no table for the worker while a model thinks",
            vec![copies(2, vec![Act::Post(post(Chain(3))), Act::Poll])],
            vec![rule(table(Worker), When::Between(2, 70), &[ServerError, HangBefore, HangAfter])],
        )
        .setting(Setting { thinking: (10_000, 40_000), ..USUAL }),
        Scenario::new(
            23,
            "what the worker writes is applied, and its reply lost",
            calls(Chain(2)),
            vec![Rule::each(table(Worker), LOST)],
        ),
        Scenario::new(
            23,
            "what the api writes is applied, and its reply lost",
            vec![does(vec![Act::Post(named(Chain(1))), Act::Poll])],
            vec![Rule::each(table(Api), LOST)],
        ),
        Scenario::new(
            23,
            "what the sweeper writes is applied, and its reply lost",
            calls(Chain(1)),
            vec![
                rule(of(Api).that("SendMessage", "tasks"), When::First(1), &[CrashBefore]),
                Rule::each(of(Sweeper), LOST),
            ],
        )
        .refuses()
        .once(),
        Scenario::new(
            24,
            "no event source for as long as tasks wait",
            vec![copies(3, vec![Act::Wait(0, 5_000), Act::Post(post(Chain(1)))])],
            vec![rule(of(Aws).that("ReceiveMessage", "tasks"), When::Between(0, 5_400), &[RequestLost])],
        )
        .setting(Setting { retention: Some(Duration::from_secs(7_200)), ..USUAL })
        .ends(Ends::Failed("not_started"))
        .storm(5_400)
        .seeds(3)
        .once(),
        Scenario::new(
            24,
            "no table for three hours, no event source for five",
            vec![
                does(vec![Act::Post(post(Chain(2))), Act::Poll]),
                copies(
                    6,
                    vec![Act::Wait(5_000, 3 * 3_600_000), Act::Post(Post { tries: 3, ..post(Chain(1)) })],
                ),
                copies(3, vec![Act::Wait(4 * 3_600_000, 5 * 3_600_000), Act::Post(post(Chain(1)))]),
            ],
            vec![
                rule(ANY.to(Table), When::Between(3, 3 * 3_600), &[ServerError, HangBefore, RequestLost]),
                rule(of(Aws).that("ReceiveMessage", "tasks"), When::Between(0, 5 * 3_600), &[RequestLost]),
            ],
        )
        .refuses()
        .storm(6 * 3_600)
        .seeds(3),
    ]
}
