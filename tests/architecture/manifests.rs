//! What the manifests say.

use std::fs;
use std::path::PathBuf;

use crate::source::root;

/// A crate that can open connections, and the members that may depend on it; `dev` dependencies count as any other.
const CONNECTING: &[(&str, &[&str])] = &[
    ("reqwest", &["crates/outbound", "tests"]),
    ("sqlx", &["crates/outbound"]),
    ("webpki-roots", &["crates/outbound"]),
    ("hyper", &["crates/local"]),
    ("hyper-util", &["crates/local"]),
    ("rusqlite", &["crates/local"]),
    ("aws-config", &["crates/store", "crates/local"]),
    ("aws-sdk-s3", &["crates/store", "crates/local", "tests"]),
];

/// The manifests of the workspace's members, by their folders.
fn members() -> Vec<(String, String)> {
    let mut folders: Vec<PathBuf> = vec![root().join("tests")];
    for group in ["crates", "functions"] {
        folders.extend(fs::read_dir(root().join(group)).unwrap().map(|entry| entry.unwrap().path()));
    }
    let name = |folder: &PathBuf| folder.strip_prefix(root()).unwrap().to_str().unwrap().to_owned();
    let read = |folder: &PathBuf| fs::read_to_string(folder.join("Cargo.toml")).ok();
    folders.iter().filter_map(|folder| Some((name(folder), read(folder)?))).collect()
}

#[test]
fn every_member_has_the_lints_of_the_workspace() {
    let workspace = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    assert!(workspace.contains("unsafe_code = \"forbid\""));
    let members = members();
    assert!(members.len() >= 11, "{}", members.len());
    for (member, manifest) in members {
        assert!(manifest.contains("[lints]\nworkspace = true"), "{member} has lints of its own");
    }
}

#[test]
fn few_members_depend_on_what_opens_connections() {
    for (member, manifest) in members() {
        for (name, places) in CONNECTING {
            let depends = manifest
                .lines()
                .any(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['.', ' ', '='])));
            assert!(!depends || places.contains(&member.as_str()), "{member} depends on {name}");
        }
    }
}

/// Nothing comes from anywhere but the registry and the workspace itself, and everything is pinned by its checksum.
#[test]
fn the_lock_file_names_one_source() {
    let lock = fs::read_to_string(root().join("Cargo.lock")).unwrap();
    for package in lock.split("[[package]]").skip(1) {
        let own = package.contains("\nname = \"millrace");
        let sources: Vec<&str> = package.lines().filter(|line| line.starts_with("source = ")).collect();
        let pinned = package.contains("\nchecksum = ");
        let expected = "source = \"registry+https://github.com/rust-lang/crates.io-index\"";
        assert!(own && sources.is_empty() || pinned && sources == [expected], "{package}");
    }
}
