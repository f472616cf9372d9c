//! The file that profiles are kept in: JSON, for its owner alone, replaced whole.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use serde_json::error::Category;

use super::address::{Address, ApiKey};
use crate::exit::{Exit, Failure};

/// An installation and a key for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Profile {
    pub url: Address,
    pub key: ApiKey,
}

/// What stands in the file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Profiles {
    /// The one that is used where none is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current: Option<String>,
    #[serde(default)]
    pub profiles: BTreeMap<String, Profile>,
}

impl Profiles {
    /// The profile of this name.
    ///
    /// # Errors
    /// There is none; the sentence names those that there are.
    pub fn get(&self, name: &str) -> Result<&Profile> {
        self.profiles.get(name).ok_or_else(|| {
            let names: Vec<&str> = self.profiles.keys().map(String::as_str).collect();
            let known = match names.as_slice() {
                [] => "there is none yet: make one with `millrace profile set`".to_owned(),
                names => format!("there are: {}", names.join(", ")),
            };
            Failure::new(Exit::NotFound, format!("no profile '{name}'; {known}")).into()
        })
    }

    /// The name and the profile that are used where none is named.
    pub fn current(&self) -> Option<(&str, &Profile)> {
        let name = self.current.as_deref()?;
        Some((name, self.profiles.get(name)?))
    }
}

/// A file of profiles, which need not be there yet.
#[derive(Debug, Clone)]
pub(crate) struct ProfileFile {
    path: PathBuf,
}

impl ProfileFile {
    pub fn new(path: PathBuf) -> Self {
        // A link stays one: what it leads to is replaced.
        Self { path: path.canonicalize().unwrap_or(path) }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads the file; one that is not there has no profiles.
    ///
    /// # Errors
    /// It cannot be read or is broken. **What stands in it is not repeated: there are keys.**
    pub fn read(&self) -> Result<Profiles> {
        let broken = |why: String| Failure::usage(format!("the profile file {} {why}", self.path.display()));
        let text = match fs::read_to_string(&self.path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Profiles::default()),
            read => read.map_err(|error| broken(format!("cannot be read: {error}")))?,
        };
        let profiles: Profiles = serde_json::from_str(&text).map_err(|error| {
            let what = match error.classify() {
                Category::Data => "something is missing, unknown or not as it has to be",
                Category::Eof => "it ends early",
                Category::Syntax | Category::Io => "a syntax error",
            };
            broken(format!("is broken: {what} at line {}, column {}", error.line(), error.column()))
        })?;
        // Serde would take a list for the fields in their order, and an empty one for none of them.
        if !text.trim_start().starts_with('{') {
            return Err(broken("is broken: it is no JSON object".to_owned()).into());
        }
        match &profiles.current {
            Some(name) if !profiles.profiles.contains_key(name) => {
                Err(broken(format!("is broken: its current profile '{name}' is not in it")).into())
            }
            _ => Ok(profiles),
        }
    }

