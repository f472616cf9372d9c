//! The decision, over states, ages and counters.

use super::*;

const NOW: Timestamp = Timestamp::constant(1_750_000_000, 0);
const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;

const LIMITS: Limits = Limits {
    max_failures: 5,
    task_timeout: Duration::from_secs(HOUR as u64),
    unclaimed: Duration::from_secs(84 * HOUR as u64),
};

/// So many seconds from now on.
fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(NOW.as_second() + seconds).unwrap()
}

/// A task that was accepted 5 s ago.
fn queued() -> OpenRow {
    OpenRow {
        state: State::Queued,
        created: at(-5),
        started: None,
        lease: None,
        due: Some(at(-5)),
        expires: at(168 * HOUR),
        attempt: 0,
        yields: 0,
        resent: 0,
        timeout: LIMITS.task_timeout,
        callback: None,
        secrets: false,
    }
}

/// A task that was claimed 2 minutes ago, under a lease that ends so many seconds from now on.
fn running(lease: i64) -> OpenRow {
    let started = Some(at(-2 * MINUTE));
    OpenRow { state: State::Running, started, lease: Some(at(lease)), attempt: 1, ..queued() }
}

/// A task that was given back after its last claim.
fn returned(attempt: u64, yields: u64) -> OpenRow {
    OpenRow { started: Some(at(-MINUTE)), attempt, yields, ..queued() }
}

fn terminal(state: State, tries: Option<u32>) -> OpenRow {
    let callback = tries.map(|tries| CallbackState::Pending { tries });
    OpenRow { state, lease: None, callback, ..running(0) }
}

#[test]
fn each_row_has_one_verdict() {
    use Reason::*;
    use Verdict::*;
    let cases = [
        ("just accepted", queued(), Resend(Waiting)),
        ("accepted long ago", OpenRow { created: at(-80 * HOUR), ..queued() }, Resend(Waiting)),
        ("sent again before", OpenRow { resent: 3, ..queued() }, Resend(Waiting)),
        ("sent again just now", OpenRow { due: Some(at(1)), resent: 1, ..queued() }, Leave(NotDue)),
        ("due this very moment", OpenRow { due: Some(NOW), ..queued() }, Resend(Waiting)),
        (
            "never claimed for half the retention",
            OpenRow { created: at(-84 * HOUR), ..queued() },
            End(NotStarted),
        ),
        (
            "the same, not due",
            OpenRow { created: at(-84 * HOUR), due: Some(at(1)), ..queued() },
            End(NotStarted),
        ),
        ("retention over", OpenRow { expires: NOW, ..queued() }, Leave(Expired)),
        ("given back", returned(1, 1), Resend(GivenBack)),
        ("given back in time", returned(90, 86), Resend(GivenBack)),
        ("given back after the last failure", returned(90, 85), End(AttemptsExhausted)),
        ("given back, one failure left", returned(4, 0), Resend(GivenBack)),
        ("given back late", OpenRow { started: Some(at(-HOUR)), ..returned(2, 1) }, End(Timeout)),
        (
            "a second before its end",
            OpenRow { started: Some(at(1 - HOUR)), ..returned(2, 1) },
            Resend(GivenBack),
        ),
        (
            "with a timeout of its own",
            OpenRow { timeout: Duration::from_secs(60), ..returned(1, 1) },
            End(Timeout),
        ),
        ("worked on", running(1), Leave(Running)),
        ("worked on past its end", OpenRow { started: Some(at(-2 * HOUR)), ..running(1) }, Leave(Running)),
        ("worked on for the last time", OpenRow { attempt: 6, ..running(1) }, Leave(Running)),
        ("abandoned", running(0), Resend(LeaseExpired)),
        ("abandoned, sent again just now", OpenRow { due: Some(at(30)), ..running(-30) }, Leave(NotDue)),
        ("abandoned once too often", OpenRow { attempt: 5, ..running(-1) }, End(AttemptsExhausted)),
        (
            "abandoned, the others were yields",
            OpenRow { attempt: 5, yields: 4, ..running(-1) },
            Resend(LeaseExpired),
        ),
        ("abandoned past its end", OpenRow { started: Some(at(-HOUR)), ..running(-1) }, End(Timeout)),
        ("abandoned and expired", OpenRow { expires: at(-1), ..running(-1) }, Leave(Expired)),
        ("succeeded", terminal(State::Succeeded, None), Leave(Ended)),
        ("cancelled", terminal(State::Cancelled, None), Leave(Ended)),
        ("to be called back", terminal(State::Failed, Some(0)), Callback { tries: 0 }),
        ("to be called back again", terminal(State::Cancelled, Some(7)), Callback { tries: 7 }),
        (
            "called back a moment ago",
            OpenRow { due: Some(at(MINUTE)), ..terminal(State::Succeeded, Some(1)) },
            Leave(NotDue),
        ),
        (
            "called back",
            OpenRow { callback: Some(CallbackState::Delivered), ..terminal(State::Succeeded, None) },
            Leave(Ended),
        ),
        (
            "called back in vain",
            OpenRow { callback: Some(CallbackState::Failed), ..terminal(State::Succeeded, None) },
            Leave(Ended),
        ),
        (
            "to be called back, but expired",
            OpenRow { expires: NOW, ..terminal(State::Failed, Some(0)) },
            Leave(Expired),
        ),
    ];
    for (name, row, expected) in cases {
        assert_eq!(verdict(&row, NOW, &LIMITS), expected, "{name}");
    }
}

#[test]
fn a_lease_that_holds_is_never_touched_and_an_end_never_changed() {
    let ages = [at(-200 * HOUR), at(-HOUR), at(-1), NOW];
    for (created, attempt) in ages.into_iter().flat_map(|age| [(age, 0), (age, 1), (age, 99)]) {
        let old = OpenRow { created, started: Some(created), due: Some(created), attempt, ..queued() };
        let held = OpenRow { state: State::Running, lease: Some(at(1)), ..old.clone() };
        assert_eq!(verdict(&held, NOW, &LIMITS), Verdict::Leave(Reason::Running), "{held:?}");
        for state in State::ALL.into_iter().filter(|state| state.is_terminal()) {
            let ended = OpenRow { state, ..old.clone() };
            assert_eq!(verdict(&ended, NOW, &LIMITS), Verdict::Leave(Reason::Ended), "{ended:?}");
        }
    }
}

#[test]
fn re_sends_slow_down_to_one_an_hour() {
    let minutes = |resent| pause(resent).as_secs() / 60;
    assert_eq!([0, 1, 2, 3, 4, 5, 6, 7].map(minutes), [1, 2, 4, 8, 16, 32, 60, 60]);
    assert_eq!([31, 32, 1_000, u64::MAX].map(minutes), [60; 4]);
}
