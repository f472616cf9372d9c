//! What becomes of an open task that nobody works on: the decision, which is pure.
//!
//! Carrying it out is [`apply`]'s.

mod apply;

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;

use crate::StoreConfig;
use crate::callbacks::CallbackState;
use crate::error::StoreError;
use crate::item::Row;
use crate::schema::{EXPIRES, OPEN, attr};
use crate::state::State;
use crate::tasks::{state_of, timeout_of};

pub use apply::{Due, Recovered};

/// How long after the first re-send the next one is due; twice as long after each later one.
const FIRST_PAUSE: Duration = Duration::from_secs(60);

/// The longest time between two re-sends of a task's message.
const LONGEST_PAUSE: Duration = Duration::from_secs(60 * 60);

/// Why a task was left alone, its message sent again, or the task ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// Left: there is no such task any longer.
    Gone,
    /// Left: its retention is over.
    Expired,
    /// Left: it has ended, and nobody is to be called back.
    Ended,
    /// Left: somebody holds a lease on it.
    Running,
    /// Left: its message was sent or put off a short time ago.
    NotDue,
    /// Left: it went on while it was looked at.
    Changed,
    /// Sent again: it waits, and nobody has claimed it yet.
    Waiting,
    /// Sent again: it waits after it was given back.
    GivenBack,
    /// Sent again: its worker's lease has run out.
    LeaseExpired,
    /// Ended: the time from its first claim on is over.
    Timeout,
    /// Ended: too many of its claims crashed or failed for a passing reason.
    AttemptsExhausted,
    /// Ended: half of its retention is over, and nobody has ever claimed it.
    NotStarted,
}

impl Reason {
    /// The reason in snake case; also the kind of the error of a task that was ended for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Gone => "gone",
            Self::Expired => "expired",
            Self::Ended => "ended",
            Self::Running => "running",
            Self::NotDue => "not_due",
            Self::Changed => "changed",
            Self::Waiting => "waiting",
            Self::GivenBack => "given_back",
            Self::LeaseExpired => "lease_expired",
            Self::Timeout => "timeout",
            Self::AttemptsExhausted => "attempts_exhausted",
            Self::NotStarted => "not_started",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What bounds a task's life.
#[derive(Debug, Clone, Copy)]
struct Limits {
    max_failures: u64,
    task_timeout: Duration,
    /// How long a task may wait for its first claim.
    unclaimed: Duration,
}

impl Limits {
    fn of(config: &StoreConfig) -> Self {
        Self {
            max_failures: config.max_failures,
            task_timeout: config.task_timeout,
            unclaimed: config.retention / 2,
        }
    }
}

/// The row of a task, as far as recovery looks at it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct OpenRow {
    state: State,
    created: Timestamp,
    started: Option<Timestamp>,
    lease: Option<Timestamp>,
    due: Option<Timestamp>,
    expires: Timestamp,
    attempt: u64,
    yields: u64,
    resent: u64,
    timeout: Duration,
    callback: Option<CallbackState>,
    /// Whether something of its input is erased with its end.
    secrets: bool,
}

impl OpenRow {
    fn read(row: Row<'_>, limits: &Limits) -> Result<Self, StoreError> {
        let due = row.opt_text(OPEN.sk).map(str::parse).transpose().map_err(|_| row.corrupt())?;
        let expires = row.opt_number(EXPIRES).and_then(|seconds| Timestamp::from_second(seconds).ok());
        Ok(Self {
            state: state_of(row)?,
            created: row.time(attr::CREATED)?,
            started: row.opt_time(attr::STARTED),
            lease: row.opt_time(attr::LEASE),
            due,
            expires: expires.ok_or_else(|| row.corrupt())?,
            attempt: row.count(attr::ATTEMPT)?,
            yields: row.tally(attr::YIELDS),
            resent: row.tally(attr::RESENT),
            timeout: timeout_of(row, limits.task_timeout),
            callback: CallbackState::of(row)?,
            secrets: row.has(attr::SECRETS),
        })
    }
}

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Leave(Reason),
    Resend(Reason),
    End(Reason),
    Callback { tries: u32 },
}

