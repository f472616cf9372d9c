//! A call whose caller waits: run at once, and handed over to the queue when it takes too long.
//!
//! ```text
//!   run ──────────────────── ended in time ──────────── one row, ended
//!    └── the caller's time is up: nothing new begins, the records so far go to the table
//!          ├─ work after the answer is possible: the row is written as running and leased to this process;
//!          │    the call in flight is finished and recorded, then the task goes to the queue
//!          └─ it is not: the row goes to the queue at once; the call in flight counts as interrupted
//! ```

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use millrace_engine::{ErrorKind, Plan, RunError, Tweaks};
use millrace_store::{
    Counter, Counts, JournalMode, JournalRecord, Lease, NewTask, Refusal, Requeue, SessionId, State,
    StoreError, TaskId, TaskRecord,
};
use tracing::Instrument;

use crate::accept::{Named, budget, check_addresses};
use crate::account::Told;
use crate::attempt::{again, state_of, with_spent};
use crate::call::Job;
use crate::execute::{Answer, Parts, outcome_of, too_large};
use crate::journal::{HandoverJournal, StoredJournal};
use crate::supervisor::{Stop, Watch, Watched};
use crate::trace::Kind;
use crate::usage::{Spent, TaskUsage};
use crate::{Runner, RunnerError};

/// How a run is given back that did nothing wrong.
const YIELD: Requeue = Requeue { counts: Counts::Yield, delay: Duration::ZERO };

/// What became of a call whose caller waits. Its task can be polled.
#[derive(Debug)]
pub struct Executed {
    /// The task.
    pub task: TaskId,
    /// The conversation.
    pub session: SessionId,
    /// What came of it.
    pub ran: Ran,
}

/// How far a call came while its caller waited.
#[derive(Debug)]
pub enum Ran {
    /// To its end.
    Ended(Result<Answer, RunError>),
    /// Not to its end: its task is queued, or about to be.
    Queued,
    /// It was made before, under the same Idempotency-Key, and was not run again.
    Before(Box<TaskRecord>),
}

type Running = Pin<Box<dyn Future<Output = Result<Answer, RunError>> + Send>>;

/// A run and what belongs to it.
struct Waiting {
    task: NewTask,
    began: jiff::Timestamp,
    watch: Arc<Watch>,
    journal: Arc<HandoverJournal>,
    /// Where the task was a row from the start.
    lease: Option<Lease>,
}

impl Runner {
    /// Runs a call here and keeps its task for polling.
    ///
    /// # Errors
    /// [`RunnerError`]: nothing was run, or its task could not be kept.
    pub async fn run_now(&self, job: Job) -> Result<Executed, RunnerError> {
        let counter = Counter::current();
        counter.around(self.counted(job, &counter)).await
    }

    async fn counted(&self, job: Job, counter: &Arc<Counter>) -> Result<Executed, RunnerError> {
        check_addresses(&job)?;
        let plan = self.load(&job).await?;
        let tweaks = self.tweaks_of(&job).await?;
        let job = Job { call: job.call.with_tweaks(tweaks), ..job };
        let tweaks = match &plan {
            Ok(plan) => Tweaks::resolve(plan, job.call.tweaks(), self.0.config.tweaks)?,
            Err(_) => Tweaks::default(),
        };
        self.check_callback(&job)?;
        let held = self.0.config.sync_timeout + self.0.config.reserve;
        let (accepted, earlier) = match self.named(&job, Some(held)).await? {
            Named::New(accepted) => (accepted, Vec::new()),
            // Whoever began it may have died in the middle of handing it over.
            Named::Abandoned(accepted) => {
                let earlier = self.store().journal(&job.tenant, accepted.task).await?;
                (accepted, earlier)
            }
            Named::Known(known) => return Ok(before(known, job.session)),
        };
        let task = self.new_task(&accepted, &job, plan.as_deref().ok(), JournalMode::Memory)?;
        self.keep_tweaks(&job, &accepted.session, accepted.task).await?;
        let ran = match plan {
            Ok(plan) => {
                let budgets = self.budgets(&job.tenant, budget(&job, Some(&plan))).await?;
                let waiting = self.begin(task, earlier, counter).await?;
                waiting.watch.allow(budgets);
                self.run_waiting(&job, waiting, plan, tweaks, &accepted.session).await?
            }
            Err(error) => {
                let ended = Err(error);
                self.keep(&task, &ended, &self.meter(counter, Spent::default()).usage_of_none()).await?;
                Ran::Ended(ended)
            }
        };
        Ok(Executed { task: accepted.task, session: accepted.session, ran })
    }

