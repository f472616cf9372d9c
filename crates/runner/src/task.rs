//! The life of a task: run at once, or accepted and run later under a lease.

use std::panic::AssertUnwindSafe;

use futures::FutureExt;
use millrace_engine::{
    ChatInput, Dialect, ErrorKind, InputType, Message, OutputSelection, Plan, Run, RunError, Tweaks, process,
    python_str, run_chat,
};
use millrace_store::{
    Claim, FlowId, Lease, NewTask, Outcome, Refusal, SessionId, StoreError, TaskError, TaskId, TenantId,
};
use serde_json::{Value as Json, json};
use std::sync::Arc;

use crate::call::{Call, Inputs, Job};
use crate::{Runner, RunnerError};

/// What a run answers.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The bare result of a 0.x call, or `{session_id, outputs}` of a 1.x call.
    pub result: Json,
    /// The messages that a 1.x run stored, in order.
    pub messages: Vec<Message>,
}

/// A call that was run at once. Its task can be polled.
#[derive(Debug)]
pub struct Executed {
    /// The task.
    pub task: TaskId,
    /// What came of it.
    pub outcome: Result<Answer, RunError>,
}

/// What became of a delivered message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// Its task was run to its end, or it was not this delivery's turn: the message is done with.
    Done,
    /// It names a task that does not exist. A matter for the dead-letter queue, where an operator sees it.
    UnknownTask,
}

impl Runner {
    /// Runs a call here and keeps its task, ended, for polling.
    ///
    /// # Errors
    /// [`RunnerError`]: nothing was run, or its task could not be kept.
    pub async fn run_now(&self, job: Job) -> Result<Executed, RunnerError> {
        let task = self.0.store.new_task_id();
        let plan = self.load(&job).await?;
        let outcome = match plan {
            Ok(plan) => {
                let tweaks = Tweaks::resolve(&plan, job.call.tweaks(), self.0.config.tweaks)?;
                self.execute(task, &job.tenant, job.flow.id, &job.session, job.call.clone(), plan, tweaks)
                    .await
            }
            Err(error) => Err(error),
        };
        self.keep(task, &job, &outcome).await?;
        Ok(Executed { task, outcome })
    }

    /// Accepts a call as a task for the worker.
    ///
    /// # Errors
    /// [`RunnerError`]: no task was made.
    pub async fn submit(&self, job: &Job) -> Result<TaskId, RunnerError> {
        // A flow that cannot be planned is accepted all the same: its task ends with the reason.
        if let Ok(plan) = self.load(job).await? {
            Tweaks::resolve(&plan, job.call.tweaks(), self.0.config.tweaks)?;
        }
        let task = self.new_task(self.0.store.new_task_id(), job)?;
        self.0.store.submit(&task).await?;
        Ok(task.id)
    }

    /// Runs a task from the queue, if it is this delivery's turn.
    ///
    /// # Errors
    /// [`StoreError`] for a passing reason: the message has to come again.
    pub async fn run_task(&self, tenant: &TenantId, task: TaskId) -> Result<Delivery, StoreError> {
        let lease = match self.0.store.claim(tenant, task).await? {
            Claim::Granted(lease) => lease,
            Claim::Refused(refusal) => return Ok(refused(task, &refusal)),
        };
        match self.run_claimed(&lease).await {
            Ok(outcome) => {
                self.finish(&lease, outcome).await?;
                Ok(Delivery::Done)
            }
            Err(error) => {
                // Nothing was run: give the task back so that the next delivery need not wait for the lease.
                self.0.store.release(&lease).await?;
                Err(error)
            }
        }
    }

    async fn run_claimed(&self, lease: &Lease) -> Result<Result<Answer, RunError>, StoreError> {
        let input = self.0.store.input(lease).await?;
        let Ok(call) = serde_json::from_value::<Call>(input) else {
            return Ok(Err(RunError::new(ErrorKind::Internal, "The task's input could not be read back")));
        };
        let plan = match self.plan(&lease.tenant, lease.flow, &lease.flow_version).await? {
            Ok(plan) => plan,
            Err(error) => return Ok(Err(error)),
        };
        let tweaks = match Tweaks::resolve(&plan, call.tweaks(), self.0.config.tweaks) {
            Ok(tweaks) => tweaks,
            Err(error) => return Ok(Err(RunError::new(ErrorKind::Tweak, error.to_string()))),
        };
        let Ok(session) = SessionId::try_from(lease.session.as_str()) else {
            return Ok(Err(RunError::new(
                ErrorKind::Internal,
                "The task's session id could not be read back",
            )));
        };
        Ok(self.execute(lease.task, &lease.tenant, lease.flow, &session, call, plan, tweaks).await)
    }

    async fn finish(&self, lease: &Lease, outcome: Result<Answer, RunError>) -> Result<(), StoreError> {
        let outcome = stored(&outcome);
        match self.0.store.finish(lease, &outcome).await {
            Err(StoreError::TooLarge { what, size, limit }) => {
                self.0.store.finish(lease, &too_large(what, size, limit)).await.map(drop)
            }
            other => other.map(drop),
        }
    }

