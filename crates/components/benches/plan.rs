//! From an export to a plan: what every cold call of a flow does before it runs.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, missing_docs)]

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use divan::Bencher;
use millrace_components::registry;
use millrace_engine::{Plan, Registry, parse};
use serde_json::{Value as Json, json};

fn main() {
    divan::main();
}

static REGISTRY: LazyLock<Registry> = LazyLock::new(registry);

/// Reads, parses and plans the text of an export.
fn bench(bencher: Bencher, text: &str) {
    LazyLock::force(&REGISTRY);
    bencher.bench(|| {
        let export: Json = serde_json::from_str(text).unwrap();
        let flow = parse(&export["data"]).unwrap();
        // Some exports cannot run here; they are refused after the same work.
        Plan::new(flow, &REGISTRY, false).map(|_| ()).map_err(drop)
    });
}

/// The largest of the exports that lie beside the repository.
fn largest() -> Option<PathBuf> {
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared");
    let folders = ["langflow-0.6/flows", "langflow-1.13/flows"].map(|folder| shared.join(folder));
    let files = folders.iter().filter_map(|folder| std::fs::read_dir(folder).ok()).flatten().flatten();
    files.map(|file| file.path()).max_by_key(|path| std::fs::metadata(path).map_or(0, |file| file.len()))
}

/// 390 KB, most of it embedded Python.
#[divan::bench]
fn largest_export(bencher: Bencher) {
    match largest() {
        Some(path) => bench(bencher, &std::fs::read_to_string(path).unwrap()),
        None => println!("skipped: there are no exports in ../shared"),
    }
}

/// A chain of prompts with a field of code each, as many as are allowed to be.
#[divan::bench(args = [100, 2000])]
fn generated(bencher: Bencher, nodes: usize) {
    let field = |value: &str| json!({"type": "str", "value": value, "show": true, "list": false});
    let code = "class Sample:\n    pass\n".repeat(20);
    let node = |n: usize| {
        let template =
            json!({"template": field("{a} and {b}"), "code": {"type": "code", "value": code, "show": true}});
        let node = json!({"template": template, "display_name": "Prompt", "base_classes": ["str"]});
        json!({"id": format!("PromptTemplate-{n}"), "data": {"id": format!("PromptTemplate-{n}"), "type": "PromptTemplate", "node": node}})
    };
    let edge = |n: usize| {
        let (source, target) = (format!("PromptTemplate-{n}"), format!("PromptTemplate-{}", n + 1));
        let handles = json!({"targetHandle": {"fieldName": "a", "id": target, "inputTypes": ["str"], "type": "str"},
                             "sourceHandle": {"dataType": "PromptTemplate", "id": source, "baseClasses": ["str"]}});
        json!({"source": source, "target": target, "data": handles})
    };
    let (nodes, edges): (Vec<_>, Vec<_>) =
        ((0..nodes).map(node).collect(), (0..nodes - 1).map(edge).collect());
    bench(bencher, &json!({"data": {"nodes": nodes, "edges": edges}}).to_string());
}
