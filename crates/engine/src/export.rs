//! An export of either dialect, parsed.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use serde_json::{Map, Value as Json};
use sha2::{Digest, Sha256};

use crate::context::hex;
use crate::error::FlowError;
use crate::flow::{Dialect, Edge, Field, Flow, LooseEdge, Vertex};
use crate::group::{self, Expanded};
use crate::handle;

/// How large a flow may be, with its groups taken apart. By default 2,000 nodes, more than a hundred times the largest
/// published export, and 10,000 edges.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FlowLimits {
    /// Nodes, those inside groups and notes included; and groups, which are counted apart.
    pub vertices: usize,
    /// Edges, those inside groups included.
    pub edges: usize,
}

impl Default for FlowLimits {
    fn default() -> Self {
        Self { vertices: 2_000, edges: 10_000 }
    }
}

/// Parses the `data` of an export, `{nodes, edges, viewport}`, within the default limits.
///
/// # Errors
/// [`FlowError`]: not a flow, too large, a node id twice, or an edge that feeds no field.
pub fn parse(data: &Json) -> Result<Flow, FlowError> {
    parse_within(data, &FlowLimits::default())
}

/// Parses the `data` of an export, `{nodes, edges, viewport}`. **It is counted before anything is made of it**, since
/// taking groups apart is work for each of them.
///
/// # Errors
/// [`FlowError`]: not a flow, too large, a node id twice, or an edge that feeds no field.
pub fn parse_within(data: &Json, limits: &FlowLimits) -> Result<Flow, FlowError> {
    let Some(data) = data.as_object() else {
        return Err(FlowError::Shape("Flow data is not an object with nodes and edges".into()));
    };
    let size = group::size(data, 0)?;
    limit("nodes", size.nodes, limits.vertices)?;
    limit("edges", size.edges, limits.edges)?;
    limit("groups", size.groups, limits.vertices)?;
    let expanded = group::expand(data)?;
    let vertices = vertices(&expanded)?;
    let (edges, loose) = edges(&expanded, &vertices)?;
    let dialect = dialect(&expanded);
    let settings = data.get("millrace").cloned().unwrap_or(Json::Null);
    let (group_fields, grouped) = (expanded.fields, expanded.inner);
    Ok(Flow { dialect, vertices, edges, loose, group_fields, grouped, settings })
}

fn limit(what: &'static str, found: usize, limit: usize) -> Result<(), FlowError> {
    if found > limit { Err(FlowError::TooMany { what, found, limit }) } else { Ok(()) }
}

/// 1.x nodes list their outputs and 1.x edges name them; 0.x has neither.
fn dialect(flow: &Expanded) -> Dialect {
    let named = flow.edges.iter().any(|edge| handle::output(edge).is_some());
    let listed = flow.nodes.iter().any(|node| {
        let outputs = node.get("data").and_then(|d| d.get("node")).and_then(|n| n.get("outputs"));
        outputs.and_then(Json::as_array).is_some_and(|outputs| !outputs.is_empty())
    });
    if named || listed { Dialect::V1 } else { Dialect::V0 }
}

fn vertices(flow: &Expanded) -> Result<Vec<Vertex>, FlowError> {
    let mut seen = HashSet::new();
    let mut vertices = Vec::with_capacity(flow.nodes.len());
    for node in flow.nodes.iter().filter(|node| !is_note(node)) {
        let vertex = vertex(node)?;
        if !seen.insert(vertex.id.clone()) {
            return Err(FlowError::DuplicateId(vertex.id));
        }
        vertices.push(vertex);
    }
    Ok(vertices)
}

fn is_note(node: &Map<String, Json>) -> bool {
    let inner = node.get("data").and_then(|data| data.get("type")).and_then(Json::as_str);
    node.get("type").and_then(Json::as_str) == Some("noteNode") || inner == Some("note")
}

