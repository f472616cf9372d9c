//! Rows 14 to 18: batches, and messages that come to nothing.

use super::{CRASH, USUAL, copies, rule};
use crate::simulation::call::Service::{Lambda, Table, Web};
use crate::simulation::fault::Fault::{CrashBefore, Panic, RequestLost, ServerError};
use crate::simulation::fault::{Rule, When, of};
use crate::simulation::flows::Drawn::{Chain, Unknown};
use crate::simulation::process::Kind::{Aws, Sweeper, Worker};
use crate::simulation::scenario::{Act, Ends, Scenario, calls, does, post};
use crate::simulation::setting::Setting;

/// The scenarios.
pub fn scenarios() -> Vec<Scenario> {
    let ten = || vec![copies(10, vec![Act::Post(post(Chain(1))), Act::Poll])];
    let invoke = of(Aws).to(Lambda).that("Invoke", "tasks");
    vec![
        Scenario::new(
            14,
            "one of ten cannot be claimed",
            ten(),
            vec![rule(of(Worker).to(Table), When::OneTask(60), &[ServerError])],
        )
        .once()
        .seeds(12),
        Scenario::new(
            15,
            "one of ten panics",
            ten(),
            vec![rule(of(Worker).to(Web), When::First(1), &[Panic])],
        )
        .ends(Ends::But(1))
        .seeds(12),
        Scenario::new(
            16,
            "messages that are none of ours, among ours",
            vec![
                does(vec![Act::Message("not JSON"), Act::Message(r#"{"v":9,"tenant":"ann","task":"7"}"#)]),
                does(vec![Act::Message(
                    r#"{"v":1,"tenant":"ann","task":"01890a5d-ac96-774b-bcce-b302099a8057"}"#,
                )]),
                does(vec![Act::Post(post(Chain(1))), Act::Poll]),
            ],
            vec![],
        )
        .seeds(4)
        .once(),
        Scenario::new(17, "a flow with a component that nobody knows", calls(Unknown), vec![])
            .ends(Ends::Failed("flow"))
            .seeds(6),
        Scenario::new(
            18,
            "the function cannot be invoked until the message is dead",
            calls(Chain(1)),
            vec![rule(invoke, When::First(6), &[RequestLost])],
        )
        .setting(Setting { visibility: 60, ..USUAL })
        .storm(3_600)
        .once(),
        Scenario::new(
            18,
            "the function dies of every message until that is dead",
            calls(Chain(1)),
            vec![rule(of(Worker).that("UpdateItem", "META"), When::First(6), &[CrashBefore])],
        )
        .setting(Setting { visibility: 60, ..USUAL })
        .storm(3_600)
        .once(),
        Scenario::new(
            18,
            "every worker dies of one task",
            calls(Chain(1)),
            vec![rule(of(Worker).to(Web), When::First(100), CRASH)],
        )
        .storm(3_600)
        .ends(Ends::Failed("attempts_exhausted"))
        .seeds(8),
        Scenario::new(
            18,
            "and the sweeper dies of the dead letter, anywhere",
            calls(Chain(1)),
            vec![rule(invoke, When::First(6), &[RequestLost]), Rule::each(of(Sweeper), CRASH)],
        )
        .setting(Setting { visibility: 40, ..USUAL })
        .storm(3_600)
        .once(),
    ]
}
