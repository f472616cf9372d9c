//! Accepting calls as tasks: new ones, known ones, and what failed once more.

use std::sync::Arc;
use std::time::Duration;

use millrace_engine::{ErrorKind, Plan, RunError, Tweaks};
use millrace_store::{
    Cancelled, Counter, FlowId, JournalMode, NewTask, Refusal, Reservation, Reserved, SessionId, State,
    TaskId, TaskRecord, TenantId,
};

use serde_json::{Map, Value as Json};

use crate::call::{Idempotency, Job, Stored};
use crate::ledger::End;
use crate::secrets::{CallVariables, Secrets, redirection};
use crate::usage::Spent;
use crate::{Runner, RunnerError};

/// A task that will be run, or was.
#[derive(Debug, Clone)]
pub struct Accepted {
    /// The task.
    pub task: TaskId,
    /// The conversation it belongs to.
    pub session: SessionId,
}

/// What a retry brings again, since nothing has kept it.
#[derive(Debug, Clone, Default)]
pub struct Again {
    /// Tweaks, of which those that were erased are taken.
    pub tweaks: Map<String, Json>,
    /// Variables, likewise.
    pub variables: CallVariables,
    /// US dollars that the chain of tasks may cost from now on; as the call said unless told.
    pub budget: Option<f64>,
}

/// What a name for a call stands for.
pub(crate) enum Named {
    /// Nothing yet: the caller is to make this task.
    New(Accepted),
    /// A task that got no further than its name, and perhaps some records: the caller is to make it.
    Abandoned(Accepted),
    /// This task.
    Known(Box<TaskRecord>),
}

impl Runner {
    /// Accepts a call as a task for the worker.
    ///
    /// # Errors
    /// [`RunnerError`]: no task was made.
    pub async fn submit(&self, job: &Job) -> Result<Accepted, RunnerError> {
        check_addresses(job)?;
        let plan = self.load(job).await?;
        let tweaks = self.tweaks_of(job).await?;
        let job = &Job { call: job.call.clone().with_tweaks(tweaks), ..job.clone() };
        // A flow that cannot be planned is accepted all the same: its task ends with the reason.
        if let Ok(plan) = &plan {
            Tweaks::resolve(plan, job.call.tweaks(), self.0.config.tweaks)?;
        }
        self.check_callback(job)?;
        let accepted = match self.named(job, None).await? {
            Named::New(accepted) | Named::Abandoned(accepted) => accepted,
            Named::Known(known) => return accepted(&known),
        };
        let task = self.new_task(&accepted, job, plan.as_deref().ok(), JournalMode::Effects)?;
        self.keep_tweaks(job, &accepted.session, accepted.task).await?;
        self.store().submit(&task).await?;
        Ok(accepted)
    }

    /// Makes a new task of a failed one: the same call on the same version of the flow, and what the failed
    /// one has recorded is not done again. The failed one stays as it is.
    ///
    /// # Errors
    /// [`RunnerError::NoTask`], [`RunnerError::NotFailed`], those of the store and of the idempotency key, and
    /// [`RunnerError::Erased`] where the call had brought secrets: they are in `again`, or it cannot be repeated.
    pub async fn retry(
        &self,
        tenant: &TenantId,
        failed: TaskId,
        idempotency: Option<Idempotency>,
        again: &Again,
        (request_id, trace): (Option<String>, Option<String>),
    ) -> Result<Accepted, RunnerError> {
        let store = self.store();
        let old = store.task(tenant, failed).await?.ok_or(RunnerError::NoTask)?;
        if old.state != State::Failed {
            return Err(RunnerError::NotFailed(old.state));
        }
        let mut input = store.task_input(tenant, failed).await?.ok_or(RunnerError::NotKept)?;
        if let (Some(budget), Json::Object(call)) = (again.budget, &mut input.value) {
            call.insert("budget".to_owned(), budget.into());
        }
        let stored: Stored = serde_json::from_value(input.value.clone()).map_err(|error| {
            RunnerError::Flow(
                RunError::new(ErrorKind::Internal, "The call could not be read back").because(error),
            )
        })?;
        let secrets = stored.erased.given_again(&again.tweaks, &again.variables)?;
        let fresh = accepted(&old)?.with_id(store.new_task_id());
        let new = match self.reserve(tenant, idempotency.as_ref(), fresh, None).await? {
            Named::New(new) | Named::Abandoned(new) => new,
            Named::Known(known) => return accepted(&known),
        };
        store.copy_journal(tenant, failed, new.task).await?;
        let session = new.session.as_str().to_owned();
        let task = NewTask::new(new.task, tenant.clone(), old.flow, old.flow_version, session, input.value);
        let task = NewTask {
            origin: old.origin,
            callback: stored.callback_url.is_some(),
            timeout: old.timeout,
            sealed: stored.is_private(),
            secrets: secrets.into_json(),
            request_id,
            trace,
            spent: Some(accepted_with(&task.input)),
            ..task
        };
        store.submit(&task).await?;
        Ok(new)
    }

