//! A task from the queue: claimed, run under a lease, ended or given back.
//!
//! ```text
//!   slot ── claim ── journal read ── run ────────────┬─ ended ──── RESULT, state, callback
//!    │        │      (attempt > 1)   ▲ lease renewed ├─ stopped ── back to the queue, as a new message
//!   none:   refused:                 └ by heartbeats └─ lost ───── nothing: it is somebody else's
//!   deferred  acknowledged
//! ```

use std::sync::Arc;
use std::time::Duration;

use millrace_engine::{ErrorKind, Journal, MemoryJournal, RunError, Tweaks};
use millrace_store::{
    Claim, Counter, Counts, Finished, JournalMode, Lease, Outcome, Refusal, Requeue, SessionId, State,
    StoreError, TaskId, TenantId,
};
use tokio::time::Instant;
use tracing::field::Empty;
use tracing::{Instrument, Span};

use crate::Runner;
use crate::account::Told;
use crate::call::Stored;
use crate::execute::{Answer, Parts, failed, outcome_of, too_large};
use crate::journal::StoredJournal;
use crate::secrets::Secrets;
use crate::supervisor::{Stop, Watch, Watched};
use crate::trace::Kind;
use crate::usage::{Spent, TaskUsage};

/// Pause before a failed attempt is repeated: doubled with each, up to the limit.
const FIRST_PAUSE: Duration = Duration::from_secs(5);
const LONGEST_PAUSE: Duration = Duration::from_secs(5 * 60);
/// The longest that a provider's wish to be left alone is heeded: what a queue can delay a message for.
const LONGEST_WISH: Duration = Duration::from_secs(15 * 60);
/// When a task is looked at again that an operator's mistake keeps from running; its deadline bounds it.
const MENDED: Duration = Duration::from_secs(60);
/// How long the end of a run is tried to be recorded. After that the lease runs out and the journal is replayed.
const KEEP_TRYING: Duration = Duration::from_secs(20);

/// What the delivery of a message allows.
#[derive(Debug, Clone, Default)]
pub struct Visit {
    /// When the invocation ends; `None` where nothing limits it.
    pub deadline: Option<Instant>,
    /// The message's receipt handle, by which it is kept hidden.
    pub receipt: Option<String>,
}

/// What became of a delivered message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// It is done with: the task ended, was queued again as a new message, or it was not this one's turn.
    Done,
    /// It names a task that does not exist. A matter for the dead-letter queue, where it is looked at again.
    UnknownTask,
}

/// How an attempt came to its end.
enum Ended {
    /// The task is to end like this, having used this.
    With(Outcome, TaskUsage),
    /// It goes back to the queue.
    Again(Requeue),
    /// It is somebody else's.
    Lost(Refusal),
}

/// How a run came to its end.
enum Left {
    Over(Result<Answer, RunError>),
    Stopped(Stop),
    TimedOut,
    ShutDown,
}

impl Runner {
    /// Runs a task from the queue, if it is this delivery's turn.
    ///
    /// # Errors
    /// [`StoreError`] for a passing reason: the message has to come again.
    pub async fn run_task(
        &self,
        tenant: &TenantId,
        task: TaskId,
        visit: &Visit,
    ) -> Result<Delivery, StoreError> {
        let span = tracing::error_span!("task", task_id = %task, request_id = Empty);
        let counter = Counter::new();
        counter.around(self.visited(tenant, task, visit, &counter)).instrument(span).await
    }

    async fn visited(
        &self,
        tenant: &TenantId,
        task: TaskId,
        visit: &Visit,
        counter: &Arc<Counter>,
    ) -> Result<Delivery, StoreError> {
        let store = self.store();
        let Some(slot) = store.take_slot(tenant, task).await? else {
            store.defer(tenant, task, deferral(task)).await?;
            return Ok(Delivery::Done);
        };
        let delivered = match store.claim(tenant, task).await {
            Ok(Claim::Granted(lease)) => {
                self.attempt(&lease, &slot, visit, counter).await.map(|()| Delivery::Done)
            }
            Ok(Claim::Refused(refusal)) => Ok(refused(task, &refusal)),
            Err(error) => Err(error),
        };
        if let Err(error) = store.free_slot(slot).await {
            tracing::warn!(task_id = %task, %error, "a slot is freed by its time only");
        }
        delivered
    }

