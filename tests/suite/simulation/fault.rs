//! What goes wrong, where, and how often: rules as data, drawn from the seed.

use std::time::Duration;

use tokio::time::Instant;

use super::call::{Call, Service};
use super::process::Kind;

/// What goes wrong with one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It never arrives; the caller sees the connection fail.
    RequestLost,
    /// It is applied; the caller sees the connection fail.
    ReplyLost,
    /// It never arrives, and nothing is heard.
    HangBefore,
    /// It is applied, and nothing is heard.
    HangAfter,
    /// Nothing is heard, and it is applied so many seconds later.
    Late(u64),
    /// It is refused for now.
    Throttled,
    /// The service fails before it applies anything.
    ServerError,
    /// A transaction on the same row is under way.
    Conflict,
    /// An index answers what it answered before, or nothing.
    StaleIndex,
    /// A batch comes back undone.
    Unprocessed,
    /// It arrives twice.
    Twice,
    /// It takes so many seconds longer.
    Slow(u64),
    /// The calling process dies; it never arrives.
    CrashBefore,
    /// The calling process dies; it is applied.
    CrashAfter,
    /// The calling process stands still for so many seconds, then it arrives.
    PauseBefore(u64),
    /// It is applied, then the calling process stands still for so many seconds.
    PauseAfter(u64),
    /// The provider answers this status.
    Status(u16),
    /// The provider answers this status and asks for so many seconds.
    RetryAfter(u16, u64),
    /// The provider's answer breaks off.
    Broken,
    /// The provider answers what is no JSON.
    NoJson,
    /// The provider answers what is no UTF-8.
    NoText,
    /// The provider answers 10 MB.
    TooMuch,
    /// The code that reads the answer panics.
    Panic,
}

impl Fault {
    /// Whether it can happen to this call at all.
    fn suits(self, call: &Call) -> bool {
        match self {
            Self::Conflict => call.service == Service::Table && call.operation.contains("Item"),
            Self::StaleIndex => call.operation == "Query" && call.kind() == "open#",
            Self::Unprocessed => call.operation.starts_with("Batch") && call.service == Service::Table,
            Self::Twice => matches!(call.operation.as_str(), "SendMessage" | "Invoke"),
            Self::Status(_) | Self::RetryAfter(..) | Self::Broken | Self::NoJson => {
                call.service == Service::Web
            }
            Self::NoText | Self::TooMuch | Self::Panic => call.service == Service::Web,
            Self::Throttled | Self::ServerError => call.service != Service::Web,
            _ => true,
        }
    }
}

/// Which calls a rule is about. An empty text means any.
#[derive(Debug, Clone, Copy)]
pub struct Calls {
    /// Who calls.
    pub by: Option<Kind>,
    /// Who is asked.
    pub service: Option<Service>,
    /// The operation.
    pub operation: &'static str,
    /// The kind of row, see [`Call::kind`].
    pub row: &'static str,
}

/// Every call of everybody.
pub const ANY: Calls = Calls { by: None, service: None, operation: "", row: "" };

/// Every call of one kind of process.
pub const fn of(by: Kind) -> Calls {
    Calls { by: Some(by), ..ANY }
}

impl Calls {
    /// Only those of one service.
    pub const fn to(self, service: Service) -> Self {
        Self { service: Some(service), ..self }
    }

    /// Only those of one operation on one kind of row.
    pub const fn that(self, operation: &'static str, row: &'static str) -> Self {
        Self { operation, row, ..self }
    }

    fn include(&self, by: Kind, call: &Call) -> bool {
        let is = |wanted: &str, text: &str| wanted.is_empty() || wanted == text;
        self.by.is_none_or(|kind| kind == by)
            && self.service.is_none_or(|service| service == call.service)
            && is(self.operation, &call.operation)
            && is(self.row, call.kind())
    }
}

/// Which of the calls that a rule is about go wrong.
#[derive(Debug, Clone, Copy)]
pub enum When {
    /// One of them: each in turn, and each fault in turn, as seeds go on.
    Each,
    /// The first so many.
    First(usize),
    /// One of them, counted from 0.
    Nth(usize),
    /// Those in a span of time, in seconds from the start.
    Between(u64, u64),
    /// So many of a thousand, while faults last.
    PerMille(u32),
    /// All of the first task that is met, for so many seconds from the start.
    OneTask(u64),
}

