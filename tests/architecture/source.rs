//! The sources of what is deployed, without tests and comments.

use std::fs;
use std::path::{Path, PathBuf};

/// What is linked into a function.
const DEPLOYED: &[&str] = &[
    "crates/components/src",
    "crates/engine/src",
    "crates/outbound/src",
    "crates/runner/src",
    "crates/store/src",
    "functions/api/src",
    "functions/sweeper/src",
    "functions/worker/src",
];

/// A file of them.
pub(crate) struct Source {
    /// Its place in the project.
    pub(crate) path: String,
    pub(crate) text: String,
}

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// All files of what is deployed.
pub(crate) fn deployed() -> Vec<Source> {
    let mut found = Vec::new();
    for folder in DEPLOYED {
        walk(&root().join(folder), &mut found);
    }
    let sources: Vec<_> = found.iter().filter(|path| !is_test(path)).map(|path| read(path)).collect();
    assert!(sources.len() > 300, "only {} files: were they moved?", sources.len());
    sources
}

fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => walk(&path, found),
            false if path.extension().is_some_and(|extension| extension == "rs") => found.push(path),
            false => {}
        }
    }
}

fn is_test(path: &Path) -> bool {
    let name = path.file_stem().unwrap().to_str().unwrap();
    name == "tests"
        || name.ends_with("_tests")
        || path.strip_prefix(root()).unwrap().iter().any(|part| part == "tests")
}

fn read(path: &Path) -> Source {
    let text = fs::read_to_string(path).unwrap();
    // Tests within a file stand at its end.
    let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
    let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    let path = path.strip_prefix(root()).unwrap().to_str().unwrap().replace('\\', "/");
    Source { path, text: code.collect::<Vec<_>>().join("\n") }
}
