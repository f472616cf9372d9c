//! The files that a run may read: its tenant's uploads, and those below the operator's folder.

mod root;
mod spool;

use std::path::PathBuf;

use async_trait::async_trait;
use millrace_engine::{ErrorKind, File, Files, RunError};
use millrace_store::{Store, StoreError, TenantId, Upload, UploadRef};

use crate::services::unavailable;

/// The largest upload that is put on the disk for a library, in bytes.
const ON_DISK: u64 = 100_000_000;

/// The files that one tenant's runs may read.
pub(crate) struct TenantFiles {
    pub store: Store,
    pub tenant: TenantId,
    /// The operator's folder, where there is one.
    pub root: Option<PathBuf>,
    /// Where uploads are put for libraries that open files by themselves.
    pub spool: PathBuf,
}

#[async_trait]
impl Files for TenantFiles {
    async fn read(&self, reference: &str, limit: u64) -> Result<File, RunError> {
        match upload_ref(reference)? {
            Some(upload) => {
                let Upload { name, bytes } = self.upload(&upload, limit).await?;
                Ok(File { name, bytes: bytes.into(), immutable: upload.digest().is_some() })
            }
            None => root::read(self.root(reference)?, reference, limit),
        }
    }

    async fn list(&self, folder: &str) -> Result<Vec<String>, RunError> {
        let none = "Folders cannot be read here: no folder was opened for flows";
        root::list(self.root.as_ref().ok_or_else(|| RunError::new(ErrorKind::Flow, none))?, folder)
    }

    async fn on_disk(&self, reference: &str) -> Result<PathBuf, RunError> {
        let Some(upload) = upload_ref(reference)? else {
            return root::locate(self.root(reference)?, reference);
        };
        let place = spool::place(&self.spool, &self.tenant, &upload);
        if upload.digest().is_some_and(|digest| spool::holds(&place, digest)) {
            return Ok(place);
        }
        let file = self.upload(&upload, ON_DISK).await?;
        let mut nonce = [0; 8];
        self.store.host().random(&mut nonce);
        spool::put(&self.spool, &place, &file.bytes, u64::from_le_bytes(nonce)).map_err(|error| {
            RunError::new(ErrorKind::Internal, "An uploaded file could not be put on the disk").because(error)
        })?;
        Ok(place)
    }
}

impl TenantFiles {
    async fn upload(&self, upload: &UploadRef, limit: u64) -> Result<Upload, RunError> {
        match self.store.upload(&self.tenant, upload, limit).await {
            Ok(Some(found)) => Ok(found),
            Ok(None) => Err(missing(&upload.to_string())),
            Err(StoreError::TooLarge { size, limit, .. }) => {
                Err(too_large(&upload.file_name(), size as u64, limit as u64))
            }
            Err(error) => Err(unavailable(error)),
        }
    }

    fn root(&self, reference: &str) -> Result<&PathBuf, RunError> {
        self.root.as_ref().ok_or_else(|| missing(reference))
    }
}

/// The upload that is meant; `None` where a path is.
fn upload_ref(reference: &str) -> Result<Option<UploadRef>, RunError> {
    match UploadRef::is_meant_by(reference) {
        true => reference.parse().map(Some).map_err(|_| missing(reference)),
        false => Ok(None),
    }
}

/// The one answer for what is not there, what is another tenant's, and what may not be read.
fn missing(reference: &str) -> RunError {
    let named: String = reference.chars().take(200).collect();
    let message = format!(
        "There is no file {named:?} here: upload it with POST /api/v1/upload/{{flow_id}} and put the file_path of \
         the answer into the field"
    );
    RunError::new(ErrorKind::Flow, message)
}

/// A file that is larger than its reader takes.
fn too_large(name: &str, size: u64, limit: u64) -> RunError {
    RunError::new(ErrorKind::Flow, format!("The file {name} has {size} bytes; the limit is {limit}"))
}
