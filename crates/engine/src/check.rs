//! What will not run, or not as drawn, said when a flow is uploaded.

use std::fmt;

use crate::component::Entry;
use crate::error::FlowError;
use crate::flow::{Dialect, LooseEdge, Vertex};
use crate::plan::Plan;
use crate::registry::{Registry, Stock};

/// Something the owner of a flow should know. `Display` is the sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Warning {
    /// The flow cannot run at all.
    Broken(FlowError),
    /// A vertex of a type that is not supported.
    UnknownType {
        /// Vertex id.
        id: String,
        /// Its type.
        kind: String,
        /// Why, where that was decided.
        reason: Option<&'static str>,
    },
    /// A vertex with code of its own, which is never executed.
    OwnCode {
        /// Vertex id.
        id: String,
        /// Its type.
        kind: String,
    },
    /// Code that is not known under a type that is: the stock behaviour runs.
    Drift {
        /// Vertex id.
        id: String,
        /// Its type.
        kind: String,
        /// Whether the strict switch refuses it.
        refused: bool,
    },
    /// An edge to or from a node that is not in the flow is left out.
    LooseEdge(LooseEdge),
    /// More than one vertex feeds no other; the first is the root (contract 1.5).
    Roots(Vec<String>),
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Broken(error) => write!(f, "This flow will not run: {error}"),
            Self::UnknownType { id, kind, reason } => {
                write!(f, "Node {id} will not run: its type {kind} is not supported")?;
                reason.map_or(Ok(()), |reason| write!(f, " ({reason})"))
            }
            Self::OwnCode { id, kind } => {
                write!(
                    f,
                    "Node {id} ({kind}) will not run: it holds code of its own, which is never executed"
                )
            }
            Self::Drift { id, kind, refused: false } => {
                write!(f, "Node {id} holds code that no release of {kind} has; the stock {kind} runs instead")
            }
            Self::Drift { id, kind, refused: true } => {
                write!(f, "Node {id} will not run: it holds code that no release of {kind} has")
            }
            Self::LooseEdge(LooseEdge { source, target }) => {
                write!(f, "The edge from {source} to {target} is left out: one of them is not in the flow")
            }
            Self::Roots(ids) => {
                write!(f, "More than one node feeds no other ({}); the first is run", ids.join(", "))
            }
        }
    }
}

impl Plan {
    /// Everything about this plan that its owner should know.
    pub fn warnings(&self) -> Vec<Warning> {
        let mut warnings: Vec<_> = self.unrunnable().collect();
        warnings.extend(self.flow().loose.iter().cloned().map(Warning::LooseEdge));
        let roots: Vec<_> = self.roots().map(|i| self.flow().vertices[i].id.clone()).collect();
        if self.flow().dialect == Dialect::V0 && roots.len() > 1 {
            warnings.push(Warning::Roots(roots));
        }
        warnings
    }
}

impl Warning {
    /// The vertex it is about, if it is about one.
    pub fn vertex(&self) -> Option<&str> {
        match self {
            Self::UnknownType { id, .. } | Self::OwnCode { id, .. } | Self::Drift { id, .. } => Some(id),
            Self::Broken(_) | Self::LooseEdge(_) | Self::Roots(_) => None,
        }
    }

    /// Whether a run will fail for it.
    pub fn stops(&self) -> bool {
        matches!(self, Self::Broken(_)) || self.refusal().is_some()
    }

    /// Why this vertex does not run, in the words of a failed build; `None` if it runs all the same.
    pub(crate) fn refusal(&self) -> Option<String> {
        match self {
            // Langflow's own words for a type it does not know.
            Self::UnknownType { kind, reason: None, .. } => Some(format!("Could not find: {kind}")),
            Self::UnknownType { kind, reason: Some(reason), .. } => {
                Some(format!("Could not find: {kind}: it is not supported ({reason})"))
            }
            Self::OwnCode { .. } => Some("it holds code of its own, which is never executed".to_owned()),
            Self::Drift { kind, refused: true, .. } => {
                Some(format!("it holds code that no release of {kind} has"))
            }
            _ => None,
        }
    }
}

/// The warning for one vertex, if there is one.
pub(crate) fn vertex(registry: &Registry, vertex: &Vertex, strict: bool) -> Option<Warning> {
    let (id, kind) = (vertex.id.clone(), vertex.kind.clone());
    let stock = registry.stock(vertex);
    if kind == "CustomComponent" && stock == Stock::Unknown {
        return Some(Warning::OwnCode { id, kind });
    }
    let reason = registry.reason(&kind);
    match (registry.component(vertex), stock) {
        (None, Stock::Unknown) if !registry.released(&kind) && reason.is_none() => {
            Some(Warning::OwnCode { id, kind })
        }
        (None, _) => Some(Warning::UnknownType { id, kind, reason }),
        (Some(entry), _) if !understood(entry, vertex) => Some(Warning::OwnCode { id, kind }),
        (Some(_), Stock::Unknown) => Some(Warning::Drift { id, kind, refused: strict }),
        (Some(_), _) => None,
    }
}

/// Whether the Python that a node is told to run, where it is, can be done without executing it.
fn understood(entry: &Entry, vertex: &Vertex) -> bool {
    let Some(understands) = entry.spec.understands else { return true };
    let code = vertex.field("code").and_then(|field| field.value.as_str());
    code.is_none_or(understands)
}
