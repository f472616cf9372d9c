//! Who watches over a run: what may still begin, when it has to stop, how far it is.

mod limits;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use millrace_engine::{Admission, Effect, EffectKey, RunError, Supervisor, Usage};
use millrace_store::{Lease, Refusal, Renewal, Store};
use serde_json::{Value as Json, json};
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::RunLimits;
use crate::trace::{OpenSpan, Traced};
use crate::usage::{Meter, TaskUsage};
pub(crate) use limits::{Budgets, Exceeded};

/// An effect that nothing is known of begins only if so much time is left.
const SHORTEST: Duration = Duration::from_secs(1);

/// Pause before a row that gave no answer is asked again.
const ASK_AGAIN: Duration = Duration::from_millis(500);

/// Vertices that a report on progress names, of those done and of those running.
const NAMED: usize = 100;

/// Why a run was stopped before its end.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Stop {
    /// The invocation ends before another effect could.
    Deadline,
    /// The caller of a synchronous run cannot wait any longer.
    HandOver,
    /// The task is somebody else's, cancelled or ended.
    Lost(Refusal),
    /// The run would use more than one run may.
    Limit(Exceeded),
}

/// Models that a run's usage names; what others used is told as `other`.
const MODELS: usize = 20;

/// Watches over one run.
pub(crate) struct Watch {
    /// When the run has to be over here.
    stop_at: Option<Instant>,
    /// When the task has to be over wherever it runs.
    ends_at: Option<Instant>,
    /// The lease that the run is under, if it is.
    held: Option<Held>,
    limits: RunLimits,
    meter: Arc<Meter>,
    traced: Option<Traced>,
    state: Mutex<Observed>,
    changed: Notify,
}

/// A lease, and when it ends as far as is known here.
struct Held {
    store: Store,
    lease: Lease,
    until: Mutex<jiff::Timestamp>,
}

#[derive(Default)]
struct Observed {
    closed: Option<Stop>,
    /// The run has failed and only waits for what is in flight.
    failed: bool,
    in_flight: usize,
    longest: Duration,
    admitted: u64,
    /// Effects of all attempts: those begun here, and those answered from the journal.
    effects: u64,
    /// How many of these are in the journal and not replayed yet.
    ahead: u64,
    recorded: u64,
    /// Whether the message's visibility was cut to what a lease needs.
    beaten: bool,
    running: Vec<String>,
    done: Vec<String>,
    tokens: Usage,
    models: BTreeMap<String, Usage>,
    budgets: Budgets,
}

impl Observed {
    /// Where only time is short, what takes none may still begin: it may be all that is left to do.
    fn admits(&self, kind: &str) -> bool {
        let open = match &self.closed {
            None => true,
            Some(Stop::Deadline | Stop::HandOver) => is_quick(kind),
            Some(Stop::Lost(_) | Stop::Limit(_)) => false,
        };
        open && !self.failed
    }

    /// The limit that keeps another effect from beginning. What costs no tokens may still begin when they are used up:
    /// it may be all that is left to do.
    fn exceeds(&self, limits: &RunLimits, meter: &Meter, effect: &Effect) -> Option<Exceeded> {
        let tokens = self.tokens.input.saturating_add(self.tokens.output);
        if self.effects >= limits.effects {
            Some(Exceeded::Effects(limits.effects))
        } else if is_quick(effect.kind) {
            None
        } else if tokens > limits.tokens {
            Some(Exceeded::Tokens(limits.tokens))
        } else {
            self.exceeds_budget(meter, effect)
        }
    }

    fn exceeds_budget(&self, meter: &Meter, effect: &Effect) -> Option<Exceeded> {
        let Budgets { task, day } = self.budgets;
        if task.is_none() && day.is_none() {
            return None;
        }
        let unknown = |model: &String| meter.rates.prices.model(model).is_none();
        if let Some(model) = effect.model().filter(unknown) {
            return Some(Exceeded::Unpriced(model));
        }
        let cost = meter.cost(&self.models, meter.spent());
        let of_the_day =
            day.filter(|(_, left)| cost >= *left).map(|(limit, _)| Exceeded::BudgetOfTheDay(limit));
        task.filter(|budget| cost >= *budget).map(Exceeded::Budget).or(of_the_day)
    }
}