    async fn attempt(
        &self,
        lease: &Lease,
        slot: &millrace_store::Slot,
        visit: &Visit,
        counter: &Arc<Counter>,
    ) -> Result<(), StoreError> {
        Span::current().record("request_id", lease.request_id.as_deref());
        let (stop_at, ends_at) = (self.stop_at(visit), self.instant_of(lease.deadline));
        let watch = Watch::new(
            (stop_at, Some(ends_at)),
            Some((self.store().clone(), lease.clone())),
            self.0.config.run_limits,
            self.meter(counter, spent_before(lease)),
            self.traced(lease.task, lease.token, lease.trace.as_deref(), Kind::Consumer),
        );
        let ended = match self.run_leased(lease, &watch, slot, visit, (stop_at, ends_at)).await {
            Ok(ended) => ended,
            Err(error) if error.is_retryable() => Ended::Again(again(lease, None)),
            // A key or a permission that is missing is no fault of the task, which waits for whoever mends it.
            Err(error @ StoreError::Misconfigured(_)) => {
                tracing::error!(task_id = %lease.task, %error, "a task waits for the operator");
                Ended::Again(Requeue { counts: Counts::Yield, delay: MENDED })
            }
            Err(error) => {
                tracing::error!(task_id = %lease.task, %error, "a task could not be run");
                Ended::With(failed(ErrorKind::Internal.code(), error.to_string(), false), watch.usage())
            }
        };
        match ended {
            Ended::With(outcome, usage) => {
                let state = state_of(&outcome);
                self.settle(lease, outcome, &usage).await?;
                self.end_trace(&watch, &Told::of(lease), state);
                self.call_back_once(lease).await;
            }
            Ended::Again(requeue) => {
                let requeued = self.store().requeue(&with_spent(lease, &watch), requeue).await?;
                tracing::info!(task_id = %lease.task, ?requeue, ?requeued, "given back");
                self.end_trace(&watch, &Told::of(lease), "queued");
            }
            Ended::Lost(refusal) => self.lost(lease, &watch, &refusal),
        }
        self.hide_until_deleted(&watch, visit).await;
        Ok(())
    }

    /// The task is somebody else's. What it used until it was cancelled counts all the same.
    fn lost(&self, lease: &Lease, watch: &Watch, refusal: &Refusal) {
        tracing::info!(task_id = %lease.task, ?refusal, "no longer this worker's");
        if *refusal == Refusal::Terminal(State::Cancelled) {
            self.account(&lease.tenant, None, &watch.usage());
        }
        self.end_trace(watch, &Told::of(lease), "lost");
    }

    async fn run_leased(
        &self,
        lease: &Lease,
        watch: &Arc<Watch>,
        slot: &millrace_store::Slot,
        visit: &Visit,
        (stop_at, ends_at): (Option<Instant>, Instant),
    ) -> Result<Ended, StoreError> {
        if let Some(ended) = self.already_over(lease, watch).await? {
            return Ok(ended);
        }
        let parts = match self.parts(lease, watch).await? {
            Ok(parts) => parts,
            Err(error) => return Ok(self.ended(lease, watch, Left::Over(Err(error)))),
        };
        let left = tokio::select! {
            biased;
            over = self.execute(parts) => Left::Over(over),
            () = self.0.shutdown.cancelled() => Left::ShutDown,
            stop = watch.drained() => Left::Stopped(stop),
            refusal = self.keep_alive(lease, watch, Some(slot), visit.receipt.as_deref()) => {
                Left::Stopped(Stop::Lost(refusal))
            }
            () = reached(stop_at) => Left::Stopped(Stop::Deadline),
            () = tokio::time::sleep_until(ends_at) => Left::TimedOut,
        };
        Ok(self.ended(lease, watch, left))
    }

