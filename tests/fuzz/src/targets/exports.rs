//! What flows are made of: exports, literals in their fields, templates.

use std::sync::LazyLock;

use millrace_engine::{Leniency, Plan, Registry, Template, Tweaks, fuzzing, parse, python_repr};
use serde_json::{Map, Value as Json};

use crate::Target;

static REGISTRY: LazyLock<Registry> = LazyLock::new(millrace_components::registry);

pub(super) const EXPORT: Target = Target::of("export", export)
    .limits(128 << 10, 2_000, 256)
    .words(&[
        "nodes",
        "edges",
        "data",
        "node",
        "template",
        "type",
        "id",
        "source",
        "target",
        "sourceHandle",
        "targetHandle",
        "flow",
        "value",
        "outputs",
        "base_classes",
        "proxy",
        "genericNode",
        "noteNode",
        "groupNode",
        "ChatInput",
        "ChatOutput",
        "LLMChain",
        "OpenAI",
        "PromptTemplate",
        "CustomComponent",
        "_type",
        "code",
        "display_name",
        "list",
        "tweaks",
        "œ",
        "|",
    ])
    .seeds(&["../shared/langflow-0.6/flows *.json", "../shared/langflow-1.13/flows *.json"]);

/// An export, alone or in the file that Langflow makes of it; beside its data there may be tweaks.
fn export(input: &[u8]) {
    let Ok(file) = serde_json::from_slice::<Json>(input) else { return };
    let data = file.get("data").unwrap_or(&file);
    let Ok(flow) = parse(data) else { return };
    let again = parse(data);
    assert_eq!(
        again.as_ref().map(|flow| flow.vertices.len()),
        Ok(flow.vertices.len()),
        "the same flow twice"
    );
    for strict in [false, true] {
        let Ok(plan) = Plan::new(flow.clone(), &REGISTRY, strict) else { continue };
        let report = plan.report();
        assert_eq!(
            report.runs,
            report.runs && report.nodes.iter().all(|node| node.runs || node.why.is_some())
        );
        assert!(serde_json::to_string(&report).is_ok());
        plan.warnings().iter().for_each(|warning| assert!(!warning.to_string().is_empty()));
        let tweaks = file.get("tweaks").and_then(Json::as_object).cloned().unwrap_or_default();
        for leniency in [Leniency::Strict, Leniency::Lenient] {
            let _ = Tweaks::resolve(&plan, &tweaks, leniency);
        }
    }
}

pub(super) const LITERAL: Target = Target::of("literal", literal)
    .words(&["True", "False", "None", "'a': ", "\\x41", "\\u00e4", "1_0", "0x1f"]);

/// What is read is read again from what Python would show of it; but for characters that only a number can name, which
/// exports do not hold.
fn literal(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let Some(value) = fuzzing::literal(text) else { return };
    let shown = python_repr(&value);
    if !shown.contains("\\x") && !shown.contains("\\u") {
        assert_eq!(fuzzing::literal(&shown), Some(value), "{shown}");
    }
}

pub(super) const TEMPLATE: Target = Target::of("template", template)
    .words(&["{", "}", "{{", "}}", "{a}", "{{a}}", "{{ a }}", "{a!r}", "{a:>10}", "{}", "{0}"]);

/// Filled with its own variables, a template is its own text.
fn template(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    millrace_components::fuzzing::template(text);
    let filled = |template: &Template, open: &str, close: &str| {
        let filled = template.fill(|name| Some(format!("{open}{name}{close}")));
        filled.unwrap_or_else(|error| panic!("every variable has a value: {error}"))
    };
    if let Ok(template) = Template::parse(text) {
        assert_eq!(
            filled(&template, "", "").matches(['{', '}']).count(),
            braces(text),
            "braces that are written twice"
        );
        assert!(template.fill(|_| None).is_err() || template.variables().is_empty());
    }
    let double = Template::parse_double(text);
    let again = filled(&double, "{{", "}}");
    assert_eq!(Template::parse_double(&again).variables(), double.variables());
    let _ = millrace_engine::Prompt::plain(double).fill(&Map::new());
}

/// How many braces a template means as such.
fn braces(text: &str) -> usize {
    let all = text.matches(['{', '}']).count();
    let mut variables = 0;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if (c == '{' || c == '}') && chars.next_if_eq(&c).is_none() {
            variables += 1;
        }
    }
    (all - variables) / 2
}
