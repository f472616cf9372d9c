//! The table against the routes, and the document against the file.

use std::collections::{BTreeMap, BTreeSet};

use axum::routing::MethodFilter;

use super::*;
use crate::router::routes;
use crate::routes::docs::DOCUMENT;

/// A method as the document writes it.
fn word(method: MethodFilter) -> &'static str {
    let methods = [
        (MethodFilter::GET, "get"),
        (MethodFilter::POST, "post"),
        (MethodFilter::PUT, "put"),
        (MethodFilter::PATCH, "patch"),
        (MethodFilter::DELETE, "delete"),
    ];
    methods.into_iter().find(|(filter, _)| *filter == method).unwrap().1
}

#[test]
fn every_route_has_one_operation_and_every_operation_a_route() {
    let routes: BTreeMap<_, _> =
        routes().iter().map(|route| ((route.path, word(route.method)), route.scopes().is_empty())).collect();
    let table = operations::operations();
    let described: BTreeMap<_, _> = table.iter().map(|row| ((row.path, row.method), row.open)).collect();
    assert_eq!(routes, described);
    assert_eq!(table.len(), described.len(), "an operation is described twice");
    let ids: BTreeSet<_> = table.iter().map(|row| row.id).collect();
    assert_eq!(table.len(), ids.len(), "an id stands twice");
}

#[test]
#[expect(clippy::disallowed_methods, reason = "who changes the document says so")]
fn the_file_is_the_document() {
    let text = serde_json::to_string_pretty(&document()).unwrap() + "\n";
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/openapi.json"), &text).unwrap();
        return;
    }
    assert!(DOCUMENT == text, "openapi.json is stale: UPDATE=1 cargo test -p millrace-api openapi");
}

#[test]
fn every_reference_leads_somewhere_and_every_component_is_referred_to() {
    let document = document();
    let mut referred = BTreeSet::new();
    references(&document, &mut referred);
    for reference in &referred {
        assert!(document.pointer(&reference[1..]).is_some(), "{reference} leads nowhere");
    }
    for kind in ["parameters", "headers", "responses", "schemas"] {
        for name in document["components"][kind].as_object().unwrap().keys() {
            let reference = format!("#/components/{kind}/{name}");
            assert!(referred.contains(&reference), "nothing refers to {reference}");
        }
    }
}

fn references(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(object) => {
            found.extend(object.get("$ref").and_then(Value::as_str).map(str::to_owned));
            object.values().for_each(|value| references(value, found));
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        _ => {}
    }
}

#[test]
fn links_lead_to_operations() {
    let table = operations::operations();
    for answer in table.iter().flat_map(|row| &row.answers) {
        for (id, parameter, _) in answer.links {
            let target = table.iter().find(|row| row.id == *id).unwrap();
            assert!(target.path_parameters().any(|name| name == *parameter), "{id}");
        }
    }
}
