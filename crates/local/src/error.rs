//! Why the local cloud, or a part of it, cannot be started.

use std::io;
use std::path::PathBuf;

/// An error of starting something local.
#[derive(Debug, thiserror::Error)]
pub enum LocalError {
    /// Another program listens on the port. Choose another, or stop that program.
    #[error(
        "port {port} is taken, and {wanted_by} wants it: stop what listens there, or choose another port"
    )]
    PortTaken {
        /// The port.
        port: u16,
        /// What was to listen there.
        wanted_by: String,
    },
    /// The port cannot be listened on for another reason.
    #[error("{wanted_by} cannot listen on port {port}: {source}")]
    Listen {
        /// The port.
        port: u16,
        /// What was to listen there.
        wanted_by: String,
        /// What the system says.
        source: io::Error,
    },
    /// Another process has the data folder.
    #[error("the data folder {} is in use by another process: stop it, or choose another folder", path.display())]
    FolderInUse {
        /// The folder.
        path: PathBuf,
    },
    /// The data folder cannot be created or written.
    #[error("the data folder {} cannot be used: {source}", path.display())]
    Folder {
        /// The folder or the file in it.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The DynamoDB emulator did not start.
    #[error("the local DynamoDB did not start: {0}")]
    DynamoDb(String),
    /// The S3 emulator did not start.
    #[error("the local S3 did not start: {0}")]
    S3(String),
    /// The stored queues cannot be read.
    #[error("the stored queues cannot be read: {0}")]
    SqsStore(#[from] rusqlite::Error),
    /// A queue cannot be created as it was configured.
    #[error("a queue cannot be created: {0}")]
    Queue(#[from] crate::sqs::SqsError),
}