    async fn run_waiting(
        &self,
        job: &Job,
        mut waiting: Waiting,
        plan: Arc<Plan>,
        tweaks: Tweaks,
        session: &SessionId,
    ) -> Result<Ran, RunnerError> {
        let limit = self.0.config.sync_timeout;
        let mut run: Running = Box::pin(self.execute(Parts {
            tenant: job.tenant.clone(),
            flow: job.flow.id,
            session: session.clone(),
            origin: waiting.task.id,
            call: job.call.clone(),
            variables: job.options.variables.clone(),
            plan,
            tweaks,
            journal: waiting.journal.clone(),
            supervisor: Arc::new(Watched(waiting.watch.clone())),
        }));
        let ended = tokio::select! {
            biased;
            ended = &mut run => ended,
            () = tokio::time::sleep(limit) => {
                if waiting.task.mode != JournalMode::Off {
                    self.hand_over(waiting, run).await?;
                    return Ok(Ran::Queued);
                }
                let message = format!("The run did not end within {} s", limit.as_secs());
                Err(RunError::new(ErrorKind::Timeout, message).transient(true))
            }
            stop = stopped(self, &waiting) => match stop {
                Stop::Limit(limit) => Err(limit.error()),
                stop => return Ok(self.stopped(&waiting, stop)),
            },
        };
        let usage = waiting.watch.usage();
        match waiting.lease.take() {
            Some(lease) => self.settle(&lease, outcome_of(&ended), &usage).await?,
            None => self.keep(&waiting.task, &ended, &usage).await?,
        }
        self.end_trace(&waiting.watch, &waiting.told(), state_of(&outcome_of(&ended)));
        Ok(Ran::Ended(ended))
    }

    /// With a journal that is kept from the first effect on, the task is a row from the start.
    async fn begin(
        &self,
        task: NewTask,
        earlier: Vec<JournalRecord>,
        counter: &Arc<Counter>,
    ) -> Result<Waiting, RunnerError> {
        let began = self.store().host().now();
        let (journal, limits) = (Arc::new(HandoverJournal::of(earlier)), self.0.config.run_limits);
        let meter = self.meter(counter, Spent::default());
        let traced = self.traced(task.id, 1, task.trace.as_deref(), Kind::Internal);
        if task.mode != JournalMode::Effects {
            let watch = Watch::new((None, None), None, limits, meter, traced);
            return Ok(Waiting { task, began, watch, journal, lease: None });
        }
        let lease = self.store().submit_claimed(&task, began).await?;
        let held = Some((self.store().clone(), lease.clone()));
        let watch = Watch::new((None, None), held, limits, meter, traced);
        journal.hand_over_to(self.durable(&task, &watch)).await.map_err(RunnerError::Flow)?;
        Ok(Waiting { task, began, watch, journal, lease: Some(lease) })
    }

    /// Makes a queued task of a run that is not over. Nothing that it recorded is done again.
    async fn hand_over(&self, waiting: Waiting, run: Running) -> Result<(), RunnerError> {
        let Waiting { task, began, watch, journal, lease } = waiting;
        watch.close(Stop::HandOver);
        if lease.is_none() {
            journal.hand_over_to(self.durable(&task, &watch)).await.map_err(RunnerError::Flow)?;
        }
        let task = NewTask { mode: JournalMode::Effects, ..task };
        // Its first claim is this process's: the worker's is a later one, and so reads the journal.
        let lease = match lease {
            Some(lease) => lease,
            None => self.store().submit_claimed(&task, began).await?,
        };
        match self.0.background.as_ref().filter(|_| watch.is_busy()) {
            Some(background) => {
                let runner = self.clone();
                let counter = watch.meter().counter.clone();
                let finish = async move { counter.around(runner.finish_behind(run, &watch, &lease)).await };
                background.spawn(finish.in_current_span());
            }
            None => {
                drop(run);
                self.give_back(&lease, &watch, YIELD).await;
            }
        }
        Ok(())
    }

