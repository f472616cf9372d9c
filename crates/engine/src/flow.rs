//! A flow as both dialects are parsed into it.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use serde_json::Value as Json;

/// Which family of exports a flow belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// 0.x: objects are wired, the root is called.
    V0,
    /// 1.x: data passes between named outputs.
    V1,
}

/// A parsed flow: groups expanded, notes left out, edges with both ends.
#[derive(Debug, Clone)]
pub struct Flow {
    /// Which dialect it was drawn in.
    pub dialect: Dialect,
    /// In file order; the inner vertices of groups last (it decides the root and orders of lists).
    pub vertices: Vec<Vertex>,
    /// In file order (it decides the order in lists).
    pub edges: Vec<Edge>,
    /// Edges that lead to or from a node that is not in the flow. They are left out.
    pub loose: Vec<LooseEdge>,
    /// Fields of group nodes by group id and field name: which inner vertex and field they stand for.
    pub group_fields: HashMap<String, HashMap<String, (String, String)>>,
    /// Ids of vertices that stood inside a group: tweaks reach them through the group alone.
    pub grouped: HashSet<String>,
    /// What the flow says to its runner, opaque here: the export's `data.millrace`, null where there is none.
    pub settings: Json,
}

/// An edge with an end that is missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LooseEdge {
    /// The id at its beginning; empty if it names none.
    pub source: String,
    /// The id at its end; empty if it names none.
    pub target: String,
}

/// A node of the graph.
#[derive(Debug, Clone)]
pub struct Vertex {
    /// The node's id, unique in the flow.
    pub id: String,
    /// The type by which its component is found.
    pub kind: String,
    /// The name shown.
    pub display_name: String,
    /// Its fields by name, in file order.
    pub fields: Arc<Vec<(String, Field)>>,
    /// First 12 hex digits of the SHA-256 of the embedded Python, if there is any.
    pub code_hash: Option<String>,
    /// The names of its outputs as the export lists them (1.x).
    pub outputs: Vec<String>,
}

/// A field of a vertex.
#[derive(Debug, Clone)]
pub struct Field {
    /// The value as stored; a file field's value is its `file_path`.
    pub value: Json,
    /// The type as written: `str`, `prompt`, `file`, `BaseLanguageModel`…
    pub kind: String,
    /// Fields that are not shown are ignored, even with a value (contract 2.4).
    pub show: bool,
    /// Whether it takes several values.
    pub list: bool,
    /// Whether the value is the name of a variable.
    pub load_from_db: bool,
    /// Whether the editor shows its value as dots: a key or a password.
    pub secret: bool,
}

/// A connection. Indexes into [`Flow::vertices`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edge {
    /// The vertex that feeds.
    pub source: usize,
    /// Which of its outputs; `None` in 0.x, where a vertex has one.
    pub output: Option<String>,
    /// The vertex that is fed.
    pub target: usize,
    /// Which of its fields.
    pub field: String,
}

impl Vertex {
    /// A field by name.
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|(field, _)| field == name).map(|(_, field)| field)
    }
}

impl Flow {
    /// The index of a vertex.
    pub fn position(&self, id: &str) -> Option<usize> {
        self.vertices.iter().position(|vertex| vertex.id == id)
    }
}
