//! One run of a flow, from the call to its answer.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures::FutureExt;
use millrace_engine::{
    ChatInput, Dialect, ErrorKind, InputType, Journal, Message, OutputSelection, Plan, Run, RunError,
    Supervisor, Tweaks, process, python_str, run_chat,
};
use millrace_store::{FlowId, Outcome, SessionId, TaskError, TaskId, TenantId};
use serde_json::{Value as Json, json};

use crate::Runner;
use crate::call::{Call, Inputs};
use crate::journal::RedactingJournal;
use crate::redact::Redactor;
use crate::secrets::{CallVariables, Secrets};

/// What a run answers.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The bare result of a 0.x call, or `{session_id, outputs}` of a 1.x call.
    pub result: Json,
    /// The messages that a 1.x run stored, in order.
    pub messages: Vec<Message>,
}

/// Everything that one run needs.
pub(crate) struct Parts {
    pub tenant: TenantId,
    pub flow: FlowId,
    pub session: SessionId,
    /// The task, or the first of its chain where it is a retry.
    pub origin: TaskId,
    pub call: Call,
    /// Variables for this run alone.
    pub variables: CallVariables,
    pub plan: Arc<Plan>,
    pub tweaks: Tweaks,
    pub journal: Arc<dyn Journal>,
    pub supervisor: Arc<dyn Supervisor>,
}

impl Runner {
    /// Runs a flow to its end, however long that takes. A panic is a failure of this run alone.
    pub(crate) fn execute(
        &self,
        parts: Parts,
    ) -> impl Future<Output = Result<Answer, RunError>> + Send + 'static {
        let Parts { tenant, flow, session, origin, call, variables, plan, tweaks, journal, supervisor } =
            parts;
        let redactor = Arc::new(Redactor::default());
        let (secrets, _) = Secrets::taken_from(call.tweaks(), &variables, Some(&plan));
        secrets.texts().into_iter().for_each(|secret| redactor.hide(secret));
        let journal = Arc::new(RedactingJournal { journal, redactor: redactor.clone() });
        let variables = self.variables(&tenant, variables, redactor.clone());
        let run = Run {
            plan,
            tweaks,
            task_id: origin.to_string(),
            flow_id: flow.to_string(),
            session_id: session.as_str().to_owned(),
            clear_session: matches!(call, Call::Process { clear_session: true, .. }),
            services: self.services(
                (&tenant, flow, &session),
                journal,
                variables.clone(),
                supervisor,
                &redactor,
            ),
        };
        async move {
            variables.read_ahead(run.plan.flow()).await;
            let answered = AssertUnwindSafe(answer(&run, call)).catch_unwind().await;
            let fault = |_| Err(RunError::new(ErrorKind::Internal, "The run ended by a fault of Millrace"));
            match answered.unwrap_or_else(fault) {
                Ok(Answer { result, messages }) => {
                    let shown = |message: Message| Message { text: redactor.text(message.text), ..message };
                    let messages = messages.into_iter().map(shown).collect();
                    Ok(Answer { result: redactor.json(result), messages })
                }
                Err(error) => Err(redactor.error(error)),
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

/// The end of a run as it is kept.
pub(crate) fn outcome_of(ended: &Result<Answer, RunError>) -> Outcome {
    match ended {
        Ok(answer) => Outcome::Succeeded { result: answer.result.clone() },
        Err(error) => failed(error.kind.code(), error.message.clone(), error.transient),
    }
}

/// A failure as it is kept.
pub(crate) fn failed(kind: &str, message: impl Into<String>, retryable: bool) -> Outcome {
    Outcome::Failed { error: TaskError { kind: kind.to_owned(), message: message.into(), retryable } }
}

/// A failure in place of an end that does not fit.
pub(crate) fn too_large(what: &str, size: usize, limit: usize) -> Outcome {
    let message = format!("The {what} is too large to keep: {size} bytes; the limit is {limit}");
    failed(ErrorKind::OutputTooLarge.code(), message, false)
}