    /// After the answer: what is in flight is finished and recorded, and the rest is the worker's.
    async fn finish_behind(&self, mut run: Running, watch: &Arc<Watch>, lease: &Lease) {
        let ended = tokio::select! {
            biased;
            ended = &mut run => Some(ended),
            () = self.0.shutdown.cancelled() => None,
            _ = watch.drained() => None,
            refusal = self.keep_alive(lease, watch, None, None) => {
                tracing::info!(task_id = %lease.task, ?refusal, "no longer the api's");
                return;
            }
        };
        drop(run);
        let ended = match ended {
            None => return self.give_back(lease, watch, YIELD).await,
            // Nobody waits for it any longer: what may pass is tried again, as any queued task is.
            Some(Err(error)) if error.transient => {
                return self.give_back(lease, watch, again(lease, error.retry_after)).await;
            }
            Some(ended) => ended,
        };
        match self.settle(lease, outcome_of(&ended), &watch.usage()).await {
            Ok(()) => self.call_back_once(lease).await,
            Err(error) => tracing::warn!(task_id = %lease.task, %error, "an end is left to recovery"),
        }
        self.end_trace(watch, &Told::of(lease), state_of(&outcome_of(&ended)));
    }

    async fn give_back(&self, lease: &Lease, watch: &Watch, requeue: Requeue) {
        if let Err(error) = self.store().requeue(&with_spent(lease, watch), requeue).await {
            tracing::warn!(task_id = %lease.task, %error, "a task is left to recovery");
        }
        self.end_trace(watch, &Told::of(lease), "queued");
    }

    fn durable(&self, task: &NewTask, watch: &Arc<Watch>) -> StoredJournal {
        let place = (task.tenant.clone(), task.id);
        StoredJournal::new(self.store().clone(), place, 1, Vec::new(), watch.clone())
    }

    /// Keeps the task of a call that was run here to its end.
    async fn keep(
        &self,
        task: &NewTask,
        ended: &Result<Answer, RunError>,
        usage: &TaskUsage,
    ) -> Result<(), StoreError> {
        let (mut outcome, stored) = (outcome_of(ended), usage.stored());
        match self.store().record_sync(task, &outcome, Some(&stored)).await {
            Err(StoreError::TooLarge { what, size, limit }) => {
                outcome = too_large(what, size, limit);
                self.store().record_sync(task, &outcome, Some(&stored)).await?;
            }
            other => other?,
        }
        let began = task.id.made_at().unwrap_or_else(|| self.store().host().now());
        self.tell_end(&told(task, began), &outcome, usage);
        if let (true, Some(background)) = (task.callback, &self.0.background) {
            let (runner, tenant, task) = (self.clone(), task.tenant.clone(), task.id);
            let call_back = async move {
                // What fails is due again, and the sweeper's.
                let _ = runner.call_back(&tenant, task).await;
            };
            background.spawn(call_back.in_current_span());
        }
        Ok(())
    }

    /// A run that was cancelled, or taken over, while its caller waits.
    fn stopped(&self, waiting: &Waiting, stop: Stop) -> Ran {
        tracing::info!(task_id = %waiting.task.id, ?stop, "stopped");
        if stop == Stop::Lost(Refusal::Terminal(State::Cancelled)) {
            self.account(&waiting.task.tenant, None, &waiting.watch.usage());
        }
        self.end_trace(&waiting.watch, &waiting.told(), "lost");
        Ran::Ended(Err(RunError::new(ErrorKind::Cancelled, "The task was cancelled while it ran")))
    }
}

impl Waiting {
    fn told(&self) -> Told<'_> {
        told(&self.task, self.began)
    }
}

/// A call that was run while its caller waited, so that it waited for nobody.
fn told(task: &NewTask, began: jiff::Timestamp) -> Told<'_> {
    Told {
        tenant: &task.tenant,
        task: task.id,
        flow: task.flow,
        request_id: task.request_id.as_deref(),
        created_at: began,
        started_at: began,
        attempt: 1,
    }
}

/// Ends when a run used up what one run may, or when one that holds a lease has lost it.
async fn stopped(runner: &Runner, waiting: &Waiting) -> Stop {
    let Some(lease) = &waiting.lease else { return waiting.watch.drained().await };
    tokio::select! {
        biased;
        stop = waiting.watch.drained() => stop,
        refusal = runner.keep_alive(lease, &waiting.watch, None, None) => Stop::Lost(refusal),
    }
}

/// The answer to a call that was made before.
fn before(known: Box<TaskRecord>, session: SessionId) -> Executed {
    let session = SessionId::try_from(known.session.as_str()).unwrap_or(session);
    Executed { task: known.id, session, ran: Ran::Before(known) }
}
