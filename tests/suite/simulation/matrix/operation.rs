//! Rows 34 to 39: many tenants, new versions, callbacks, conversations, outages.

use super::{CRASH, USUAL, copies, rule};
use crate::simulation::call::Service::{Queue, Web};
use crate::simulation::fault::Fault::{
    Broken, CrashAfter, HangBefore, ReplyLost, RequestLost, ServerError, Slow, Status,
};
use crate::simulation::fault::{ANY, Fault, Rule, When, of};
use crate::simulation::flows::Drawn::{Chain, Memory, Operated};
use crate::simulation::installation::TENANTS;
use crate::simulation::process::Kind::{Api, Sweeper, Worker};
use crate::simulation::scenario::{Act, Caller, Ends, Post, Scenario, does, post};
use crate::simulation::setting::Setting;

/// The scenarios.
pub fn scenarios() -> Vec<Scenario> {
    const REFUSED: &[Fault] =
        &[Status(500), Status(404), HangBefore, ReplyLost, RequestLost, Broken, Slow(8)];
    let bob = |acts| Caller { tenant: TENANTS[1], copies: 1, acts };
    let callback = |flow| vec![does(vec![Act::Post(Post { callback: true, ..post(flow) }), Act::Poll])];
    vec![
        Scenario::new(
            34,
            "one tenant queues a lot",
            vec![
                copies(80, vec![Act::Wait(0, 2_000), Act::Post(post(Chain(1)))]),
                bob(vec![Act::Wait(10_000, 10_000), Act::Post(post(Chain(1)))]),
            ],
            vec![],
        )
        .setting(Setting { concurrency: 1, thinking: (20_000, 30_000), ..USUAL })
        .fair("bob", 65)
        .seeds(3)
        .once(),
        Scenario::new(
            34,
            "no more than three at once",
            vec![copies(12, vec![Act::Wait(0, 2_000), Act::Post(post(Chain(1)))])],
            vec![],
        )
        .setting(Setting { tenant_concurrency: 3, ..USUAL })
        .seeds(4)
        .once(),
        Scenario::new(
            34,
            "no more than two at once, and the worker dies anywhere",
            vec![copies(5, vec![Act::Wait(0, 2_000), Act::Post(post(Chain(1)))])],
            vec![Rule::each(of(Worker), CRASH)],
        )
        .setting(Setting { tenant_concurrency: 2, ..USUAL }),
        Scenario::new(
            35,
            "the flow is drawn anew while it runs",
            vec![does(vec![
                Act::Post(post(Chain(3))),
                Act::Wait(0, 6_000),
                Act::Redraw(Chain(3), Chain(1)),
                Act::Deploy,
            ])],
            vec![Rule::each(of(Worker), CRASH)],
        ),
        Scenario::new(
            35,
            "a new version asks for something else",
            vec![does(vec![Act::Post(post(Operated(2))), Act::Wait(100, 100), Act::Deploy])],
            vec![rule(of(Worker).that("PutItem", "J#"), When::Nth(1), &[CrashAfter])],
        )
        .ends(Ends::Failed("version"))
        .seeds(6),
        Scenario::new(
            36,
            "environments are told to end",
            vec![
                copies(4, vec![Act::Post(post(Chain(3))), Act::Poll]),
                does(vec![Act::Wait(500, 6_000), Act::Stop, Act::Wait(500, 6_000), Act::Stop]),
            ],
            vec![],
        )
        .graceful(),
        Scenario::new(
            37,
            "the target of a callback fails",
            callback(Chain(1)),
            vec![rule(ANY.to(Web).that("POST", "callback"), When::First(4), REFUSED)],
        )
        .storm(7_200)
        .once(),
        Scenario::new(
            37,
            "the worker dies anywhere around a callback",
            callback(Chain(1)),
            vec![Rule::each(of(Worker), CRASH)],
        ),
        Scenario::new(
            37,
            "the target of a callback fails, and the sweeper dies anywhere",
            callback(Chain(1)),
            vec![
                rule(ANY.to(Web).that("POST", "callback"), When::First(2), &[Status(500)]),
                Rule::each(of(Sweeper), CRASH),
            ],
        )
        .storm(7_200)
        .once(),
        Scenario::new(
            38,
            "the worker dies anywhere around a conversation",
            vec![does(vec![
                Act::Post(Post { session: Some("one"), ..post(Memory) }),
                Act::Await,
                Act::Post(Post { session: Some("one"), ..post(Memory) }),
                Act::Await,
            ])],
            vec![Rule::each(of(Worker), CRASH)],
        ),
        Scenario::new(
            39,
            "an outage of the queue leaves many open rows",
            vec![copies(30, vec![Act::Wait(0, 60_000), Act::Post(post(Chain(1)))])],
            vec![
                rule(of(Api).to(Queue), When::Between(0, 1_800), &[ServerError]),
                rule(of(Sweeper).to(Queue), When::Between(0, 1_800), &[ServerError]),
            ],
        )
        .storm(3_600)
        .sends(30, 3)
        .seeds(3)
        .once(),
    ]
}
