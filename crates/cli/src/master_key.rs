//! The local cloud's master key: a file that only its owner can read.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use millrace_store::{Host as _, SystemHost};

/// The file in the data folder. Without it, what is sealed there cannot be opened again.
const NAME: &str = "master.key";

/// A key file, removed at the end where nothing outlives the process.
pub(crate) struct KeyFile {
    path: PathBuf,
    is_temporary: bool,
}

impl KeyFile {
    /// The key of a data folder, made on first use; without a folder, one for this process.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn of(folder: Option<&Path>) -> Result<Self> {
        let (path, is_temporary) = match folder {
            Some(folder) => (folder.join(NAME), false),
            None => (std::env::temp_dir().join(format!("millrace-{}-{NAME}", random_name())), true),
        };
        make(&path).with_context(|| format!("cannot write {}", path.display()))?;
        let path = path.canonicalize().with_context(|| format!("cannot find {}", path.display()))?;
        Ok(Self { path, is_temporary })
    }

    pub fn path(&self) -> String {
        self.path.display().to_string()
    }
}

impl Drop for KeyFile {
    fn drop(&mut self) {
        if self.is_temporary {
            // What is left in the temporary folder opens nothing any longer.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

fn make(path: &Path) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Ok(mut file) => {
            let mut key = [0; 32];
            SystemHost.random(&mut key);
            file.write_all(&key)
        }
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}

fn random_name() -> String {
    let mut bytes = [0; 8];
    SystemHost.random(&mut bytes);
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_stays_in_its_folder_and_goes_without_one() {
        let folder = std::env::temp_dir().join(format!("millrace-key-{}", random_name()));
        let read = |file: &KeyFile| std::fs::read(file.path()).unwrap();
        let first = read(&KeyFile::of(Some(&folder)).unwrap());
        assert_eq!(first.len(), 32);
        assert_eq!(read(&KeyFile::of(Some(&folder)).unwrap()), first);
        std::fs::remove_dir_all(&folder).unwrap();
        let file = KeyFile::of(None).unwrap();
        let path = file.path();
        assert_ne!(read(&file), first);
        drop(file);
        assert!(!Path::new(&path).exists());
    }
}