    async fn load(&self, job: &Job) -> Result<Result<Arc<Plan>, RunError>, RunnerError> {
        match &job.flow.version {
            Some(version) => Ok(self.plan(&job.tenant, job.flow.id, version).await?),
            None => Err(RunnerError::Flow(no_data(job.flow.id))),
        }
    }

    fn new_task(&self, id: TaskId, job: &Job) -> Result<NewTask, RunnerError> {
        let flow_version = job.flow.version.clone().ok_or_else(|| RunnerError::Flow(no_data(job.flow.id)))?;
        let input = serde_json::to_value(&job.call).map_err(|e| {
            RunnerError::Flow(RunError::new(ErrorKind::Internal, "The call could not be kept").because(e))
        })?;
        let session = job.session.as_str().to_owned();
        Ok(NewTask { id, tenant: job.tenant.clone(), flow: job.flow.id, flow_version, session, input })
    }

    /// Keeps the task of a call that was run here.
    async fn keep(
        &self,
        task: TaskId,
        job: &Job,
        outcome: &Result<Answer, RunError>,
    ) -> Result<(), RunnerError> {
        let task = self.new_task(task, job)?;
        match self.0.store.record_sync(&task, &stored(outcome)).await {
            Err(StoreError::TooLarge { what, size, limit }) => {
                Ok(self.0.store.record_sync(&task, &too_large(what, size, limit)).await?)
            }
            other => Ok(other?),
        }
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "the parts of a task, which a lease and a job name differently"
    )]
    async fn execute(
        &self,
        task: TaskId,
        tenant: &TenantId,
        flow: FlowId,
        session: &SessionId,
        call: Call,
        plan: Arc<Plan>,
        tweaks: Tweaks,
    ) -> Result<Answer, RunError> {
        let run = Run {
            plan,
            tweaks,
            task_id: task.to_string(),
            flow_id: flow.to_string(),
            session_id: session.as_str().to_owned(),
            clear_session: matches!(call, Call::Process { clear_session: true, .. }),
            services: self.services(tenant, flow, session),
        };
        let limit = self.0.config.run_timeout;
        let run = AssertUnwindSafe(answer(&run, call)).catch_unwind();
        match tokio::time::timeout(limit, run).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) => Err(RunError::new(ErrorKind::Internal, "The run ended by a fault of Millrace")),
            Err(_) => {
                let message = format!("The run did not end within {} s", limit.as_secs());
                Err(RunError::new(ErrorKind::Timeout, message).transient(true))
            }
        }
    }
}

async fn answer(run: &Run, call: Call) -> Result<Answer, RunError> {
    match (call, run.plan.flow().dialect) {
        (Call::Process { inputs, .. }, Dialect::V0) => {
            let output = process(run, inputs.into()).await?;
            Ok(Answer { result: output.result, messages: Vec::new() })
        }
        (Call::Process { inputs, .. }, Dialect::V1) => {
            chat(run, &chat_of(inputs)?, &OutputSelection::Any).await
        }
        (Call::Run { input_value, input_type, output, .. }, Dialect::V1) => {
            chat(run, &ChatInput { value: input_value, input_type }, &output).await
        }
        (Call::Run { .. }, Dialect::V0) => {
            let message = "This flow is of Langflow 0.x: call it by POST /api/v1/process/{flow_id}";
            Err(RunError::new(ErrorKind::Input, message))
        }
    }
}

async fn chat(run: &Run, input: &ChatInput, output: &OutputSelection) -> Result<Answer, RunError> {
    let answer = run_chat(run, input, output).await?;
    let result = json!({"session_id": run.session_id, "outputs": answer.outputs});
    Ok(Answer { result, messages: answer.messages })
}

/// A client of the older route may call a newer flow: its `inputs.input_value` is the text.
fn chat_of(inputs: Inputs) -> Result<ChatInput, RunError> {
    let Inputs::One(inputs) = inputs else {
        let message = "This flow is of Langflow 1.x: its inputs are an object with input_value, not a list";
        return Err(RunError::new(ErrorKind::Input, message));
    };
    let value = inputs.get("input_value").map(python_str);
    Ok(ChatInput { value, input_type: InputType::Any })
}

fn stored(outcome: &Result<Answer, RunError>) -> Outcome {
    match outcome {
        Ok(answer) => Outcome::Succeeded { result: answer.result.clone() },
        Err(error) => Outcome::Failed {
            error: TaskError {
                kind: error.kind.code().to_owned(),
                message: error.message.clone(),
                retryable: error.transient,
            },
        },
    }
}

fn too_large(what: &str, size: usize, limit: usize) -> Outcome {
    let message = format!("The {what} is too large to keep: {size} bytes; the limit is {limit}");
    Outcome::Failed { error: TaskError { kind: "output_too_large".to_owned(), message, retryable: false } }
}

fn no_data(flow: FlowId) -> RunError {
    // Langflow's own sentence (0.6 contract 1.1).
    RunError::new(ErrorKind::Flow, format!("Flow {flow} has no data"))
}

fn refused(task: TaskId, refusal: &Refusal) -> Delivery {
    tracing::info!(task = %task, ?refusal, "claim refused");
    match refusal {
        Refusal::Unknown => Delivery::UnknownTask,
        _ => Delivery::Done,
    }
}
