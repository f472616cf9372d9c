//! `docs/differences.md`: where Millrace answers otherwise than Langflow, on purpose.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// A row of one of its tables.
#[derive(Debug)]
pub struct Difference {
    /// What Langflow answers; begins with its status where there is one.
    pub langflow: String,
    /// What Millrace answers.
    pub millrace: String,
}

/// The table under this heading, by the name of the case.
pub fn listed(heading: &str) -> BTreeMap<String, Difference> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/differences.md");
    let text = std::fs::read_to_string(path).unwrap();
    let section = text.split("\n## ").find(|section| section.starts_with(heading)).unwrap();
    let rows = section.lines().filter(|line| line.starts_with("| `"));
    rows.map(|row| {
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").map(str::trim).collect();
        let [name, langflow, millrace, why] = cells[..] else { panic!("not four cells: {row}") };
        assert!(!why.is_empty(), "no reason: {row}");
        let difference = Difference { langflow: langflow.to_owned(), millrace: millrace.to_owned() };
        (name.trim_matches('`').to_owned(), difference)
    })
    .collect()
}

/// Every case that differs is listed, and every listed case differs. `found` says what differs.
pub fn check(heading: &str, found: &BTreeMap<String, String>) {
    let listed = listed(heading);
    let (listed, found_names): (BTreeSet<_>, BTreeSet<_>) = (listed.keys().collect(), found.keys().collect());
    let new: Vec<String> =
        found_names.difference(&listed).map(|name| format!("{name}: {}", found[*name])).collect();
    assert!(new.is_empty(), "differs and is not in docs/differences.md under {heading}:\n{}", new.join("\n"));
    let gone: Vec<_> = listed.difference(&found_names).collect();
    assert!(gone.is_empty(), "is in docs/differences.md under {heading} and does not differ: {gone:?}");
}
