//! The reference page is printed from the registry. `UPDATE=1 cargo test -p millrace-components` reprints it.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

use millrace_components::{CATEGORIES, ENTRIES, UNSUPPORTED, VARIABLES, registry};
use millrace_engine::{Entry, FieldKind, Input};

/// Every component type of Langflow 0.6.19 and 1.13, with the releases that have it, tab-separated.
const TYPES: &str = include_str!("../langflow_types.txt");

#[test]
fn the_reference_page_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/components.md");
    let page = page();
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == page, "docs/components.md is stale: UPDATE=1 cargo test -p millrace-components");
}

#[test]
fn the_readme_counts_what_there_is() {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../README.md");
    let (all, of_0_6) = (ENTRIES.len(), released("0.6").count());
    let counts = [format!("{all} types"), format!("{} of the {of_0_6} types of 0.6.19", running("0.6"))];
    let readme = std::fs::read_to_string(readme).unwrap();
    for count in counts {
        assert!(readme.contains(&count), "README.md does not say \"{count}\"");
    }
}

/// Nothing of 0.6 is forgotten: it runs, or it is said why not.
#[test]
fn every_type_of_0_6_runs_or_has_a_reason() {
    let registry = registry();
    let open: Vec<&str> = released("0.6").filter(|name| registry.get(name).is_none()).collect();
    let unsaid: Vec<&str> =
        open.into_iter().filter(|name| registry.reason(name).is_none()).filter(|name| *name != OWN).collect();
    assert!(unsaid.is_empty(), "neither supported nor listed as unsupported: {unsaid:?}");
}

/// The type under which a node with code of its own stands: not a component that could be supported.
const OWN: &str = "CustomComponent";

fn released(release: &'static str) -> impl Iterator<Item = &'static str> {
    TYPES.lines().filter(move |line| line.split('\t').skip(1).any(|has| has == release)).map(name)
}

/// How many types of a release run.
fn running(release: &'static str) -> usize {
    let registry = registry();
    released(release).filter(|name| registry.get(name).is_some()).count()
}

fn name(line: &'static str) -> &'static str {
    line.split('\t').next().unwrap()
}

/// The releases that have a type: `0.6`, `1.13`.
fn releases() -> BTreeMap<&'static str, Vec<&'static str>> {
    let has = |line: &'static str| line.split('\t').skip(1).filter(|has| !has.is_empty()).collect();
    TYPES.lines().map(|line| (name(line), has(line))).collect()
}

fn page() -> String {
    let mut page = format!(
        "# Components\n\nPrinted from the registry. {} components run, each with the examples that are its tests. Of the {} \
         types of Langflow 0.6.19 {} run, of the {} of 1.13 {}. A type that is not here is named when a flow is \
         uploaded and is an error when it runs; so is a node with Python of its own, which is never executed.\n\n",
        ENTRIES.len(),
        released("0.6").count(),
        running("0.6"),
        released("1.13").count(),
        running("1.13"),
    );
    contents(&mut page);
    let releases = releases();
    for (category, entries) in CATEGORIES.iter().filter(|(_, entries)| !entries.is_empty()) {
        write!(page, "\n## {category}\n").unwrap();
        sorted(entries).into_iter().for_each(|entry| describe(&mut page, entry, &releases));
    }
    page.push_str("\n## Variables\n\nWhere a node leaves a key or an address open, these variables of the process count. A key \
         goes only to its provider's own address or to one that a variable names.\n\n");
    writeln!(page, "{}", VARIABLES.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", "))
        .unwrap();
    page.push_str("\n## Not supported\n\n| type | why |\n|---|---|\n");
    for (name, reason) in UNSUPPORTED {
        writeln!(page, "| {name} | {reason} |").unwrap();
    }
    page
}

fn contents(page: &mut String) {
    page.push_str("| category | components |\n|---|---|\n");
    for (category, entries) in CATEGORIES.iter().filter(|(_, entries)| !entries.is_empty()) {
        let names: Vec<_> = sorted(entries).iter().map(|entry| entry.spec.names[0]).collect();
        writeln!(page, "| {category} | {} |", names.join(", ")).unwrap();
    }
}

fn sorted(entries: &[&'static Entry]) -> Vec<&'static Entry> {
    let mut sorted = entries.to_vec();
    sorted.sort_by_key(|entry| entry.spec.names[0].to_lowercase());
    sorted
}

fn describe(page: &mut String, entry: &Entry, releases: &BTreeMap<&str, Vec<&str>>) {
    let spec = entry.spec;
    let outputs: Vec<_> = spec.outputs.iter().map(|output| format!("`{}`", output.name)).collect();
    let known = |name: &&str| match releases.get(name) {
        Some(in_releases) => format!("`{name}` ({})", in_releases.join(", ")),
        None => format!("`{name}`"),
    };
    let names: Vec<_> = spec.names.iter().map(known).collect();
    write!(page, "\n### {}\n\n{}\n\n", spec.names[0], spec.about).unwrap();
    write!(page, "In flows: {}. Outputs: {}.", names.join(", "), outputs.join(", ")).unwrap();
    for reach in spec.reaches {
        let address = if reach.address.is_empty() { String::new() } else { format!(" at {}", reach.address) };
        let field =
            if reach.field.is_empty() { String::new() } else { format!(" (field `{}`)", reach.field) };
        write!(page, " Calls {}{address}{field}.", reach.service).unwrap();
    }
    page.push_str("\n\n| input | takes | default | |\n|---|---|---|---|\n");
    for input in spec.inputs {
        writeln!(page, "{}", row(input)).unwrap();
    }
    if let Some(example) = spec.examples.first() {
        let inputs = compact(example.inputs);
        write!(page, "\nExample, {}: `{inputs}` gives `{}`.\n", example.title, compact(example.output))
            .unwrap();
    }
}

fn compact(json: &str) -> String {
    serde_json::from_str::<serde_json::Value>(json).unwrap().to_string().replace('`', "'")
}

fn row(input: &Input) -> String {
    let kind = match input.kind {
        FieldKind::Text => "text",
        FieldKind::Secret => "secret text",
        FieldKind::Number => "number",
        FieldKind::Integer => "whole number",
        FieldKind::Flag => "true or false",
        FieldKind::Json => "object or list",
        FieldKind::Handle => "a node's output",
        FieldKind::Rest => "all other fields",
    };
    let default = input.default.json().map(|value| format!("`{value}`")).unwrap_or_default();
    format!(
        "| `{}` | {kind} | {} | {} |",
        input.name,
        default.replace('|', "\\|"),
        input.about.replace('|', "\\|")
    )
}