    /// An end that needs no run: too many failures, too late, or a result that only lacks its state.
    async fn already_over(&self, lease: &Lease, watch: &Watch) -> Result<Option<Ended>, StoreError> {
        if lease.token > 1
            && let Some((outcome, usage)) = self.store().unfinished_result(lease).await?
        {
            return Ok(Some(Ended::With(outcome, usage.map(TaskUsage::of).unwrap_or_default())));
        }
        if lease.failures >= self.store().config().max_failures {
            let message = format!("The task failed {} times without an end", lease.failures);
            return Ok(Some(Ended::With(failed("attempts_exhausted", message, false), watch.usage())));
        }
        Ok((self.store().host().now() >= lease.deadline)
            .then(|| Ended::With(timed_out(lease), watch.usage())))
    }

    /// What the run is made of, or why there can be none.
    async fn parts(&self, lease: &Lease, watch: &Arc<Watch>) -> Result<Result<Parts, RunError>, StoreError> {
        let input = self.store().input(lease).await?;
        let internal = |message| Ok(Err(RunError::new(ErrorKind::Internal, message)));
        let Ok(Stored { call, budget, .. }) = serde_json::from_value(input.value) else {
            return internal("The task's input could not be read back");
        };
        watch.allow(self.budgets(&lease.tenant, budget).await?);
        let secrets = Secrets::of(input.secrets);
        let tweaks = secrets.tweaks_over(call.tweaks().clone());
        let call = call.with_tweaks(tweaks);
        let Ok(session) = SessionId::try_from(lease.session.as_str()) else {
            return internal("The task's session id could not be read back");
        };
        let plan = match self.plan(&lease.tenant, lease.flow, &lease.flow_version).await? {
            Ok(plan) => plan,
            Err(error) => return Ok(Err(error)),
        };
        let tweaks = match Tweaks::resolve(&plan, call.tweaks(), self.0.config.tweaks) {
            Ok(tweaks) => tweaks,
            Err(error) => return Ok(Err(RunError::new(ErrorKind::Tweak, error.to_string()))),
        };
        Ok(Ok(Parts {
            tenant: lease.tenant.clone(),
            flow: lease.flow,
            session,
            origin: lease.origin,
            call,
            variables: secrets.call_variables(),
            plan,
            tweaks,
            journal: self.journal(lease, watch).await?,
            supervisor: Arc::new(Watched(watch.clone())),
        }))
    }

    /// A first attempt has nothing to read, unless it is a retry that starts with another task's journal.
    async fn journal(&self, lease: &Lease, watch: &Arc<Watch>) -> Result<Arc<dyn Journal>, StoreError> {
        if lease.mode != JournalMode::Effects && lease.origin == lease.task && lease.yields == 0 {
            return Ok(Arc::new(MemoryJournal::default()));
        }
        let earlier = match lease.token == 1 && lease.origin == lease.task {
            true => Vec::new(),
            false => self.store().journal(&lease.tenant, lease.task).await?,
        };
        let place = (lease.tenant.clone(), lease.task);
        let store = self.store().clone();
        Ok(Arc::new(StoredJournal::new(store, place, lease.token, earlier, watch.clone())))
    }

    fn ended(&self, lease: &Lease, watch: &Watch, left: Left) -> Ended {
        let last = lease.failures + 1 >= self.store().config().max_failures;
        match left {
            Left::Over(Err(error)) if error.transient && !last => {
                log_failure(lease, &error);
                Ended::Again(again(lease, error.retry_after))
            }
            Left::Over(over) => {
                let _ = over.as_ref().map_err(|error| log_failure(lease, error));
                Ended::With(outcome_of(&over), watch.usage())
            }
            Left::Stopped(Stop::Lost(refusal)) => Ended::Lost(refusal),
            Left::Stopped(Stop::Limit(limit)) => {
                let error = limit.error();
                log_failure(lease, &error);
                Ended::With(outcome_of(&Err(error)), watch.usage())
            }
            Left::TimedOut => Ended::With(timed_out(lease), watch.usage()),
            Left::ShutDown => Ended::Again(Requeue { counts: Counts::Yield, delay: Duration::ZERO }),
            // What got no further would get no further again: that counts as a failure.
            Left::Stopped(_) if watch.is_fruitless() && last => {
                let message = "No further step of the run fits into the time that a worker has";
                Ended::With(failed(ErrorKind::Timeout.code(), message, false), watch.usage())
            }
            Left::Stopped(_) => {
                let counts = if watch.is_fruitless() { Counts::Failure } else { Counts::Yield };
                Ended::Again(Requeue { counts, delay: Duration::ZERO })
            }
        }
    }

