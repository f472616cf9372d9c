//! A run: vertices whose inputs are ready run concurrently, then the dialect's end.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use futures::stream::{FuturesUnordered, StreamExt};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use crate::answer::{self, OutputSelection, RunAnswer};
use crate::capability::{Capability, Usage};
use crate::component::{Kind, Outputs};
use crate::context::{Context, Identity, Upstream, VertexScope};
use crate::error::{ErrorKind, RunError};
use crate::flow::{Dialect, Edge};
use crate::inputs::Inputs;
use crate::plan::Plan;
use crate::prompt::PromptText;
use crate::services::Services;
use crate::tweak::Tweaks;
use crate::value::Value;

/// Inputs in one call of `/process`, at most.
const MAX_INPUTS: usize = 1_000;
/// Calls of one list of inputs that run at a time.
const PARALLEL_INPUTS: usize = 32;

/// What identifies a run and what it may reach.
pub struct Run {
    /// The flow.
    pub plan: Arc<Plan>,
    /// The caller's tweaks.
    pub tweaks: Tweaks,
    /// The task's id; sorts by time.
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
    let plan = &run.plan;
    let root = plan.roots().next().ok_or_else(|| RunError::new(ErrorKind::Flow, "No root vertex found"))?;
    let cx = context(run).await?;
    let mut needed = plan.ancestors(root);
    needed.insert(root);
    let built = build(run, &cx.scope("build"), &needed).await?;
    let object = output_of(plan, &built, root, None)?;
    let cx = cx.scope("call");
    let result = match inputs {
        ProcessInputs::One(inputs) => call(&object, &cx.scope(&index(0)), inputs).await,
        ProcessInputs::Many(list) => call_many(&object, &cx, list).await,
    };
    let result = result.map_err(run_error)?;
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
    let plan = &run.plan;
    let mut tweaks = run.tweaks.clone();
    fill_inputs(run, input, &mut tweaks)?;
    let filled = Run {
        plan: plan.clone(),
        tweaks,
        task_id: run.task_id.clone(),
        flow_id: run.flow_id.clone(),
        session_id: run.session_id.clone(),
        clear_session: run.clear_session,
        services: run.services.clone(),
    };
    let cx = context(run).await?;
    let all = (0..plan.flow().vertices.len()).collect();
    let built = build(&filled, &cx.scope("build"), &all).await?;
    Ok(answer::answer(plan, &cx, input, outputs, &built))
}

