//! A run: the flow is built, then each dialect has its end.

use std::sync::Arc;

use futures::stream::StreamExt;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use crate::answer::{self, OutputSelection, RunAnswer};
use crate::build::{build, output_of};
use crate::capability::{Capability, Search, SearchKind, Usage};
use crate::component::Kind;
use crate::context::{Context, Identity};
use crate::error::{ErrorKind, RunError};
use crate::plan::Plan;
use crate::prompt::PromptText;
use crate::services::Services;
use crate::tweak::Tweaks;
use crate::value::{Value, python_str};

/// Inputs in one call of `/process`, at most.
const MAX_INPUTS: usize = 1_000;
/// Calls of one list of inputs that run at a time.
const PARALLEL_INPUTS: usize = 32;

/// Documents of one search, at most.
const MAX_FOUND: u64 = 1_000;

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
    let result = match inputs {
        ProcessInputs::One(inputs) => call(&object, &cx.scope(&index(0)), inputs).await,
        ProcessInputs::Many(list) => call_many(&object, &cx, list).await,
        ProcessInputs::Text(text) => match only_input(&object) {
            Ok(name) => {
                let inputs = Map::from_iter([(name, Json::String(text))]);
                call(&object, &cx.scope(&index(0)), inputs).await
            }
            Err(error) => Err(error),
        },
    };
    let result = result.map_err(run_error)?;
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

/// The name of the root's only input.
fn only_input(object: &Value) -> Result<String, RunError> {
    let mut names = match object {
        Value::Capability(Capability::Chain(chain)) => chain.input_keys(),
        Value::Capability(Capability::Prompt(prompt)) => prompt.variables(),
        Value::Capability(Capability::VectorStore(_)) => vec!["query".to_owned()],
        _ => vec!["input".to_owned()],
    };
    match (names.pop(), names.is_empty()) {
        (Some(name), true) => Ok(name),
        _ => {
            let message = "this flow does not take exactly one input: give its inputs by name";
            Err(RunError::new(ErrorKind::Input, message))
        }
    }
}

/// Langflow puts this before what a chain fails with (contract 1.1).
fn run_error(mut error: RunError) -> RunError {
    error.message = format!("Error: {}", error.message);
    error
}

/// Input number `i`, in a form that sorts.
fn index(i: usize) -> String {
    format!("{i:05}")
}

async fn call_many(object: &Value, cx: &Context, list: Vec<Map<String, Json>>) -> Result<Json, RunError> {
    if list.len() > MAX_INPUTS {
        let message = format!("inputs has {} entries; the limit is {MAX_INPUTS}", list.len());
        return Err(RunError::new(ErrorKind::Input, message));
    }
    let Value::Capability(Capability::Chain(chain)) = object else {
        return Err(RunError::new(
            ErrorKind::Input,
            "Invalid inputs type: this flow takes one object, not a list",
        ));
    };
    let calls = list.into_iter().enumerate().map(|(i, inputs)| {
        let cx = cx.scope(&index(i));
        async move {
            let call = chain.call(&cx, inputs.clone()).await?;
            let mut merged = inputs;
            merged.extend(call.memory);
            merged.extend(call.outputs);
            Ok(Json::Object(merged))
        }
    });
    let calls: Vec<_> = calls.collect();
    futures::stream::iter(calls).buffered(PARALLEL_INPUTS).collect::<Vec<_>>().await.into_iter().collect()
}

/// The root with one set of inputs (contract 1.5).
async fn call(object: &Value, cx: &Context, inputs: Map<String, Json>) -> Result<Json, RunError> {
    match object {
        Value::Capability(Capability::Chain(chain)) => {
            Ok(Json::Object(chain.call(cx, inputs).await?.outputs))
        }
        Value::Capability(Capability::Prompt(prompt)) => {
            let filled = prompt.fill(&inputs).map_err(|e| RunError::new(ErrorKind::Input, e.to_string()))?;
            Ok(match filled {
                PromptText::Text(text) => serde_json::json!({"text": text}),
                PromptText::Messages(messages) => serde_json::json!({"messages": messages}),
            })
        }
        Value::Capability(Capability::VectorStore(store)) if inputs.contains_key("query") => {
            let found = store.search(cx, &search_of(inputs)?).await?;
            Ok(found.into_iter().map(|found| Value::Document(found.document).to_json()).collect())
        }
        Value::Capability(Capability::ChatModel(_)) => {
            let message = "Invalid input type: a language model takes text or messages, not an object; \
                           connect it to a chain";
            Err(RunError::new(ErrorKind::Input, message))
        }
        other => Ok(other.to_json()),
    }
}

/// A search as a caller writes it: `query`, and `k` and `search_type` if they are not the usual (contract 1.5).
fn search_of(inputs: Map<String, Json>) -> Result<Search, RunError> {
    let fault = |what: &str| RunError::new(ErrorKind::Input, format!("inputs.{what}"));
    let mut search = Search::nearest(inputs.get("query").map(python_str).unwrap_or_default());
    if let Some(k) = inputs.get("k") {
        let k = k.as_u64().or_else(|| k.as_str()?.trim().parse().ok());
        let k = k.filter(|k| (1..=MAX_FOUND).contains(k));
        search.k =
            k.ok_or_else(|| fault(&format!("k must be a whole number from 1 to {MAX_FOUND}")))? as usize;
    }
    match inputs.get("search_type").and_then(Json::as_str) {
        None | Some("similarity" | "") => {}
        Some("mmr") => {
            let number = |name: &str| inputs.get(name).and_then(Json::as_f64);
            let fetch_k =
                number("fetch_k").map_or(search.k.max(20), |k| k.clamp(1.0, MAX_FOUND as f64) as usize);
            let lambda = number("lambda_mult").unwrap_or(0.5).clamp(0.0, 1.0) as f32;
            search.kind = SearchKind::Mmr { fetch_k, lambda };
        }
        Some(_) => return Err(fault("search_type must be similarity or mmr")),
    }
    if let Some(Json::Object(filter)) = inputs.get("filter") {
        search.filter = filter.clone();
    }
    Ok(search)
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
