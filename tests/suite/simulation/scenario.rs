//! What a row of the matrix is played with: callers, faults, and what has to come of it.

use super::call::Service;
use super::fault::Rule;
use super::flows::Drawn;
use super::setting::Setting;

/// A scenario.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// The row of the matrix; 0 for mixes of everything.
    pub row: u8,
    /// What is played, in words.
    pub about: &'static str,
    /// Who calls.
    pub callers: Vec<Caller>,
    /// What goes wrong.
    pub rules: Vec<Rule>,
    /// Where it is played.
    pub setting: Setting,
    /// What has to come of it, besides what always has to.
    pub ends: Ends,
    /// For how long things go wrong at the most, in seconds.
    pub storm: u64,
    /// How many seeds are enough for every day.
    pub seeds: u64,
    /// Whether a task has to go on within 90 s after the fault.
    pub prompt: bool,
    /// Whether each effect is performed exactly once.
    pub once: bool,
    /// Whether every call is accepted in the end.
    pub accepted: bool,
    /// Whose tasks are claimed within so many seconds, whatever the others do.
    pub fair: Option<(&'static str, u64)>,
    /// How often a message for a task is to be sent at the most, and how many arrive.
    pub sends: Option<(usize, usize)>,
    /// Whether every worker gives back what it cannot finish: no lease ever runs out.
    pub graceful: bool,
}

/// How accepted tasks end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ends {
    /// All with a result.
    Well,
    /// All with an error, of this kind if one is named.
    Failed(&'static str),
    /// All but so many with a result, those with an error.
    But(usize),
    /// Well, and they are no longer there.
    Gone,
    /// In any way.
    Somehow,
}

/// Somebody who does one thing after the other; `copies` of him do the same at the same time.
#[derive(Debug, Clone)]
pub struct Caller {
    /// Whose key.
    pub tenant: &'static str,
    /// How many of him.
    pub copies: usize,
    /// What he does.
    pub acts: Vec<Act>,
}

/// Something that a caller does, or that is done to the installation.
#[derive(Debug, Clone, Copy)]
pub enum Act {
    /// Calls a flow.
    Post(Post),
    /// Waits for so many ms, a number drawn between these.
    Wait(u64, u64),
    /// Polls his last task until it has ended.
    Await,
    /// Polls his last task: what was accepted is never unknown.
    Poll,
    /// Says something else under the name of his last call, which is refused.
    Differ(Post),
    /// Cancels his last task.
    Cancel,
    /// Retries his last task once it has failed.
    Retry,
    /// Puts a text into the queue.
    Message(&'static str),
    /// Deploys: no environment that is there is used again.
    Deploy,
    /// Changes the flow, so that it has a new version.
    Redraw(Drawn, Drawn),
    /// Ends all environments of the worker.
    Stop,
}

/// A call of a flow.
#[derive(Debug, Clone, Copy)]
pub struct Post {
    /// Which.
    pub flow: Drawn,
    /// The caller's name for the call.
    pub key: Option<&'static str>,
    /// The conversation.
    pub session: Option<&'static str>,
    /// Whether the end is posted somewhere.
    pub callback: bool,
    /// Whether the caller waits for the result.
    pub sync: bool,
    /// How often it is sent until it is answered.
    pub tries: u32,
    /// Seconds that the task may take.
    pub timeout: Option<u64>,
    /// What is kept of its effects, if it says so itself.
    pub journal: Option<&'static str>,
}

/// A queued call, sent once.
pub const fn post(flow: Drawn) -> Post {
    Post {
        flow,
        key: None,
        session: None,
        callback: false,
        sync: false,
        tries: 1,
        timeout: None,
        journal: None,
    }
}

/// A caller who queues one call.
pub fn calls(flow: Drawn) -> Vec<Caller> {
    vec![does(vec![Act::Post(post(flow)), Act::Poll])]
}

/// One caller of the first tenant.
pub fn does(acts: Vec<Act>) -> Caller {
    Caller { tenant: super::installation::TENANTS[0], copies: 1, acts }
}

impl Scenario {
    /// A scenario in which all ends well.
    pub fn new(row: u8, about: &'static str, callers: Vec<Caller>, rules: Vec<Rule>) -> Self {
        Self {
            row,
            about,
            callers,
            rules,
            setting: Setting::USUAL,
            ends: Ends::Well,
            storm: 600,
            seeds: 24,
            prompt: false,
            once: false,
            accepted: true,
            fair: None,
            sends: None,
            graceful: false,
        }
    }

    /// Where it is played.
    pub fn setting(self, setting: Setting) -> Self {
        Self { setting, ..self }
    }

    /// How tasks end.
    pub fn ends(self, ends: Ends) -> Self {
        Self { ends, ..self }
    }

    /// For how long things go wrong at the most.
    pub fn storm(self, storm: u64) -> Self {
        Self { storm, ..self }
    }

    /// How many seeds are enough.
    pub fn seeds(self, seeds: u64) -> Self {
        Self { seeds, ..self }
    }

    /// Tasks go on within 90 s.
    pub fn prompt(self) -> Self {
        Self { prompt: true, ..self }
    }

    /// Each effect is performed exactly once.
    pub fn once(self) -> Self {
        Self { once: true, ..self }
    }

    /// No lease ever runs out.
    pub fn graceful(self) -> Self {
        Self { graceful: true, ..self }
    }

    /// Callers may be told to come back for good.
    pub fn refuses(self) -> Self {
        Self { accepted: false, ..self }
    }

    /// A tenant's tasks are claimed within so many seconds.
    pub fn fair(self, tenant: &'static str, seconds: u64) -> Self {
        Self { fair: Some((tenant, seconds)), ..self }
    }

    /// How often a message for a task is to be sent at the most, and how many arrive.
    pub fn sends(self, tried: usize, arrived: usize) -> Self {
        Self { sends: Some((tried, arrived)), ..self }
    }

    /// How many calls are made.
    pub fn posts(&self) -> usize {
        let posts = |caller: &Caller| caller.acts.iter().filter(|act| matches!(act, Act::Post(_))).count();
        self.callers.iter().map(|caller| caller.copies * posts(caller)).sum()
    }

    /// All flows that are called.
    pub fn flows(&self) -> Vec<Drawn> {
        let mut flows = Vec::new();
        for act in self.callers.iter().flat_map(|caller| &caller.acts) {
            let drawn = match act {
                Act::Post(post) => post.flow,
                Act::Redraw(flow, _) => *flow,
                _ => continue,
            };
            if !flows.contains(&drawn) {
                flows.push(drawn);
            }
        }
        flows
    }

    /// How often a model may be asked for one effect of one claim: the client's own tries.
    pub fn tries(&self) -> usize {
        let web = |rule: &&Rule| rule.calls.service.is_none_or(|service| service == Service::Web);
        if self.rules.iter().any(|rule| web(&rule)) { 3 } else { 1 }
    }
}