async fn context(run: &Run) -> Result<Context, RunError> {
    let identity = Identity {
        task_id: run.task_id.clone(),
        flow_id: run.flow_id.clone(),
        session_id: run.session_id.clone(),
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
        Value::Capability(Capability::ChatModel(_)) => {
            let message = "Invalid input type: a language model takes text or messages, not an object; \
                           connect it to a chain";
            Err(RunError::new(ErrorKind::Input, message))
        }
        other => Ok(other.to_json()),
    }
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

/// Outputs by vertex.
pub(crate) type Built = HashMap<usize, Outputs>;

/// Runs vertices as soon as what feeds them has run. The first failure ends it.
async fn build(run: &Run, cx: &Context, needed: &BTreeSet<usize>) -> Result<Built, RunError> {
    let plan = &run.plan;
    let sources = |vertex: usize| plan.incoming(vertex).map(|edge| edge.source).collect::<BTreeSet<_>>();
    let mut waiting: HashMap<usize, BTreeSet<usize>> = needed.iter().map(|v| (*v, sources(*v))).collect();
    let mut built = Built::new();
    let mut running = FuturesUnordered::new();
    loop {
        let mut ready: Vec<usize> =
            waiting.iter().filter(|(_, open)| open.is_empty()).map(|(v, _)| *v).collect();
        ready.sort_unstable();
        for vertex in ready {
            waiting.remove(&vertex);
            let inputs = connected(plan, &built, vertex)?;
            running.push(run_vertex(run, cx, vertex, inputs));
        }
        let Some(done) = running.next().await else { return Ok(built) };
        let (vertex, outputs) = done?;
        waiting.values_mut().for_each(|open| {
            open.remove(&vertex);
        });
        built.insert(vertex, outputs);
    }
}

/// What the edges bring, by field: a list field gets all in edge order, any other the last.
fn connected(plan: &Plan, built: &Built, vertex: usize) -> Result<Inputs, RunError> {
    let mut inputs: Inputs = Vec::new();
    for edge in plan.incoming(vertex) {
        let value = output_of(plan, built, edge.source, Some(edge))?;
        let list = plan.flow().vertices[vertex].field(&edge.field).is_some_and(|field| field.list);
        let present = inputs.iter_mut().find(|(field, _)| *field == edge.field);
        match (present, list) {
            (Some((_, Value::List(all))), true) => extend(all, value),
            (Some((_, slot)), _) => *slot = value,
            (None, true) => {
                let mut all = Vec::new();
                extend(&mut all, value);
                inputs.push((edge.field.clone(), Value::List(all)));
            }
            (None, false) => inputs.push((edge.field.clone(), value)),
        }
    }
    Ok(inputs)
}

/// A result that is a list extends a list field.
fn extend(all: &mut Vec<Value>, value: Value) {
    match value {
        Value::List(more) => all.extend(more),
        one => all.push(one),
    }
}

fn output_of(plan: &Plan, built: &Built, vertex: usize, edge: Option<&Edge>) -> Result<Value, RunError> {
    let source = &plan.flow().vertices[vertex];
    let first = || plan.entry(vertex).and_then(|entry| entry.spec.outputs.first()).map(|output| output.name);
    let name = edge.and_then(|edge| edge.output.as_deref()).or_else(first).unwrap_or_default();
    let value = built.get(&vertex).and_then(|outputs| outputs.get(name));
    value.cloned().ok_or_else(|| {
        RunError::new(ErrorKind::Flow, format!("Node {} ({}) has no output '{name}'", source.id, source.kind))
    })
}

async fn run_vertex(
    run: &Run,
    cx: &Context,
    vertex: usize,
    inputs: Inputs,
) -> Result<(usize, Outputs), RunError> {
    let plan = &run.plan;
    let name = |error| name_vertex(plan, vertex, error);
    if let Some(refusal) = plan.finding(vertex).and_then(|finding| finding.refusal()) {
        return Err(name(RunError::new(ErrorKind::Flow, refusal)));
    }
    let Some(entry) = plan.entry(vertex) else {
        return Err(name(RunError::new(ErrorKind::Flow, "it has no component")));
    };
    let cx = cx.for_vertex(scope_of(plan, vertex));
    let inputs = with_fields(run, &cx, vertex, inputs).await.map_err(name)?;
    let outcome = entry.run(inputs, &cx).await;
    let outputs = outcome.map_err(|error| name(blame_tweak(run, vertex, error)))?;
    Ok((vertex, outputs))
}

/// A field that does not fit is the caller's fault if the caller set it.
fn blame_tweak(run: &Run, vertex: usize, mut error: RunError) -> RunError {
    let tweaked = error.field.as_ref().is_some_and(|field| run.tweaks.get(vertex, field).is_some());
    if tweaked && error.kind == ErrorKind::Flow {
        error.kind = ErrorKind::Tweak;
    }
    error
}

/// Says which node failed, in the words of its dialect.
fn name_vertex(plan: &Plan, vertex: usize, mut error: RunError) -> RunError {
    let node = &plan.flow().vertices[vertex];
    match plan.flow().dialect {
        Dialect::V0 => error.in_vertex(&node.kind, &node.id),
        Dialect::V1 => {
            let cause = &error.message;
            error.message =
                format!("Error running graph: Error building Component {}: \n\n{cause}", node.display_name);
            error
        }
    }
}

fn scope_of(plan: &Plan, vertex: usize) -> VertexScope {
    let vertices = &plan.flow().vertices;
    let wanted: BTreeSet<String> = plan.outgoing(vertex).filter_map(|edge| edge.output.clone()).collect();
    let listed = |v: usize| {
        let spec = plan.entry(v).map(|entry| entry.spec.outputs).unwrap_or_default();
        spec.iter().map(|output| output.name.to_owned())
    };
    // A vertex that feeds no other gives all its outputs; a 0.x vertex has only its first.
    let wanted = match (wanted.is_empty(), plan.flow().dialect) {
        (true, Dialect::V0) => listed(vertex).take(1).collect(),
        (true, Dialect::V1) => listed(vertex).collect(),
        (false, _) => wanted,
    };
    let upstream = plan.incoming(vertex).map(|edge| {
        let source = &vertices[edge.source];
        let of = Upstream {
            id: source.id.clone(),
            display_name: source.display_name.clone(),
            kind: source.kind.clone(),
        };
        (edge.field.clone(), of)
    });
    VertexScope {
        upstream: upstream.collect(),
        ancestors: plan.ancestors(vertex).into_iter().map(|v| vertices[v].id.clone()).collect(),
        wanted,
        vertex: vertices[vertex].clone(),
    }
}

/// Adds the fields as drawn, or as the caller set them, to what the edges bring.
async fn with_fields(run: &Run, cx: &Context, vertex: usize, mut inputs: Inputs) -> Result<Inputs, RunError> {
    let node = &run.plan.flow().vertices[vertex];
    let has = |inputs: &Inputs, name: &str| inputs.iter().any(|(field, _)| field == name);
    for (name, value) in run.tweaks.of(vertex) {
        if !has(&inputs, name) {
            inputs.push((name.clone(), Value::Json(value.clone())));
        }
    }
    for (name, field) in node.fields.iter().filter(|(_, field)| field.show) {
        if has(&inputs, name) {
            continue;
        }
        let stored = match (&field.value, field.load_from_db) {
            (Json::String(variable), true) if !variable.is_empty() => {
                cx.variable(variable).await?.map_or(Json::Null, Json::String)
            }
            (value, _) => value.clone(),
        };
        inputs.push((name.clone(), Value::Json(stored)));
    }
    Ok(inputs)
}
