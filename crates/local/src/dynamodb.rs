//! DynamoDB: dynoxide (DynamoDB on SQLite), embedded.

use std::path::Path;

use dynoxide::Database;
use tokio::net::TcpListener;

use crate::LocalError;
use crate::listen::{Serving, address};

/// Serves a database on `listener`: in memory without a `path`, in that file otherwise.
pub(crate) fn serve(listener: TcpListener, path: Option<&Path>) -> Result<Serving, LocalError> {
    let database = match path {
        Some(path) => Database::new(&path.to_string_lossy()),
        None => Database::memory(),
    }
    .map_err(|error| LocalError::DynamoDb(error.to_string()))?;
    let address = address(&listener)?;
    Ok(Serving::spawn(address, |stop| async move {
        let served = dynoxide::server::serve_with_shutdown(listener, database, stop.cancelled_owned()).await;
        if let Err(error) = served {
            tracing::error!(%error, "the local DynamoDB failed");
        }
    }))
}
