//! Uploads on the disk, for libraries that open files by themselves. The oldest go when there are too many.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use millrace_store::{TenantId, UploadRef};
use sha2::{Digest, Sha256};

/// What all files together may take, in bytes: half of what Lambda gives a function.
const TOTAL: u64 = 256 * 1024 * 1024;

/// Where an upload lies: apart from other tenants' and other flows', since whoever opens it may write to it.
pub(super) fn place(spool: &Path, tenant: &TenantId, upload: &UploadRef) -> PathBuf {
    spool.join(format!("{tenant}.{}", upload.flow())).join(upload.file_name())
}

/// Whether this content lies there.
pub(super) fn holds(place: &Path, digest: &str) -> bool {
    fs::read(place).is_ok_and(|bytes| format!("{:x}", Sha256::digest(bytes)) == digest)
}

/// Puts a file in its place, whole or not at all; `nonce` keeps two at the same time apart.
pub(super) fn put(spool: &Path, place: &Path, bytes: &[u8], nonce: u64) -> io::Result<()> {
    make_room(spool, bytes.len() as u64)?;
    if let Some(folder) = place.parent() {
        fs::create_dir_all(folder)?;
    }
    let unfinished = place.with_extension(format!("{nonce:016x}"));
    fs::write(&unfinished, bytes)?;
    fs::rename(&unfinished, place)
}

/// Removes the oldest files until there is room for so many bytes.
fn make_room(spool: &Path, wanted: u64) -> io::Result<()> {
    let mut files = files(spool)?;
    files.sort_unstable();
    let mut total: u64 = wanted + files.iter().map(|(_, _, size)| size).sum::<u64>();
    for (_, path, size) in files {
        if total <= TOTAL {
            break;
        }
        fs::remove_file(path)?;
        total -= size;
    }
    Ok(())
}

/// All files by when they were written, with their sizes.
fn files(spool: &Path) -> io::Result<Vec<(SystemTime, PathBuf, u64)>> {
    let mut files = Vec::new();
    if !spool.is_dir() {
        return Ok(files);
    }
    for folder in fs::read_dir(spool)? {
        for file in fs::read_dir(folder?.path())? {
            let file = file?;
            let metadata = file.metadata()?;
            files.push((metadata.modified()?, file.path(), metadata.len()));
        }
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_make_room() {
        let spool = std::env::temp_dir().join(format!("millrace-spool-{}", std::process::id()));
        let folder = spool.join("acme.1");
        fs::create_dir_all(&folder).unwrap();
        for (name, age) in [("old", 30), ("older", 60), ("new", 1)] {
            let file = fs::File::create(folder.join(name)).unwrap();
            file.set_len(100 * 1024 * 1024).unwrap();
            file.set_modified(SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_000 - age)).unwrap();
        }
        let place = spool.join("acme.2").join("x.db");
        put(&spool, &place, b"content", 7).unwrap();
        let left = |name: &str| folder.join(name).exists();
        assert_eq!([left("older"), left("old"), left("new")], [false, true, true]);
        assert_eq!(fs::read(&place).unwrap(), b"content");
        assert!(holds(&place, &format!("{:x}", Sha256::digest("content"))));
        fs::write(&place, "changed").unwrap();
        assert!(!holds(&place, &format!("{:x}", Sha256::digest("content"))));
        fs::remove_dir_all(spool).unwrap();
    }
}