    /// Records the end, and keeps trying while the service is away.
    pub(crate) async fn settle(
        &self,
        lease: &Lease,
        outcome: Outcome,
        usage: &TaskUsage,
    ) -> Result<(), StoreError> {
        let stored = usage.stored();
        let last = Instant::now() + KEEP_TRYING;
        let (mut outcome, mut pause) = (outcome, Duration::from_millis(100));
        loop {
            match self.store().finish(lease, &outcome, Some(&stored)).await {
                Ok(Finished::Recorded) => {
                    self.tell_end(&Told::of(lease), &outcome, usage);
                    return Ok(());
                }
                Ok(Finished::Refused(refusal)) => {
                    tracing::info!(task_id = %lease.task, attempt = lease.token, ?refusal, "ended by somebody else");
                    return Ok(());
                }
                Err(StoreError::TooLarge { what, size, limit }) if what != "error" => {
                    outcome = too_large(what, size, limit);
                }
                Err(error) if error.is_retryable() && Instant::now() + pause < last => {
                    tokio::time::sleep(pause).await;
                    pause *= 2;
                }
                Err(error) => return Err(error),
            }
        }
    }

    fn stop_at(&self, visit: &Visit) -> Option<Instant> {
        let reserve = self.0.config.reserve;
        visit.deadline.map(|deadline| deadline.checked_sub(reserve).unwrap_or(deadline))
    }

    /// A time of the store's clock on the clock that sleeps are measured by.
    fn instant_of(&self, time: jiff::Timestamp) -> Instant {
        let left = time.duration_since(self.store().host().now());
        Instant::now() + Duration::try_from(left).unwrap_or(Duration::ZERO)
    }
}

/// What was spent on the task before this claim.
fn spent_before(lease: &Lease) -> Spent {
    lease.spent.clone().and_then(|spent| serde_json::from_value(spent).ok()).unwrap_or_default()
}

/// The lease with what was spent under it and before.
pub(crate) fn with_spent(lease: &Lease, watch: &Watch) -> Lease {
    let mut lease = lease.clone();
    lease.spent = serde_json::to_value(watch.meter().spent()).ok();
    lease
}

pub(crate) fn state_of(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Succeeded { .. } => "succeeded",
        Outcome::Failed { .. } => "failed",
    }
}

async fn reached(time: Option<Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time).await,
        None => std::future::pending().await,
    }
}

/// Back to the queue after a failure that may pass: after 5, 10, 20… s, or as long as the other side wishes.
pub(crate) fn again(lease: &Lease, wish: Option<Duration>) -> Requeue {
    let doubled =
        FIRST_PAUSE.saturating_mul(2_u32.saturating_pow(u32::try_from(lease.failures).unwrap_or(31)));
    let delay = wish.map_or(doubled.min(LONGEST_PAUSE), |wish| wish.min(LONGEST_WISH));
    Requeue { counts: Counts::Failure, delay }
}

/// 10 to 25 s, different for each task, so that those deferred together do not come back together.
fn deferral(task: TaskId) -> Duration {
    Duration::from_secs(10 + u64::from(task.0.as_bytes()[15] % 16))
}

fn timed_out(lease: &Lease) -> Outcome {
    let allowed = lease.deadline.duration_since(lease.started_at).as_secs();
    let message = format!("The task did not end within {allowed} s of its first claim");
    failed(ErrorKind::Timeout.code(), message, false)
}

fn log_failure(lease: &Lease, error: &RunError) {
    let (kind, internal) = (error.kind.code(), error.internal.as_deref());
    tracing::warn!(task_id = %lease.task, attempt = lease.token, kind, internal, transient = error.transient, "a run failed");
}

fn refused(task: TaskId, refusal: &Refusal) -> Delivery {
    tracing::info!(task_id = %task, ?refusal, "claim refused");
    match refusal {
        Refusal::Unknown => Delivery::UnknownTask,
        _ => Delivery::Done,
    }
}
