//! Inputs to begin with: the corpus, and files of the project and of the folder `shared` beside it.

use std::fs;
use std::path::{Path, PathBuf};

use crate::Target;

/// The workspace.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The folder of a target's corpus.
pub fn corpus(target: &Target) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target.name)
}

/// What the target's corpus holds, with the files' names.
pub fn committed(target: &Target) -> Vec<(PathBuf, Vec<u8>)> {
    files(&corpus(target), "")
}

/// What the project and `../shared` hold for a target; the latter's part may be missing.
pub fn beside(target: &Target) -> Vec<(PathBuf, Vec<u8>)> {
    target.seeds.iter().flat_map(|seed| found(seed)).collect()
}

/// Whether there is a folder `shared`.
pub fn is_shared() -> bool {
    root().join("../shared").is_dir()
}

/// `a/b.csv`, or `a/b *.csv` for all such files in the folder.
fn found(seed: &str) -> Vec<(PathBuf, Vec<u8>)> {
    match seed.split_once(" *") {
        Some((folder, ending)) => files(&root().join(folder), ending),
        None => read(root().join(seed)).into_iter().collect(),
    }
}

fn files(folder: &Path, ending: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut paths: Vec<_> = entries.map(|entry| entry.path()).filter(|path| path.is_file()).collect();
    paths.retain(|path| path.to_string_lossy().ends_with(ending));
    paths.sort();
    paths.into_iter().filter_map(read).collect()
}

fn read(path: PathBuf) -> Option<(PathBuf, Vec<u8>)> {
    let bytes = fs::read(&path).ok()?;
    Some((path, bytes))
}
