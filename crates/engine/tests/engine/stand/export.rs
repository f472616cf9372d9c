//! Exports, written short.

use serde_json::{Map, Value as Json, json};

/// The `data` of an export.
pub fn flow(nodes: &[Json], edges: &[Json]) -> Json {
    json!({"nodes": nodes, "edges": edges, "viewport": {"x": 0, "y": 0, "zoom": 1}})
}

/// A node with these field values.
pub fn node(id: &str, kind: &str, values: Json) -> Json {
    let mut template = Map::from_iter([("_type".to_owned(), json!(kind))]);
    for (name, value) in values.as_object().into_iter().flatten() {
        template.insert(name.clone(), field(value));
    }
    json!({"id": id, "type": "genericNode", "position": {"x": 0, "y": 0}, "data": {"id": id, "type": kind, "node": {
        "template": template, "display_name": kind, "base_classes": [kind],
    }}})
}

/// A value, or a whole field where it is an object with a `show` or `list` of its own.
fn field(value: &Json) -> Json {
    let whole =
        ["show", "list", "proxy", "load_from_db", "file_path"].iter().any(|name| value.get(name).is_some());
    match (whole, value) {
        (true, Json::Object(own)) => {
            let mut field = json!({"type": "str", "show": true, "value": null});
            if let Some(fields) = field.as_object_mut() {
                fields.extend(own.clone());
            }
            field
        }
        _ => json!({"type": "str", "show": true, "list": value.is_array(), "value": value}),
    }
}

/// A 1.x node: named, and with its outputs listed.
pub fn output_node(id: &str, kind: &str, display_name: &str, outputs: &[&str], values: Json) -> Json {
    let mut node = node(id, kind, values);
    node["data"]["node"]["display_name"] = json!(display_name);
    let listed: Vec<Json> = outputs.iter().map(|name| json!({"name": name, "types": ["Message"]})).collect();
    node["data"]["node"]["outputs"] = Json::Array(listed);
    node
}

/// A 0.x edge, with its handles under `data`.
pub fn edge(source: &str, target: &str, field: &str) -> Json {
    json!({"source": source, "target": target, "id": format!("{source}-{target}-{field}"), "data": {
        "sourceHandle": {"baseClasses": ["object"], "dataType": "x", "id": source},
        "targetHandle": {"fieldName": field, "id": target, "inputTypes": null, "type": "object"},
    }})
}

/// A 1.x edge from a named output.
pub fn output_edge(source: &str, output: &str, target: &str, field: &str) -> Json {
    let mut edge = edge(source, target, field);
    edge["data"]["sourceHandle"]["name"] = json!(output);
    edge
}

/// A group node of inner nodes and edges. `proxies`: the group's field name, the inner node and its field.
pub fn group(id: &str, inner: Json, proxies: &[(&str, &str, &str, Json)]) -> Json {
    let mut group = node(id, "GroupNode", json!({}));
    for (name, inner_id, inner_field, value) in proxies {
        group["data"]["node"]["template"][name] = json!({
            "type": "str", "show": true, "list": value.is_array(), "value": value,
            "proxy": {"id": inner_id, "field": inner_field},
        });
    }
    group["data"]["node"]["flow"] = json!({"data": inner, "name": id});
    group
}