/// Decides on the row of a task that stands in the index of open tasks, or whose message came to nothing.
///
/// ```text
///   submit     send    claim          crash    lease ends                            finish
/// ────┼──────────┼───────┼──────────────┼───────────┼─────────────────────────────────┼──────► time
///     │       queued     │         running          │        running, abandoned       │ terminal
///     │  re-sent (a)     │         left (b)         │   re-sent (c) or ended (d)      │ left (e)
///     │  or ended (d)    │                          │                                 │ or due (f)
///
///   re-sent       1 min    re-sent      2 min      re-sent        4 min … 60 min
/// ─────┼────────────────────┼────────────────────────┼───────────────────────────────────────► time
///      │      left (g)      │        left (g)        │            left (g)
/// ```
///
/// Of the rows that are left for good: **gone**, there is none; **expired**, its retention is over.
///
/// - (a) queued: **waiting** when it was never claimed, **given back** when it was. The crash may have come
///   between the row and its message; a message too many is refused by the claim.
/// - (b) running, and the lease holds: **running**, whatever else there is: its worker ends it.
/// - (c) running, but the lease has run out: **lease expired**.
/// - (d) queued or abandoned: **timeout**, when the time from the first claim on is over; **attempts
///   exhausted**, when as many claims as there may be crashed or failed for a passing reason; **not
///   started**, when it has never been claimed for half of its retention.
/// - (e) terminal: **ended**. An index may be read late.
/// - (f) terminal, and somebody is to be called back: due now, or **not due** before the next try.
/// - (g) what is not due is left, so that an outage's worth of open tasks is sent again in slowing steps,
///   and once by several that look at the same time.
fn verdict(row: &OpenRow, now: Timestamp, limits: &Limits) -> Verdict {
    let is_due = row.due.is_none_or(|due| due <= now);
    if row.expires <= now {
        return Verdict::Leave(Reason::Expired);
    }
    if row.state.is_terminal() {
        return match row.callback {
            Some(CallbackState::Pending { tries }) if is_due => Verdict::Callback { tries },
            Some(CallbackState::Pending { .. }) => Verdict::Leave(Reason::NotDue),
            _ => Verdict::Leave(Reason::Ended),
        };
    }
    if row.lease.is_some_and(|until| until > now) {
        return Verdict::Leave(Reason::Running);
    }
    if let Some(reason) = given_up(row, now, limits) {
        return Verdict::End(reason);
    }
    if !is_due {
        return Verdict::Leave(Reason::NotDue);
    }
    Verdict::Resend(match (row.state, row.attempt) {
        (State::Running, _) => Reason::LeaseExpired,
        (_, 0) => Reason::Waiting,
        _ => Reason::GivenBack,
    })
}

/// Why a task that nobody works on is not to be tried again.
fn given_up(row: &OpenRow, now: Timestamp, limits: &Limits) -> Option<Reason> {
    let over = |from: Timestamp, time: Duration| crate::after(from, time) <= now;
    if row.started.is_some_and(|started| over(started, row.timeout)) {
        Some(Reason::Timeout)
    } else if row.attempt.saturating_sub(row.yields) >= limits.max_failures {
        Some(Reason::AttemptsExhausted)
    } else if row.started.is_none() && over(row.created, limits.unclaimed) {
        Some(Reason::NotStarted)
    } else {
        None
    }
}

/// How long after a re-send the next one is due: 1, 2, 4, 8… 60 minutes.
fn pause(resent: u64) -> Duration {
    let doubled = u32::try_from(resent).ok().and_then(|resent| 1_u32.checked_shl(resent));
    doubled.map_or(LONGEST_PAUSE, |times| FIRST_PAUSE.saturating_mul(times)).min(LONGEST_PAUSE)
}

#[cfg(test)]
mod tests;
