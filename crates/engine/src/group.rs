//! Group nodes, replaced by what they hold (contract 2.1).

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value as Json};

use crate::error::FlowError;
use crate::handle;

/// Groups within groups, at most: a drawn flow has one or two.
const MAX_DEPTH: usize = 16;

/// Nodes and edges as JSON objects, without groups.
#[derive(Default)]
pub(crate) struct Expanded {
    pub nodes: Vec<Map<String, Json>>,
    pub edges: Vec<Map<String, Json>>,
    pub fields: HashMap<String, HashMap<String, (String, String)>>,
    /// Ids of nodes that stood inside a group.
    pub inner: HashSet<String>,
}

/// What a flow has at all levels.
#[derive(Default)]
pub(crate) struct Size {
    pub nodes: usize,
    pub edges: usize,
    pub groups: usize,
}

/// Counts without copying anything. What is no list counts as none here, and is refused when it is expanded.
pub(crate) fn size(data: &Map<String, Json>, depth: usize) -> Result<Size, FlowError> {
    if depth > MAX_DEPTH {
        return Err(FlowError::TooMany { what: "levels of groups", found: depth, limit: MAX_DEPTH });
    }
    let list = |name: &str| data.get(name).and_then(Json::as_array).map_or(&[][..], Vec::as_slice);
    let mut size = Size { edges: list("edges").len(), ..Size::default() };
    for node in list("nodes") {
        let Some(group) = group_of(node) else {
            size.nodes += 1;
            continue;
        };
        let inner = self::size(group, depth + 1)?;
        size.nodes += inner.nodes;
        size.edges += inner.edges;
        size.groups += inner.groups + 1;
    }
    Ok(size)
}

/// Replaces every group by its inner nodes, which go last. Its depth was looked at by [`size`].
pub(crate) fn expand(data: &Map<String, Json>) -> Result<Expanded, FlowError> {
    let mut flat = Expanded { nodes: Vec::new(), edges: objects(data, "edges")?, ..Expanded::default() };
    let mut inner = Vec::new();
    for node in objects(data, "nodes")? {
        if node.get("data").and_then(flow_in).is_some() { &mut inner } else { &mut flat.nodes }.push(node);
    }
    for node in inner {
        let Some(group) = node.get("data").and_then(flow_in) else { continue };
        let expanded = expand(group)?;
        unfold(&mut flat, &node, expanded);
    }
    Ok(flat)
}

fn objects(data: &Map<String, Json>, name: &'static str) -> Result<Vec<Map<String, Json>>, FlowError> {
    let Some(Json::Array(list)) = data.get(name) else {
        return Err(FlowError::Shape(format!("Flow data has no list of {name}")));
    };
    let object = |item: &Json| item.as_object().cloned();
    let all: Option<Vec<_>> = list.iter().map(object).collect();
    all.ok_or_else(|| FlowError::Shape(format!("Flow data has an entry in {name} that is not an object")))
}

fn group_of(node: &Json) -> Option<&Map<String, Json>> {
    flow_in(node.get("data")?)
}

/// The flow inside a group, from the group's `data`.
fn flow_in(data: &Json) -> Option<&Map<String, Json>> {
    data.get("node")?.get("flow")?.get("data")?.as_object()
}

fn unfold(flat: &mut Expanded, group: &Map<String, Json>, mut inner: Expanded) {
    let id = handle::text(group, "id").unwrap_or_default();
    let mut places = HashMap::new();
    for (place, node) in inner.nodes.iter().enumerate() {
        places.entry(node.get("id").and_then(Json::as_str).unwrap_or_default().to_owned()).or_insert(place);
    }
    for (name, field, stands_for) in proxied_fields(group) {
        // A field of a nested group points at that group's own inner field.
        let nested = inner.fields.get(&stands_for.0).and_then(|fields| fields.get(&stands_for.1));
        let target = nested.cloned().unwrap_or(stands_for);
        if let Some(place) = places.get(&target.0) {
            write_field(&mut inner.nodes[*place], &target.1, &field);
        }
        flat.fields.entry(id.clone()).or_default().insert(name, target);
    }
    let last = last_node(&inner);
    let ends_at = |edge: &Map<String, Json>, end: &str| edge.get(end).and_then(Json::as_str) == Some(&id);
    // The group's own edges go behind all others, as Langflow puts them: their order decides that of messages and tools.
    let (mut own, others): (Vec<_>, Vec<_>) =
        flat.edges.drain(..).partition(|edge| ends_at(edge, "target") || ends_at(edge, "source"));
    for edge in &mut own {
        if ends_at(edge, "target") {
            redirect_target(edge, flat.fields.get(&id));
        }
        if let (Some(last), true) = (&last, ends_at(edge, "source")) {
            edge.insert("source".into(), Json::String(last.clone()));
        }
    }
    flat.edges = others;
    flat.inner.extend(inner.nodes.iter().filter_map(|node| handle::text(node, "id")));
    flat.nodes.append(&mut inner.nodes);
    flat.edges.append(&mut inner.edges);
    flat.edges.append(&mut own);
    flat.fields.extend(inner.fields);
}

type ProxiedField = (String, Json, (String, String));

fn proxied_fields(group: &Map<String, Json>) -> Vec<ProxiedField> {
    let template = group.get("data").and_then(|d| d.get("node")).and_then(|n| n.get("template"));
    let Some(template) = template.and_then(Json::as_object) else { return Vec::new() };
    let target = |field: &Json| {
        let proxy = field.get("proxy")?.as_object()?;
        Some((handle::text(proxy, "id")?, handle::text(proxy, "field")?))
    };
    template.iter().filter_map(|(name, field)| Some((name.clone(), field.clone(), target(field)?))).collect()
}

fn write_field(node: &mut Map<String, Json>, name: &str, field: &Json) {
    let template = node.get_mut("data").and_then(|d| d.get_mut("node")).and_then(|n| n.get_mut("template"));
    if let Some(Json::Object(template)) = template {
        template.insert(name.to_owned(), field.clone());
    }
}

/// The inner node that stands for the group's output: the first that feeds no other.
fn last_node(inner: &Expanded) -> Option<String> {
    let feeding: HashSet<&str> =
        inner.edges.iter().filter_map(|edge| edge.get("source").and_then(Json::as_str)).collect();
    let mut ids = inner.nodes.iter().filter_map(|node| handle::text(node, "id"));
    ids.find(|id| !feeding.contains(id.as_str()))
}

fn redirect_target(edge: &mut Map<String, Json>, fields: Option<&HashMap<String, (String, String)>>) {
    let Some(handle) = handle::target(edge) else { return };
    // By name first: the handle's own note of a field in a nested group stops at that group.
    let target = fields.and_then(|fields| fields.get(&handle.field).cloned()).or(handle.proxy);
    let Some((id, field)) = target else { return };
    let written = serde_json::json!({"targetHandle": {"fieldName": field, "id": id}});
    let source = handle::object(edge, "sourceHandle").map(Json::Object);
    edge.insert("target".into(), Json::String(id));
    edge.insert("data".into(), written);
    if let (Some(source), Some(Json::Object(data))) = (source, edge.get_mut("data")) {
        data.insert("sourceHandle".into(), source);
    }
}
