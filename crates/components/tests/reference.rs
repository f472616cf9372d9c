//! The reference page is printed from the registry. `UPDATE=1 cargo test -p millrace-components` reprints it.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::fmt::Write;
use std::path::Path;

use millrace_components::ENTRIES;
use millrace_engine::{FieldKind, Input};

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

fn page() -> String {
    let mut page = format!(
        "# Components\n\nPrinted from the registry; {} types. A component that is not here is named when a flow is \
         uploaded and is an error when it runs.\n",
        ENTRIES.len()
    );
    for entry in ENTRIES.iter() {
        let spec = entry.spec;
        let outputs: Vec<_> = spec.outputs.iter().map(|output| format!("`{}`", output.name)).collect();
        write!(page, "\n## {}\n\n{}", spec.names[0], spec.about).unwrap();
        if spec.names.len() > 1 {
            write!(page, " Also known as {}.", spec.names[1..].join(", ")).unwrap();
        }
        write!(
            page,
            " Outputs: {}.\n\n| input | takes | default | |\n|---|---|---|---|\n",
            outputs.join(", ")
        )
        .unwrap();
        for input in spec.inputs {
            writeln!(page, "{}", row(input)).unwrap();
        }
    }
    page
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
    format!("| `{}` | {kind} | {default} | {} |", input.name, input.about)
}
