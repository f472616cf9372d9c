//! A flow made ready to run: components found, edges sorted, circles refused.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::check::{self, Warning};
use crate::component::{Entry, Kind};
use crate::error::FlowError;
use crate::flow::{Dialect, Edge, Flow};
use crate::registry::Registry;

/// The output by which a component of 0.x that gives a language model is known.
const MODEL: &str = "model";

/// A flow that can be run any number of times. Nothing in it changes.
pub struct Plan {
    flow: Flow,
    entries: Vec<Option<&'static Entry>>,
    findings: Vec<Option<Warning>>,
    /// Edges into each vertex, in file order.
    incoming: Vec<Vec<usize>>,
    /// How many edges leave each vertex.
    outgoing: Vec<Vec<usize>>,
}

impl Plan {
    /// Plans a flow. `strict` refuses unknown code under a known type instead of running the stock one.
    ///
    /// # Errors
    /// [`FlowError::NoRoot`], [`FlowError::Cycle`] and, in 0.x, [`FlowError::Unconnected`].
    pub fn new(mut flow: Flow, registry: &Registry, strict: bool) -> Result<Arc<Self>, FlowError> {
        let count = flow.vertices.len();
        let entries: Vec<_> = flow.vertices.iter().map(|vertex| registry.component(vertex)).collect();
        hand_model_to_toolkits(&mut flow, &entries);
        let (mut incoming, mut outgoing) = (vec![Vec::new(); count], vec![Vec::new(); count]);
        for (i, edge) in flow.edges.iter().enumerate() {
            incoming[edge.target].push(i);
            outgoing[edge.source].push(i);
        }
        let findings = flow.vertices.iter().map(|vertex| check::vertex(registry, vertex, strict)).collect();
        let plan = Self { flow, entries, findings, incoming, outgoing };
        plan.refuse_unconnected()?;
        plan.refuse_cycles()?;
        plan.roots().next().ok_or(FlowError::NoRoot)?;
        Ok(Arc::new(plan))
    }

    /// The flow.
    pub fn flow(&self) -> &Flow {
        &self.flow
    }

    /// The vertices that feed no other, in file order. In 0.x the first is called (contract 1.5).
    pub fn roots(&self) -> impl Iterator<Item = usize> {
        (0..self.flow.vertices.len()).filter(|vertex| self.outgoing[*vertex].is_empty())
    }

    pub(crate) fn entry(&self, vertex: usize) -> Option<&'static Entry> {
        self.entries[vertex]
    }

    pub(crate) fn finding(&self, vertex: usize) -> Option<&Warning> {
        self.findings[vertex].as_ref()
    }

    /// Vertices that will not run as drawn.
    pub(crate) fn unrunnable(&self) -> impl Iterator<Item = Warning> {
        self.findings.iter().flatten().cloned()
    }

    pub(crate) fn incoming(&self, vertex: usize) -> impl Iterator<Item = &Edge> {
        self.incoming[vertex].iter().map(|edge| &self.flow.edges[*edge])
    }

    pub(crate) fn outgoing(&self, vertex: usize) -> impl Iterator<Item = &Edge> {
        self.outgoing[vertex].iter().map(|edge| &self.flow.edges[*edge])
    }

    /// Whether a vertex has this field, as drawn or by its type.
    pub(crate) fn has_field(&self, vertex: usize, field: &str) -> bool {
        let by_type = |entry: &Entry| entry.spec.inputs.iter().any(|input| input.name == field);
        self.flow.vertices[vertex].field(field).is_some() || self.entry(vertex).is_some_and(by_type)
    }

    /// All vertices from which this one can be reached, without itself.
    pub(crate) fn ancestors(&self, vertex: usize) -> BTreeSet<usize> {
        let mut seen = BTreeSet::new();
        let mut open = vec![vertex];
        while let Some(next) = open.pop() {
            open.extend(self.incoming(next).map(|edge| edge.source).filter(|source| seen.insert(*source)));
        }
        seen
    }

    fn refuse_unconnected(&self) -> Result<(), FlowError> {
        let count = self.flow.vertices.len();
        if count < 2 || self.flow.dialect == Dialect::V1 {
            return Ok(());
        }
        let lonely = (0..count).find(|v| self.incoming[*v].is_empty() && self.outgoing[*v].is_empty());
        match lonely {
            Some(vertex) => Err(FlowError::Unconnected(self.flow.vertices[vertex].kind.clone())),
            None => Ok(()),
        }
    }

    /// Takes away what nothing feeds until nothing is left, or only circles and what they feed.
    fn refuse_cycles(&self) -> Result<(), FlowError> {
        let mut waiting: Vec<usize> = self.incoming.iter().map(Vec::len).collect();
        let mut ready: Vec<usize> = (0..waiting.len()).filter(|v| waiting[*v] == 0).collect();
        let mut done = vec![false; waiting.len()];
        while let Some(vertex) = ready.pop() {
            done[vertex] = true;
            for edge in self.outgoing(vertex) {
                waiting[edge.target] -= 1;
                if waiting[edge.target] == 0 {
                    ready.push(edge.target);
                }
            }
        }
        match done.iter().position(|done| !done) {
            Some(stuck) => Err(FlowError::Cycle(self.circle(stuck, &done))),
            None => Ok(()),
        }
    }

    /// The ids around a circle, walking backwards from a vertex that is in one or behind one.
    fn circle(&self, start: usize, done: &[bool]) -> Vec<String> {
        let mut path = vec![start];
        loop {
            let last = path[path.len() - 1];
            let Some(edge) = self.incoming(last).find(|edge| !done[edge.source]) else { break };
            if let Some(first) = path.iter().position(|vertex| *vertex == edge.source) {
                path.drain(..first);
                break;
            }
            path.push(edge.source);
        }
        path.push(path[0]);
        path.iter().rev().map(|vertex| self.flow.vertices[*vertex].id.clone()).collect()
    }
}

/// A toolkit whose `llm` nothing feeds gets the last model of the flow (contract 2.5).
fn hand_model_to_toolkits(flow: &mut Flow, entries: &[Option<&'static Entry>]) {
    if flow.dialect == Dialect::V1 {
        return;
    }
    let gives_model = |entry: &&Entry| entry.spec.outputs.first().is_some_and(|output| output.name == MODEL);
    let Some(model) = entries.iter().rposition(|entry| entry.as_ref().is_some_and(gives_model)) else {
        return;
    };
    for (toolkit, entry) in entries.iter().enumerate() {
        let wants = entry.is_some_and(|entry| entry.spec.kind == Kind::Toolkit);
        if wants && !flow.edges.iter().any(|edge| edge.target == toolkit && edge.field == "llm") {
            flow.edges.push(Edge { source: model, output: None, target: toolkit, field: "llm".to_owned() });
        }
    }
}