    /// Changes the file. Of two commands that do so at once, one waits for the other.
    ///
    /// # Errors
    /// It is broken or cannot be written, or `change` fails. The file is as it was then.
    pub fn change<T>(&self, change: impl FnOnce(&mut Profiles) -> Result<T>) -> Result<T> {
        let folder = match self.path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        let cannot = || format!("cannot write the profile file {}", self.path.display());
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true).mode(0o700).create(folder).with_context(cannot)?;
        let lock = File::open(folder).with_context(cannot)?;
        lock.lock().with_context(cannot)?;
        let mut profiles = self.read()?;
        let done = change(&mut profiles)?;
        self.replace(folder, &profiles).with_context(cannot)?;
        Ok(done)
    }

    /// Writes a file beside it and renames it, so that whoever reads finds the old one or the new one.
    fn replace(&self, folder: &Path, profiles: &Profiles) -> Result<()> {
        let beside = folder.join(format!(".profiles-{}", std::process::id()));
        let written = (|| {
            let mut options = OpenOptions::new();
            let mut file = options.write(true).create_new(true).mode(0o600).open(&beside)?;
            serde_json::to_writer_pretty(&mut file, profiles)?;
            file.write_all(b"\n")?;
            file.sync_all()?;
            Ok(fs::rename(&beside, &self.path)?)
        })();
        if written.is_err() {
            let _ = fs::remove_file(&beside);
        }
        written
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    /// A folder that goes when the test is over.
    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            Self(std::env::temp_dir().join(format!("millrace-profiles-{name}-{}", std::process::id())))
        }

        fn file(&self) -> ProfileFile {
            ProfileFile::new(self.0.join("deep/profiles.json"))
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn profile(key: &str) -> Profile {
        Profile { url: Address::local(), key: ApiKey::parse(key).unwrap() }
    }

    #[test]
    fn profiles_are_kept_for_their_owner_alone() {
        let folder = Folder::new("kept");
        let file = folder.file();
        assert_eq!(file.read().unwrap(), Profiles::default());
        let put = |profiles: &mut Profiles| {
            profiles.profiles.insert("a".to_owned(), profile("k1"));
            profiles.current = Some("a".to_owned());
            Ok(())
        };
        file.change(put).unwrap();
        assert_eq!(file.read().unwrap().current().unwrap(), ("a", &profile("k1")));
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(file.path()), 0o600);
        assert_eq!(mode(file.path().parent().unwrap()), 0o700);
        // Readable to others before, and no longer.
        fs::set_permissions(file.path(), fs::Permissions::from_mode(0o644)).unwrap();
        file.change(|_| Ok(())).unwrap();
        assert_eq!(mode(file.path()), 0o600);
        assert_eq!(
            fs::read_dir(file.path().parent().unwrap()).unwrap().count(),
            1,
            "nothing is left beside it"
        );
    }

    #[test]
    fn a_change_that_fails_changes_nothing() {
        let folder = Folder::new("failed");
        let file = folder.file();
        let refused = file.change(|profiles| {
            profiles.profiles.insert("a".to_owned(), profile("k1"));
            profiles.get("b").map(|_| ())
        });
        assert_eq!(Failure::exit_of(&refused.unwrap_err()), Exit::NotFound);
        assert_eq!(file.read().unwrap(), Profiles::default());
    }

    #[test]
    fn a_broken_file_is_named_and_not_repeated_and_not_replaced() {
        let folder = Folder::new("broken");
        let file = folder.file();
        fs::create_dir_all(file.path().parent().unwrap()).unwrap();
        for (text, says) in [
            ("", "it ends early at line 1"),
            ("canary", "a syntax error at line 1, column 1"),
            ("{\"canary\": 1}", "unknown"),
            ("{\"profiles\": \"canary\"}", "not as it has to be at line 1"),
            ("{\"profiles\": {\"a\": {\"url\": \"canary\", \"key\": \"canary\"}}}", "not as it has to be"),
            ("{\"profiles\": {\"a\": {\"url\": \"http://a\"}}}", "missing"),
            ("{\"current\": \"b\", \"profiles\": {}}", "current profile 'b' is not in it"),
        ] {
            fs::write(file.path(), text).unwrap();
            let error = file.change(|_| Ok(())).unwrap_err();
            let told = format!("{error:#}");
            assert_eq!(Failure::exit_of(&error), Exit::Usage, "{told}");
            assert!(told.contains("profiles.json is broken") && told.contains(says), "{told}");
            assert!(!told.contains("canary"), "{told}");
            assert_eq!(fs::read_to_string(file.path()).unwrap(), text);
        }
    }

    #[test]
    fn changes_at_once_are_all_kept() {
        let folder = Folder::new("at-once");
        let names: Vec<String> = (0..8).map(|number| format!("p{number}")).collect();
        std::thread::scope(|scope| {
            for name in &names {
                let file = folder.file();
                scope.spawn(move || {
                    let put = |profiles: &mut Profiles| {
                        profiles.profiles.insert(name.clone(), profile("k"));
                        Ok(())
                    };
                    file.change(put).unwrap();
                });
            }
        });
        assert_eq!(folder.file().read().unwrap().profiles.into_keys().collect::<Vec<_>>(), names);
    }
}
