//! Building a flow: vertices whose inputs are ready run concurrently.

use std::collections::{BTreeSet, HashMap};
use std::pin::pin;
use std::sync::Arc;

use futures::future::select;
use futures::stream::{FuturesUnordered, StreamExt};
use serde_json::Value as Json;

use crate::component::Outputs;
use crate::context::{Ancestors, Context, Upstream, VertexScope};
use crate::error::{ErrorKind, RunError};
use crate::flow::{Dialect, Edge};
use crate::inputs::Inputs;
use crate::plan::Plan;
use crate::run::Run;
use crate::value::Value;

/// Outputs by vertex.
pub(crate) type Built = HashMap<usize, Outputs>;

/// Runs vertices as soon as what feeds them has run. The first failure ends it, but **not before the effects
/// that are in flight are recorded**: they are paid for, and a later attempt shall find them.
pub(crate) async fn build(run: &Run, cx: &Context, needed: &BTreeSet<usize>) -> Result<Built, RunError> {
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
        let (vertex, outputs) = match done {
            Ok(built) => built,
            Err(error) => {
                let others = pin!(async { while running.next().await.is_some() {} });
                let settled = run.services.supervisor.settle();
                // Polled in this order, so that a record is in place before the end of it is noticed.
                select(others, settled).await;
                return Err(error);
            }
        };
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

/// The output of a vertex that an edge reads; the first without an edge.
pub(crate) fn output_of(
    plan: &Plan,
    built: &Built,
    vertex: usize,
    edge: Option<&Edge>,
) -> Result<Value, RunError> {
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
    let supervisor = &run.services.supervisor;
    supervisor.vertex_started(cx.vertex_id());
    let inputs = with_fields(run, &cx, vertex, inputs).await.map_err(name)?;
    let outcome = entry.run(inputs, &cx).await;
    let outputs = outcome.map_err(|error| name(blame_tweak(run, vertex, error)))?;
    supervisor.vertex_done(cx.vertex_id());
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

fn scope_of(plan: &Arc<Plan>, vertex: usize) -> VertexScope {
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
        ancestors: ancestors_of(plan.clone(), vertex),
        wanted,
        vertex: vertices[vertex].clone(),
    }
}

/// Found when asked for: most components never ask, and for all of them it would be quadratic in each run.
fn ancestors_of(plan: Arc<Plan>, vertex: usize) -> Ancestors {
    Box::new(move || {
        let vertices = &plan.flow().vertices;
        plan.ancestors(vertex).into_iter().map(|v| vertices[v].id.clone()).collect()
    })
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
                cx.own_variable(variable).await?.map_or(Json::Null, Json::String)
            }
            (value, _) => value.clone(),
        };
        inputs.push((name.clone(), Value::Json(stored)));
    }
    Ok(inputs)
}
