//! Rows 1 to 7: a call becomes a task, and its message finds a worker.

use super::{CRASH, USUAL, copies, named, rule};
use crate::simulation::fault::Fault::{
    CrashAfter, CrashBefore, HangAfter, HangBefore, Late, ReplyLost, RequestLost, ServerError, Throttled,
    Twice,
};
use crate::simulation::fault::{Rule, When, of};
use crate::simulation::flows::Drawn::Chain;
use crate::simulation::process::Kind::{Api, Aws, Sweeper};
use crate::simulation::scenario::{Act, Post, Scenario, calls, does, post};
use crate::simulation::setting::Setting;

/// The scenarios.
pub fn scenarios() -> Vec<Scenario> {
    let named_call = || vec![does(vec![Act::Post(named(Chain(1))), Act::Poll])];
    let send = of(Api).that("SendMessage", "tasks");
    vec![
        Scenario::new(
            1,
            "the api dies anywhere; the caller asks again",
            named_call(),
            vec![Rule::each(of(Api), CRASH)],
        ),
        Scenario::new(
            1,
            "the same while the caller waits for the result",
            vec![does(vec![Act::Post(Post { sync: true, tries: 40, ..named(Chain(2)) }), Act::Poll])],
            vec![Rule::each(of(Api), CRASH)],
        ),
        Scenario::new(
            2,
            "the api dies before it sends",
            calls(Chain(1)),
            vec![rule(send, When::First(1), CRASH)],
        )
        .refuses()
        .prompt()
        .once(),
        Scenario::new(
            2,
            "and so does the sweeper, anywhere",
            calls(Chain(1)),
            vec![rule(send, When::First(1), &[CrashBefore]), Rule::each(of(Sweeper), CRASH)],
        )
        .refuses()
        .once(),
        Scenario::new(
            3,
            "no message can be sent at first",
            calls(Chain(1)),
            vec![rule(send, When::First(3), &[Throttled, ServerError, HangBefore, RequestLost])],
        )
        .once(),
        Scenario::new(
            4,
            "a message is sent, and its reply lost",
            calls(Chain(1)),
            vec![rule(send, When::First(2), &[ReplyLost, HangAfter, Late(3), Late(90)])],
        )
        .once(),
        Scenario::new(
            5,
            "the same call from four sides",
            vec![copies(
                4,
                vec![Act::Wait(0, 60), Act::Post(named(Chain(1))), Act::Poll, Act::Differ(named(Chain(1)))],
            )],
            vec![],
        )
        .once(),
        Scenario::new(
            5,
            "the same call from four sides, and writes that fail",
            vec![copies(4, vec![Act::Wait(0, 60), Act::Post(named(Chain(1))), Act::Poll])],
            vec![rule(
                of(Api),
                When::PerMille(150),
                &[ReplyLost, RequestLost, Throttled, CrashAfter, CrashBefore],
            )],
        ),
        Scenario::new(
            6,
            "a message is not deleted, and comes again after the end",
            calls(Chain(1)),
            vec![rule(of(Aws).that("DeleteMessage", "tasks"), When::First(1), &[RequestLost])],
        )
        .setting(Setting { visibility: 120, ..USUAL })
        .once(),
        Scenario::new(
            7,
            "a message comes twice, the second while the task runs",
            calls(Chain(3)),
            vec![rule(send, When::First(1), &[Twice])],
        )
        .once(),
        Scenario::new(
            7,
            "a message is delivered to two workers at once",
            vec![copies(3, vec![Act::Post(post(Chain(2))), Act::Poll])],
            vec![rule(of(Aws).that("Invoke", "tasks"), When::First(3), &[Twice])],
        )
        .once(),
    ]
}