    /// Cancels a task. One that runs stops before its next effect; a call that it waits for is abandoned.
    ///
    /// # Errors
    /// [`RunnerError::NoTask`], [`RunnerError::Ended`], those of the store.
    pub async fn cancel(&self, tenant: &TenantId, task: TaskId) -> Result<(), RunnerError> {
        match self.store().cancel(tenant, task).await? {
            Cancelled::Done => {
                self.ended_elsewhere(tenant, task, End::Cancelled, None);
                Ok(())
            }
            Cancelled::Refused(Refusal::Terminal(state)) => Err(RunnerError::Ended(state)),
            Cancelled::Refused(_) => Err(RunnerError::NoTask),
        }
    }

    /// What the call's name stands for; a call without one is new.
    pub(crate) async fn named(&self, job: &Job, held: Option<Duration>) -> Result<Named, RunnerError> {
        let fresh = Accepted { task: self.store().new_task_id(), session: job.session.clone() };
        self.reserve(&job.tenant, job.options.idempotency.as_ref(), fresh, held).await
    }

    async fn reserve(
        &self,
        tenant: &TenantId,
        name: Option<&Idempotency>,
        fresh: Accepted,
        held: Option<Duration>,
    ) -> Result<Named, RunnerError> {
        let Some(Idempotency { key, request_hash }) = name else {
            return Ok(Named::New(fresh));
        };
        let reservation = Reservation {
            request_hash: request_hash.clone(),
            task: fresh.task,
            session: fresh.session.as_str().to_owned(),
            held,
        };
        let (task, session, free, until) = match self.store().reserve(tenant, key, &reservation).await? {
            Reserved::New => return Ok(Named::New(fresh)),
            Reserved::OtherRequest => return Err(RunnerError::OtherRequest),
            Reserved::Same { task, session, free, until } => (task, session, free, until),
        };
        // Its row is the truth: without one, the first request got no further than its name.
        if let Some(known) = self.store().task(tenant, task).await? {
            return Ok(Named::Known(Box::new(known)));
        }
        if !free {
            let now = self.store().host().now();
            let left = until.map_or(1, |until| until.duration_since(now).as_secs().max(1));
            return Err(RunnerError::InProgress { seconds: left.unsigned_abs() });
        }
        Ok(Named::Abandoned(Accepted { task, session: session_id(session)? }))
    }

    pub(crate) async fn load(&self, job: &Job) -> Result<Result<Arc<Plan>, RunError>, RunnerError> {
        match &job.flow.version {
            Some(version) => Ok(self.plan(&job.tenant, job.flow.id, version).await?),
            None => Err(RunnerError::Flow(no_data(job.flow.id))),
        }
    }

    pub(crate) fn check_callback(&self, job: &Job) -> Result<(), RunnerError> {
        match &job.options.callback_url {
            Some(url) => self.0.outbound.check(url).map_err(RunnerError::Callback),
            None => Ok(()),
        }
    }

