//! A flow that calls another flow of the same tenant.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use crate::answer::OutputSelection;
use crate::capability::Usage;
use crate::context::Context;
use crate::effect::Effect;
use crate::error::{ErrorKind, RunError};
use crate::flow::Dialect;
use crate::python_text::python_str;
use crate::run::{self, ChatInput, InputType, ProcessInputs, Run};
use crate::services::LoadedFlow;
use crate::tweak::{Leniency, Tweaks};

/// How many flows may call each other in a chain, the first not counted.
pub const MAX_FLOW_DEPTH: u32 = 5;

/// Which version of a flow was called: recorded, so that a run that is resumed calls the same.
#[derive(Serialize, Deserialize)]
struct Called {
    id: String,
    version: String,
}

impl Context {
    /// Runs another flow of the same tenant as a part of this run and answers its result: the root's outputs
    /// of a 0.x flow, the text of the last message of a 1.x flow, whose input is `input_value` or the only
    /// input.
    ///
    /// # Errors
    /// [`ErrorKind::Flow`] when there is no such flow or flows call each other more than
    /// [`MAX_FLOW_DEPTH`] deep, else what the flow ends with.
    pub async fn run_flow(
        &self,
        flow: &str,
        inputs: ProcessInputs,
        tweaks: &Map<String, Json>,
    ) -> Result<Json, RunError> {
        if self.depth() >= MAX_FLOW_DEPTH {
            let message = format!("flows call each other more than {MAX_FLOW_DEPTH} deep");
            return Err(RunError::new(ErrorKind::Flow, message));
        }
        let loaded = self.load_flow(flow).await?;
        let tweaks = Tweaks::resolve(&loaded.plan, tweaks, Leniency::Lenient)
            .map_err(|e| RunError::new(ErrorKind::Tweak, e.to_string()))?;
        let services = crate::Services { sessions: loaded.sessions.clone(), ..self.services().clone() };
        let run = Run {
            plan: loaded.plan,
            tweaks,
            task_id: self.task_id().to_owned(),
            flow_id: loaded.id.clone(),
            session_id: self.session_id().to_owned(),
            clear_session: false,
            services: services.clone(),
        };
        // Boxed: a flow that calls a flow is a future within itself.
        Box::pin(answer(&run, self.inner_run(services, loaded.id), inputs)).await.map(|(result, usage)| {
            self.used(usage);
            result
        })
    }

    async fn load_flow(&self, flow: &str) -> Result<LoadedFlow, RunError> {
        let flows = self.services().flows.clone();
        let effect = Effect { kind: "flow", request: serde_json::json!({"flow": flow}) };
        let called: Called = self
            .effect(effect, || async {
                let loaded = flows.load(flow, None).await?;
                Ok((Called { id: loaded.id, version: loaded.version }, Usage::default()))
            })
            .await?;
        flows.load(&called.id, Some(&called.version)).await
    }
}

async fn answer(run: &Run, cx: Context, inputs: ProcessInputs) -> Result<(Json, Usage), RunError> {
    match run.plan.flow().dialect {
        Dialect::V0 => {
            let output = run::process_within(run, &cx, inputs).await?;
            Ok((output.result, output.usage))
        }
        Dialect::V1 => {
            let input = ChatInput { value: chat_text(inputs)?, input_type: InputType::Chat };
            let answer = run::run_chat_within(run, &cx, &input, &OutputSelection::Any).await?;
            let text = answer.messages.last().map_or(Json::Null, |message| message.text.clone().into());
            Ok((text, answer.usage))
        }
    }
}

fn chat_text(inputs: ProcessInputs) -> Result<Option<String>, RunError> {
    match inputs {
        ProcessInputs::Text(text) => Ok(Some(text)),
        ProcessInputs::One(fields) => {
            Ok(fields.get("input_value").or_else(|| fields.values().next()).map(python_str))
        }
        ProcessInputs::Many(_) => {
            Err(RunError::new(ErrorKind::Input, "this flow takes one text, not a list of inputs"))
        }
    }
}