fn vertex(node: &Map<String, Json>) -> Result<Vertex, FlowError> {
    let data = node.get("data").and_then(Json::as_object);
    let id = handle::text(node, "id").or_else(|| handle::text(data?, "id"));
    let id = id.ok_or_else(|| FlowError::Shape("A node has no id".into()))?;
    let inner = data.and_then(|data| data.get("node")).and_then(Json::as_object);
    let template = inner.and_then(|inner| inner.get("template")).and_then(Json::as_object);
    let (Some(data), Some(inner), Some(template)) = (data, inner, template) else {
        return Err(FlowError::Shape(format!("Node {id} has no data.node.template")));
    };
    let kind = kind(data, inner, template);
    let display_name = handle::text(inner, "display_name").unwrap_or_else(|| kind.clone());
    let told = holds_told_code(template);
    let code = template.get("code").and_then(|code| code.get("value")).and_then(Json::as_str);
    let outputs = inner.get("outputs").and_then(Json::as_array).into_iter().flatten();
    Ok(Vertex {
        id,
        kind,
        display_name,
        fields: Arc::new(template.iter().filter_map(|(name, value)| field(name, value, told)).collect()),
        code_hash: code.filter(|code| !told && !code.is_empty()).map(code_hash),
        outputs: outputs.filter_map(|output| handle::text(output.as_object()?, "name")).collect(),
    })
}

/// The first 12 hex digits of the SHA-256 of the code as it stands; what the export says of itself is
/// often stale.
fn code_hash(code: &str) -> String {
    hex(&Sha256::digest(code))[..12].to_owned()
}

/// `data.type`, but a tool goes by its template's `_type` if that is written with capitals (contract 2.2).
fn kind(data: &Map<String, Json>, inner: &Map<String, Json>, template: &Map<String, Json>) -> String {
    let kind = handle::text(data, "type").unwrap_or_default();
    let bases = inner.get("base_classes").and_then(Json::as_array);
    let is_tool = bases.is_some_and(|bases| bases.iter().any(|base| base == "Tool"));
    match handle::text(template, "_type") {
        Some(own) if is_tool && own.contains(char::is_uppercase) && own != "CustomComponent" => own,
        _ => kind,
    }
}

/// Whether the node's `code` is a value of a class that Langflow has built in, such as the function of a tool,
/// and not the component's own source.
fn holds_told_code(template: &Map<String, Json>) -> bool {
    let class = template.get("_type").and_then(Json::as_str).unwrap_or_default();
    !matches!(class, "" | "CustomComponent" | "Component")
}

fn field(name: &str, field: &Json, told: bool) -> Option<(String, Field)> {
    let field = field.as_object()?;
    if name == "code" && !told && field.get("type").and_then(Json::as_str) == Some("code") {
        return None; // compared by hash, never carried along
    }
    let kind = handle::text(field, "type").unwrap_or_default();
    let stored = if kind == "file" { file_value(field) } else { field.get("value") };
    let value = stored.cloned().unwrap_or(Json::Null);
    let flag = |name: &str, absent: bool| field.get(name).and_then(Json::as_bool).unwrap_or(absent);
    let show = flag("show", true) || flag("override_skip", false);
    let (list, load_from_db) = (flag("list", false), flag("load_from_db", false));
    let secret = flag("password", false);
    Some((name.to_owned(), Field { value, kind, show, list, load_from_db, secret }))
}

/// A file field's value is its `file_path`; its `value` is only the name shown.
fn file_value(field: &Map<String, Json>) -> Option<&Json> {
    field.get("file_path").filter(|path| !path.is_null() && *path != "")
}

/// The edges, and those that lead to or from a node that is not there. Langflow's editor leaves such edges behind, does
/// not draw them, and fails when the flow is run.
fn edges(flow: &Expanded, vertices: &[Vertex]) -> Result<(Vec<Edge>, Vec<LooseEdge>), FlowError> {
    let position: HashMap<&str, usize> =
        vertices.iter().enumerate().map(|(i, v)| (v.id.as_str(), i)).collect();
    let (mut edges, mut loose) = (Vec::with_capacity(flow.edges.len()), Vec::new());
    for raw in &flow.edges {
        let end = |name: &str| handle::text(raw, name).unwrap_or_default();
        let (source, target) = (end("source"), end("target"));
        match (position.get(source.as_str()), position.get(target.as_str())) {
            (Some(&source), Some(&target)) => edges.push(edge(raw, source, target)?),
            _ => loose.push(LooseEdge { source, target }),
        }
    }
    Ok((edges, loose))
}

fn edge(raw: &Map<String, Json>, source: usize, target: usize) -> Result<Edge, FlowError> {
    let Some(handle) = handle::target(raw) else {
        let end = |name: &str| handle::text(raw, name).unwrap_or_default();
        let (source, target) = (end("source"), end("target"));
        let message = format!("Edge from {source} to {target} does not say which field it feeds");
        return Err(FlowError::Shape(message));
    };
    Ok(Edge { source, output: handle::output(raw), target, field: handle.field })
}
