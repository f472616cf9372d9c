//! Files below a folder that the operator opened. No path leads out of it: paths are resolved first, links
//! included, and looked at afterwards.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use millrace_engine::{ErrorKind, File, RunError};

use super::{missing, too_large};

/// How many files a folder may have, those of its folders included.
const LISTED: usize = 10_000;
/// How deep folders may lie in each other.
const DEPTH: usize = 32;

/// The file at a path that is relative to the folder, or lies in it.
pub(super) fn read(root: &Path, reference: &str, limit: u64) -> Result<File, RunError> {
    let path = locate(root, reference)?;
    let file = fs::File::open(&path).map_err(|error| missing(reference).because(error))?;
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let mut bytes = Vec::new();
    file.take(limit.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(|error| missing(reference).because(error))?;
    if bytes.len() as u64 > limit {
        let size = path.metadata().map_or(bytes.len() as u64, |metadata| metadata.len());
        return Err(too_large(&name, size, limit));
    }
    Ok(File { name, bytes: bytes.into(), immutable: false })
}

/// Where a file really is.
pub(super) fn locate(root: &Path, reference: &str) -> Result<PathBuf, RunError> {
    let path = inside(root, reference)?;
    if path.is_file() { Ok(path) } else { Err(missing(reference)) }
}

/// The files below a folder of it, sorted, as paths relative to the folder that the operator opened. Links are
/// left out.
pub(super) fn list(root: &Path, folder: &str) -> Result<Vec<String>, RunError> {
    let top = inside(root, if folder.is_empty() { "." } else { folder })?;
    let root = root.canonicalize().map_err(|error| missing(folder).because(error))?;
    if !top.is_dir() {
        return Err(RunError::new(ErrorKind::Flow, format!("There is no folder {folder:?} here")));
    }
    let mut found = Vec::new();
    walk(&top, 0, &mut found).map_err(|error| missing(folder).because(error))?;
    if found.len() > LISTED {
        let message = format!("The folder {folder:?} has more than {LISTED} files, which is the limit");
        return Err(RunError::new(ErrorKind::Flow, message));
    }
    let relative = |path: &PathBuf| Some(path.strip_prefix(&root).ok()?.to_str()?.to_owned());
    let mut references: Vec<String> = found.iter().filter_map(relative).collect();
    references.sort_unstable();
    Ok(references)
}

fn walk(folder: &Path, depth: usize, found: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_dir() && depth < DEPTH {
            walk(&entry.path(), depth + 1, found)?;
        } else if kind.is_file() {
            found.push(entry.path());
        }
        if found.len() > LISTED {
            return Ok(());
        }
    }
    Ok(())
}

/// A path with all links resolved, if it lies below the folder.
fn inside(root: &Path, reference: &str) -> Result<PathBuf, RunError> {
    let resolve = |path: &Path| path.canonicalize().map_err(|error| missing(reference).because(error.kind()));
    let root = resolve(root)?;
    // An absolute path replaces the folder here, and has to lie below it all the same.
    let path = resolve(&root.join(reference))?;
    if path.starts_with(&root) { Ok(path) } else { Err(missing(reference)) }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    /// `outer/{root/{a.txt, b/c.txt, b/d.txt, out, way}, secret.txt}`, where `out` leads to the secret and
    /// `way` to the folder around.
    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let outer = std::env::temp_dir().join(format!("millrace-files-{}-{name}", std::process::id()));
            let root = outer.join("root");
            fs::create_dir_all(root.join("b")).unwrap();
            for (path, text) in
                [("root/a.txt", "a"), ("root/b/c.txt", "cc"), ("root/b/d.txt", "d"), ("secret.txt", "s")]
            {
                fs::write(outer.join(path), text).unwrap();
            }
            symlink(outer.join("secret.txt"), root.join("out")).unwrap();
            symlink(&outer, root.join("way")).unwrap();
            Self(outer)
        }

        fn root(&self) -> PathBuf {
            self.0.join("root")
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            fs::remove_dir_all(&self.0).unwrap();
        }
    }

    #[test]
    fn a_file_is_read_by_a_relative_or_absolute_path() {
        let folder = Folder::new("read");
        let absolute = folder.root().join("b/c.txt");
        for reference in ["b/c.txt", "./b/../b/c.txt", absolute.to_str().unwrap()] {
            let file = read(&folder.root(), reference, 2).unwrap();
            assert_eq!(
                (file.name.as_str(), &*file.bytes, file.immutable),
                ("c.txt", b"cc".as_slice(), false)
            );
        }
        assert_eq!(locate(&folder.root(), "b/c.txt").unwrap(), absolute.canonicalize().unwrap());
        let error = read(&folder.root(), "b/c.txt", 1).unwrap_err();
        assert!(
            error.message.contains("2 bytes") && error.message.contains("limit is 1"),
            "{}",
            error.message
        );
    }

    #[test]
    fn no_path_leads_out() {
        let folder = Folder::new("out");
        let outside = folder.0.join("secret.txt");
        let sibling = format!("{}-2/x", folder.root().display());
        let references = [
            "../secret.txt",
            "b/../../secret.txt",
            "out",
            "way/secret.txt",
            outside.to_str().unwrap(),
            &sibling,
            "/etc/passwd",
            "nothing.txt",
            "b",
            "",
            "a.txt\0",
        ];
        for reference in references {
            let error = read(&folder.root(), reference, 1_000).unwrap_err();
            assert_eq!(error.message, missing(reference).message);
            assert!(locate(&folder.root(), reference).is_err(), "{reference}");
        }
        for outside in ["..", "way", "/etc"] {
            assert!(list(&folder.root(), outside).is_err(), "{outside}");
        }
    }

    #[test]
    fn a_folder_is_listed_in_order_without_links() {
        let folder = Folder::new("list");
        assert_eq!(list(&folder.root(), "").unwrap(), ["a.txt", "b/c.txt", "b/d.txt"]);
        assert_eq!(list(&folder.root(), "b").unwrap(), ["b/c.txt", "b/d.txt"]);
        assert!(list(&folder.root(), "a.txt").unwrap_err().message.contains("no folder"));
        for listed in list(&folder.root(), "b").unwrap() {
            assert!(read(&folder.root(), &listed, 10).is_ok());
        }
    }
}
