//! A run: the flow is built, then each dialect has its end.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use crate::answer::{self, OutputSelection, RunAnswer};
use crate::build::{build, output_of};
use crate::capability::Usage;
use crate::component::Kind;
use crate::context::{Context, Identity};
use crate::error::{ErrorKind, RunError};
use crate::plan::Plan;
use crate::root;
use crate::services::Services;
use crate::tweak::Tweaks;

/// What identifies a run and what it may reach.
#[derive(Clone)]
pub struct Run {
    /// The flow.
    pub plan: Arc<Plan>,
    /// The caller's tweaks.
    pub tweaks: Tweaks,
    /// The task's id; sorts by time. **For the retry of a failed task it is that of the first task of the
    /// chain**, so that what is derived from it (ids of messages, keys of turns) matches the old records.
    pub task_id: String,
    /// The flow's id.
    pub flow_id: String,
    /// The conversation.
    pub session_id: String,
    /// Whether the conversation is forgotten first.
    pub clear_session: bool,
    /// Everything outside.
    pub services: Services,
}

/// The inputs of a 0.x call.
#[derive(Debug, Clone, PartialEq)]
pub enum ProcessInputs {
    /// One set of inputs.
    One(Map<String, Json>),
    /// Several, run in parallel; the answer is a list.
    Many(Vec<Map<String, Json>>),
    /// One text: it goes to the only input.
    Text(String),
}

/// The answer of a 0.x call.
#[derive(Debug, Clone)]
pub struct ProcessOutput {
    /// The bare result.
    pub result: Json,
    /// Tokens used.
    pub usage: Usage,
}

/// The input of a 1.x call.
#[derive(Debug, Clone, Default)]
pub struct ChatInput {
    /// The text, if one was given; else the flow's own stands.
    pub value: Option<String>,
    /// Which inputs take it: `chat`, `text` or `any`.
    pub input_type: InputType,
}

/// Which input vertices take the caller's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum InputType {
    /// Chat inputs.
    #[default]
    Chat,
    /// Text inputs.
    Text,
    /// Both.
    Any,
}

/// Runs a 0.x flow: builds what the root needs, then calls the root with the inputs.
///
/// # Errors
/// [`RunError`], in Langflow's words where it has some.
pub async fn process(run: &Run, inputs: ProcessInputs) -> Result<ProcessOutput, RunError> {
    let cx = context(run).await?;
    process_within(run, &cx, inputs).await
}

/// The same, in a scope that stands already.
pub(crate) async fn process_within(
    run: &Run,
    cx: &Context,
    inputs: ProcessInputs,
) -> Result<ProcessOutput, RunError> {
    let plan = &run.plan;
    let root = plan.roots().next().ok_or_else(|| RunError::new(ErrorKind::Flow, "No root vertex found"))?;
    let mut needed = plan.ancestors(root);
    needed.insert(root);
    let built = build(run, &cx.scope("build"), &needed).await?;
    let object = output_of(plan, &built, root, None)?;
    let cx = cx.scope("call");
    let root_id = &plan.flow().vertices[root].id;
    run.services.supervisor.vertex_started(root_id);
    let result = root::answer(&object, &cx, inputs).await.map_err(run_error)?;
    run.services.supervisor.vertex_done(root_id);
    Ok(ProcessOutput { result, usage: cx.total_usage() })
}

/// Runs a 1.x flow: all of it, then answers with the outputs asked for.
///
/// # Errors
/// [`RunError`], in Langflow's words where it has some.
pub async fn run_chat(
    run: &Run,
    input: &ChatInput,
    outputs: &OutputSelection,
) -> Result<RunAnswer, RunError> {
    let cx = context(run).await?;
    run_chat_within(run, &cx, input, outputs).await
}

/// The same, in a scope that stands already.
pub(crate) async fn run_chat_within(
    run: &Run,
    cx: &Context,
    input: &ChatInput,
    outputs: &OutputSelection,
) -> Result<RunAnswer, RunError> {
    let plan = &run.plan;
    let mut tweaks = run.tweaks.clone();
    fill_inputs(run, input, &mut tweaks)?;
    let filled = Run { tweaks, ..run.clone() };
    let all = (0..plan.flow().vertices.len()).collect();
    let built = build(&filled, &cx.scope("build"), &all).await?;
    Ok(answer::answer(plan, cx, input, outputs, &built))
}

async fn context(run: &Run) -> Result<Context, RunError> {
    let identity = Identity {
        task_id: run.task_id.clone(),
        flow_id: run.flow_id.clone(),
        session_id: run.session_id.clone(),
        depth: 0,
    };
    let cx = Context::root(run.services.clone(), identity);
    if run.clear_session {
        cx.clear_session().await?;
    }
    Ok(cx)
}

/// Langflow puts this before what a chain fails with (contract 1.1).
fn run_error(mut error: RunError) -> RunError {
    error.message = format!("Error: {}", error.message);
    error
}

/// Puts the caller's text and the session over the fields that take them.
fn fill_inputs(run: &Run, input: &ChatInput, tweaks: &mut Tweaks) -> Result<(), RunError> {
    for (i, vertex) in run.plan.flow().vertices.iter().enumerate() {
        let kind = run.plan.entry(i).map_or(Kind::Plain, |entry| entry.spec.kind);
        let takes = match kind {
            Kind::ChatInput => input.input_type != InputType::Text,
            Kind::TextInput => input.input_type != InputType::Chat,
            _ => false,
        };
        if let (true, Some(value)) = (takes, &input.value) {
            if tweaks.get(i, "input_value").is_some() && !value.is_empty() {
                let message = format!("{}: give input_value or a tweak of it, not both", vertex.id);
                return Err(RunError::new(ErrorKind::Tweak, message));
            }
            tweaks.put(i, "input_value", Json::String(value.clone()));
        }
        if vertex.field("session_id").is_some() {
            tweaks.put(i, "session_id", Json::String(run.session_id.clone()));
        }
    }
    Ok(())
}