/// A rule.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    /// Which calls.
    pub calls: Calls,
    /// Which of them.
    pub when: When,
    /// What goes wrong; one is drawn where there are several.
    pub faults: &'static [Fault],
}

impl Rule {
    /// One of the calls, each in turn.
    pub const fn each(calls: Calls, faults: &'static [Fault]) -> Self {
        Self { calls, when: When::Each, faults }
    }
}

/// The rules of one run, and how often each was looked at.
pub struct Plan {
    rules: Vec<Rule>,
    met: Vec<usize>,
    /// The task that a rule of kind [`When::OneTask`] is about.
    victim: Option<String>,
    /// Which call of an [`When::Each`] rule goes wrong, and with which fault; none in a run that only counts.
    chosen: Option<(usize, usize)>,
    /// When something first went wrong.
    pub struck: Option<Instant>,
    /// How often something went wrong.
    pub strikes: usize,
    calm: bool,
    started: Instant,
}

impl Plan {
    /// A plan. `boundaries` is how many calls the first rule of kind [`When::Each`] met in a run without it.
    pub fn new(rules: &[Rule], seed: u64, boundaries: Option<usize>) -> Self {
        let faults = rules.iter().find(|rule| matches!(rule.when, When::Each)).map(|rule| rule.faults.len());
        let seed = usize::try_from(seed).unwrap_or(usize::MAX);
        let chosen = boundaries.filter(|count| *count > 0).zip(faults).map(|(count, faults)| {
            // A prime, so that a few seeds are spread over all calls.
            let turn = (seed * 7_919) % (count * faults);
            (turn / faults, turn % faults)
        });
        Self {
            rules: rules.to_vec(),
            met: vec![0; rules.len()],
            victim: None,
            chosen,
            struck: None,
            strikes: 0,
            calm: false,
            started: Instant::now(),
        }
    }

    /// Whether nothing goes wrong any longer.
    pub fn is_calm(&self) -> bool {
        self.calm
    }

    /// From now on nothing goes wrong.
    pub fn calm(&mut self) {
        self.calm = true;
    }

    /// How many ways there are in which the rule of kind [`When::Each`] can strike, given how many calls it meets.
    pub fn turns(rules: &[Rule], boundaries: usize) -> usize {
        let each = rules.iter().find(|rule| matches!(rule.when, When::Each));
        each.map_or(0, |rule| rule.faults.len() * boundaries)
    }

    /// How many calls the rule of kind [`When::Each`] met.
    pub fn boundaries(&self) -> usize {
        let each = self.rules.iter().position(|rule| matches!(rule.when, When::Each));
        each.map_or(0, |index| self.met[index])
    }

    /// What goes wrong with this call.
    pub fn draw(&mut self, by: Kind, call: &Call, dice: &mut fastrand::Rng) -> Option<Fault> {
        let elapsed = self.started.elapsed();
        for (index, rule) in self.rules.iter().enumerate() {
            if self.calm || !rule.calls.include(by, call) {
                continue;
            }
            let met = self.met[index];
            self.met[index] += 1;
            let fault = match rule.when {
                When::Each => {
                    self.chosen.filter(|(boundary, _)| *boundary == met).map(|(_, fault)| rule.faults[fault])
                }
                When::First(count) => (met < count).then(|| pick(rule.faults, dice)),
                When::Nth(nth) => (met == nth).then(|| pick(rule.faults, dice)),
                When::Between(from, until) => {
                    let span = Duration::from_secs(from)..Duration::from_secs(until);
                    span.contains(&elapsed).then(|| pick(rule.faults, dice))
                }
                When::OneTask(seconds) => {
                    let task = call.task().unwrap_or_default();
                    let victim = self.victim.get_or_insert_with(|| task.to_owned());
                    let hit = victim == task && elapsed < Duration::from_secs(seconds);
                    hit.then(|| pick(rule.faults, dice))
                }
                When::PerMille(share) => (dice.u32(..1000) < share).then(|| pick(rule.faults, dice)),
            };
            if let Some(fault) = fault.filter(|fault| fault.suits(call)) {
                self.struck.get_or_insert_with(Instant::now);
                self.strikes += 1;
                return Some(fault);
            }
        }
        None
    }
}

fn pick(faults: &[Fault], dice: &mut fastrand::Rng) -> Fault {
    faults[dice.usize(..faults.len())]
}