impl Watch {
    /// Watches over a run that has to be over here and everywhere at these times, and that uses no more than it is allowed.
    pub fn new(
        (stop_at, ends_at): (Option<Instant>, Option<Instant>),
        held: Option<(Store, Lease)>,
        limits: RunLimits,
        meter: Arc<Meter>,
        traced: Option<Traced>,
    ) -> Arc<Self> {
        let held = held.map(|(store, lease)| Held { store, until: Mutex::new(lease.expires_at), lease });
        let (state, changed) = (Mutex::default(), Notify::new());
        Arc::new(Self { stop_at, ends_at, held, limits, meter, traced, state, changed })
    }

    /// From now on nothing begins once this is spent.
    pub fn allow(&self, budgets: Budgets) {
        self.state().budgets = budgets;
    }

    /// So many effects stand in the journal: they count before any is replayed, since what runs side by side is replayed
    /// in any order.
    pub fn counts_ahead(&self, recorded: usize) {
        let mut state = self.state();
        state.ahead += recorded as u64;
        state.effects += recorded as u64;
    }

    /// An effect of this task once took so long.
    pub fn saw(&self, took: Duration) {
        let mut state = self.state();
        state.longest = state.longest.max(took);
    }

    /// A heartbeat has cut the visibility of the task's message.
    pub fn beat(&self) {
        self.state().beaten = true;
    }

    /// Whether a heartbeat has cut the visibility of the task's message.
    pub fn has_beaten(&self) -> bool {
        self.state().beaten
    }

    /// A new record is kept.
    pub fn recorded(&self) {
        self.state().recorded += 1;
    }

    /// Whether this attempt began something and has nothing to show for it.
    pub fn is_fruitless(&self) -> bool {
        let state = self.state();
        state.admitted > 0 && state.recorded == 0
    }

    /// From now on nothing begins; the first reason counts.
    pub fn close(&self, why: Stop) {
        self.state().closed.get_or_insert(why);
        self.changed.notify_waiters();
    }

    /// Waits until nothing may begin any longer and nothing is in flight.
    pub async fn drained(&self) -> Stop {
        self.until(|state| state.closed.clone().filter(|_| state.in_flight == 0)).await
    }

    /// Waits until there is something to be had of what is observed.
    async fn until<T>(&self, look: impl Fn(&Observed) -> Option<T>) -> T {
        loop {
            let mut changed = std::pin::pin!(self.changed.notified());
            changed.as_mut().enable();
            let found = look(&self.state());
            match found {
                Some(found) => return found,
                None => changed.await,
            }
        }
    }

    /// Whether something was begun that is not over.
    pub fn is_busy(&self) -> bool {
        self.state().in_flight > 0
    }

    /// What a poll shows of a running task.
    pub fn progress(&self) -> Json {
        let state = self.state();
        let first = |ids: &[String]| json!(ids.iter().take(NAMED).collect::<Vec<_>>());
        json!({
            "vertices_done": state.done.len(),
            "done": first(&state.done),
            "running": first(&state.running),
            "usage": state.tokens,
        })
    }

    /// What the task used: tokens and effects of all attempts, and what the meter says.
    pub fn usage(&self) -> TaskUsage {
        let state = self.state();
        self.meter.usage(&state.models, state.tokens, state.effects)
    }

    /// The run's span ends here.
    pub fn end_trace(&self, attributes: impl FnOnce() -> Vec<(&'static str, Json)>, failed: bool) {
        if let Some(traced) = &self.traced {
            traced.end(attributes, failed);
        }
    }

    /// What measures the run.
    pub fn meter(&self) -> &Meter {
        &self.meter
    }

    fn state(&self) -> MutexGuard<'_, Observed> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn leave(&self, began: Instant) {
        let mut state = self.state();
        state.in_flight -= 1;
        state.longest = state.longest.max(began.elapsed());
        drop(state);
        self.changed.notify_waiters();
    }

    /// Whether another effect fits into what is left. The first one of an attempt has all the time that there
    /// is, and begins even if those before it took longer.
    fn fits(&self) -> bool {
        let state = self.state();
        let longest = if state.admitted == 0 { SHORTEST } else { state.longest.max(SHORTEST) };
        self.stop_at.is_none_or(|stop_at| Instant::now() + longest <= stop_at)
    }

