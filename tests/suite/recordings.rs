//! Recordings of Langflow itself, where they are at hand: a folder `shared` beside the project.

use std::path::{Path, PathBuf};

use millrace_engine::{Plan, Warning, parse};
use serde_json::Value as Json;

/// Where the stand-in provider stood when Langflow 0.6 was recorded.
pub const PROVIDER_06: &str = "http://127.0.0.1:28081";

/// The folder of a release, or `None` with a line that says so.
pub fn folder(release: &str) -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared").join(release);
    if folder.is_dir() {
        return Some(folder);
    }
    println!("skipped: no recordings of {release} here");
    None
}

/// A file of JSON, with the provider's address in place of the recorded one.
pub fn read(path: &Path, provider: &str) -> Json {
    let text = std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    serde_json::from_str(&text.replace(PROVIDER_06, provider)).unwrap()
}

/// The recordings in a folder, sorted; what begins with `_` is of another form.
pub fn goldens(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder.join("goldens")).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> = entries.filter(|path| !name(path).starts_with('_')).collect();
    files.sort();
    files
}

/// A file's name without its ending.
pub fn name(path: &Path) -> String {
    path.file_stem().unwrap().to_string_lossy().into_owned()
}

/// The component types that a flow needs and that there are none of.
pub fn missing(data: &Json) -> Vec<String> {
    let Ok(flow) = parse(data) else { return Vec::new() };
    let Ok(plan) = Plan::new(flow, &millrace_components::registry(), false) else { return Vec::new() };
    let mut missing: Vec<String> = plan
        .warnings()
        .into_iter()
        .filter_map(|warning| match warning {
            Warning::UnknownType { kind, .. } | Warning::OwnCode { kind, .. } => Some(kind),
            _ => None,
        })
        .collect();
    missing.sort();
    missing.dedup();
    missing
}

/// Prints what was skipped, each with what it lacks.
pub fn report(what: &str, ran: &[String], skipped: &[(String, Vec<String>)]) {
    println!("{what}: {} ran: {}", ran.len(), ran.join(", "));
    for (name, missing) in skipped {
        println!("{what}: skipped {name}: no component {}", missing.join(", "));
    }
}

/// Whether two values are the same, 0 and 0.0 included.
pub fn same(a: &Json, b: &Json) -> bool {
    match (a, b) {
        (Json::Number(a), Json::Number(b)) => a.as_f64() == b.as_f64(),
        (Json::Array(a), Json::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Json::Object(a), Json::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(name, a)| b.get(name).is_some_and(|b| same(a, b)))
        }
        (a, b) => a == b,
    }
}