    pub(crate) fn new_task(
        &self,
        accepted: &Accepted,
        job: &Job,
        plan: Option<&Plan>,
        default: JournalMode,
    ) -> Result<NewTask, RunnerError> {
        let flow_version = job.flow.version.clone().ok_or_else(|| RunnerError::Flow(no_data(job.flow.id)))?;
        let (secrets, kept) = Secrets::taken_from(job.call.tweaks(), &job.options.variables, plan);
        let stored = Stored {
            call: job.call.clone().with_tweaks(kept),
            callback_url: job.options.callback_url.clone(),
            erased: secrets.names(),
            budget: budget(job, plan),
        };
        let input = serde_json::to_value(&stored).map_err(|e| {
            RunnerError::Flow(RunError::new(ErrorKind::Internal, "The call could not be kept").because(e))
        })?;
        let session = accepted.session.as_str().to_owned();
        let task = NewTask::new(accepted.task, job.tenant.clone(), job.flow.id, flow_version, session, input);
        Ok(NewTask {
            mode: mode(job, plan, default),
            timeout: job.options.timeout.or_else(|| self.timeout_of(plan)),
            callback: job.options.callback_url.is_some(),
            sealed: stored.is_private(),
            secrets: secrets.into_json(),
            request_id: job.options.request_id.clone(),
            trace: job.options.trace.clone(),
            spent: Some(accepted_with(&task.input)),
            ..task
        })
    }

    /// What the flow says of itself, cut to what the installation allows.
    fn timeout_of(&self, plan: Option<&Plan>) -> Option<Duration> {
        let seconds = plan?.flow().settings.get("timeout")?.as_u64()?;
        Some(Duration::from_secs(seconds.max(1)).min(self.store().config().max_task_timeout))
    }
}

/// **Only who may change a flow says where its keys go.**
pub(crate) fn check_addresses(job: &Job) -> Result<(), RunnerError> {
    match redirection(job.call.tweaks(), &job.options.variables) {
        Some(address) if !job.options.may_redirect => Err(RunnerError::Redirected(address)),
        _ => Ok(()),
    }
}

impl Accepted {
    fn with_id(self, task: TaskId) -> Self {
        Self { task, ..self }
    }
}

/// What is kept of a call's effects: as the call says, else the flow, else the way it is run.
pub(crate) fn mode(job: &Job, plan: Option<&Plan>, default: JournalMode) -> JournalMode {
    let of_flow = || plan?.flow().settings.get("journal")?.as_str()?.parse().ok();
    job.options.journal.or_else(of_flow).unwrap_or(default)
}

/// Dollars that a call may cost by estimate: as it says, else as the flow does.
pub(crate) fn budget(job: &Job, plan: Option<&Plan>) -> Option<f64> {
    let of_flow = || plan?.flow().settings.get("budget")?.as_f64().filter(|dollars| *dollars > 0.0);
    job.options.budget.or_else(of_flow)
}

/// What accepting a task with this input took.
fn accepted_with(input: &Json) -> Json {
    let spent = Spent::accepted(Counter::current().so_far(), input.to_string().len());
    serde_json::to_value(spent).unwrap_or_default()
}

fn accepted(task: &TaskRecord) -> Result<Accepted, RunnerError> {
    Ok(Accepted { task: task.id, session: session_id(task.session.clone())? })
}

fn session_id(text: String) -> Result<SessionId, RunnerError> {
    let unreadable = |_| RunError::new(ErrorKind::Internal, "The task's session id could not be read back");
    SessionId::try_from(text).map_err(|error| RunnerError::Flow(unreadable(error)))
}

pub(crate) fn no_data(flow: FlowId) -> RunError {
    // Langflow's own sentence (0.6 contract 1.1).
    RunError::new(ErrorKind::Flow, format!("Flow {flow} has no data"))
}
