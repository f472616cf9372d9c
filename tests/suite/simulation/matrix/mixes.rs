//! Everything at once.

use std::time::Duration;

use super::{USUAL, copies, named, rule};
use crate::simulation::fault::Fault::{
    Broken, Conflict, CrashAfter, CrashBefore, HangAfter, HangBefore, Late, PauseBefore, ReplyLost,
    RequestLost, RetryAfter, ServerError, Slow, StaleIndex, Status, Throttled, Twice, Unprocessed,
};
use crate::simulation::fault::{ANY, Fault, When};
use crate::simulation::flows::Drawn::{Chain, List, Memory};
use crate::simulation::scenario::{Act, Ends, Post, Scenario, does, post};
use crate::simulation::setting::Setting;

/// The scenarios.
pub fn scenarios() -> Vec<Scenario> {
    const EVERYTHING: &[Fault] = &[
        RequestLost,
        ReplyLost,
        HangBefore,
        HangAfter,
        Late(2),
        Late(40),
        Throttled,
        ServerError,
        Conflict,
        StaleIndex,
        Unprocessed,
        Twice,
        Slow(2),
        Slow(20),
        CrashBefore,
        CrashAfter,
        PauseBefore(5),
        RetryAfter(429, 5),
        Status(500),
        Broken,
    ];
    let mixed = |flow| vec![Act::Wait(0, 60_000), Act::Post(Post { tries: 8, ..post(flow) }), Act::Poll];
    let callers = || {
        vec![
            copies(2, mixed(Chain(3))),
            does(mixed(List(3))),
            does(vec![
                Act::Post(Post { session: Some("one"), tries: 8, ..post(Memory) }),
                Act::Post(Post { session: Some("one"), tries: 8, ..post(Memory) }),
            ]),
            copies(2, vec![Act::Wait(0, 30_000), Act::Post(named(Chain(2))), Act::Poll]),
            does(vec![Act::Post(Post { callback: true, tries: 8, ..post(Chain(1)) })]),
            does(vec![Act::Post(Post { tries: 8, ..post(Chain(3)) }), Act::Wait(0, 20_000), Act::Cancel]),
        ]
    };
    let mix = |about, share| {
        Scenario::new(0, about, callers(), vec![rule(ANY, When::PerMille(share), EVERYTHING)])
            .ends(Ends::Somehow)
            .refuses()
            .setting(Setting { visibility: 600, ..USUAL })
    };
    vec![
        mix("everything, now and then", 15).seeds(30),
        mix("everything, often", 80).seeds(30),
        mix("everything, and short invocations", 30)
            .setting(Setting {
                worker_timeout: Duration::from_secs(60),
                visibility: 400,
                thinking: (5_000, 20_000),
                ..USUAL
            })
            .seeds(20),
        mix("everything, and a crowd at the door", 30)
            .setting(Setting { tenant_concurrency: 2, visibility: 600, ..USUAL })
            .seeds(20),
    ]
}