    /// **Before each effect but the first the row is looked at**: a cancelled task begins nothing more. And
    /// **nothing begins under a lease that has run out here**, however that came: the row is asked until it
    /// says whose the task is.
    async fn check(&self) {
        let Some(held) = &self.held else { return };
        if self.state().admitted > 0 {
            match held.store.lost(&held.lease).await {
                Ok(None) => {}
                Ok(Some(refusal)) => return self.close(Stop::Lost(refusal)),
                Err(error) => tracing::warn!(task_id = %held.lease.task, %error, "the row could not be read"),
            }
        }
        // Also after an answer: it may be read long after it was given.
        while held.has_run_out() {
            match held.store.renew(&held.lease).await {
                Ok(Renewal::Extended(lease)) => self.extended(&lease),
                Ok(Renewal::Lost(refusal)) => return self.close(Stop::Lost(refusal)),
                Err(error) => {
                    tracing::warn!(task_id = %held.lease.task, %error, "a lease that ran out is not renewed yet");
                    tokio::time::sleep(ASK_AGAIN).await;
                }
            }
        }
    }

    /// The lease holds until its new end.
    pub fn extended(&self, lease: &Lease) {
        if let Some(held) = &self.held {
            *held.until.lock().unwrap_or_else(PoisonError::into_inner) = lease.expires_at;
        }
    }
}

impl Held {
    fn has_run_out(&self) -> bool {
        self.store.host().now() >= *self.until.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What only reads what is ours: no harm in it for a task that is no longer wanted.
fn is_a_look(kind: &str) -> bool {
    kind == "clock" || kind == "session.turns"
}

/// What takes no time worth planning for.
fn is_quick(kind: &str) -> bool {
    kind == "clock" || kind.starts_with("session.")
}

/// [`Watch`] as the engine sees it.
pub(crate) struct Watched(pub Arc<Watch>);

#[async_trait]
impl Supervisor for Watched {
    async fn admit(&self, effect: &Effect, key: &EffectKey) -> Result<Admission, RunError> {
        let (watch, kind) = (&self.0, effect.kind);
        if !is_quick(kind) && !watch.fits() {
            watch.close(Stop::Deadline);
        }
        if !is_a_look(kind) {
            watch.check().await;
        }
        {
            let mut state = watch.state();
            if let Some(limit) = state.exceeds(&watch.limits, &watch.meter, effect) {
                state.closed.get_or_insert(Stop::Limit(limit));
                watch.changed.notify_waiters();
            }
            if state.admits(kind) {
                state.in_flight += 1;
                state.effects += 1;
                state.admitted += u64::from(!is_a_look(kind));
                let span = watch.traced.as_ref().map(|traced| traced.effect(effect, key));
                return Ok(Admission::holding(InFlight {
                    watch: watch.clone(),
                    began: Instant::now(),
                    _span: span,
                }));
            }
        }
        std::future::pending().await
    }

    async fn settle(&self) {
        self.0.state().failed = true;
        self.0.until(|state| (state.in_flight == 0).then_some(())).await;
    }

    fn time_left(&self) -> Option<Duration> {
        let first = self.0.stop_at.into_iter().chain(self.0.ends_at).min();
        first.map(|end| end.saturating_duration_since(Instant::now()))
    }

    fn vertex_started(&self, id: &str) {
        let mut state = self.0.state();
        // The root is built first and called later.
        state.done.retain(|done| done != id);
        state.running.push(id.to_owned());
    }

    fn vertex_done(&self, id: &str) {
        let mut state = self.0.state();
        state.running.retain(|running| running != id);
        state.done.push(id.to_owned());
    }

    fn replayed(&self) {
        let mut state = self.0.state();
        match state.ahead.checked_sub(1) {
            Some(ahead) => state.ahead = ahead,
            None => state.effects += 1,
        }
    }

    fn spent(&self, effect: &Effect, usage: Usage) {
        let mut state = self.0.state();
        state.tokens += usage;
        if let (Some(model), true) = (effect.model(), usage != Usage::default()) {
            let named = state.models.len() < MODELS || state.models.contains_key(&model);
            *state.models.entry(if named { model } else { "other".to_owned() }).or_default() += usage;
        }
    }

    fn traceparent(&self, key: &EffectKey) -> Option<String> {
        self.0.traced.as_ref().map(|traced| traced.traceparent(key))
    }
}

/// One effect in flight.
struct InFlight {
    watch: Arc<Watch>,
    began: Instant,
    /// Ends with the effect.
    _span: Option<OpenSpan>,
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.watch.leave(self.began);
    }
}

#[cfg(test)]
mod tests;
