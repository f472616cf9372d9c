//! S3: s3s over files, embedded.

use std::path::{Path, PathBuf};

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use s3s::auth::SimpleAuth;
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s_fs::FileSystem;
use uuid::Uuid;

use crate::LocalError;

/// Where objects are kept: a folder of the data folder, or one of its own that goes when this is dropped.
#[derive(Debug)]
pub(crate) struct ObjectFolder {
    path: PathBuf,
    passing: bool,
}

impl ObjectFolder {
    /// The folder of a bucket's objects; a temporary one without `data`.
    pub(crate) fn open(data: Option<PathBuf>, bucket: &str) -> Result<Self, LocalError> {
        let passing = data.is_none();
        let own = || std::env::temp_dir().join(format!("millrace-s3-{}", Uuid::new_v4().as_simple()));
        let path = data.unwrap_or_else(own);
        let failed = |source| LocalError::Folder { path: path.clone(), source };
        std::fs::create_dir_all(path.join(bucket)).map_err(failed)?;
        Ok(Self { path, passing })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for ObjectFolder {
    fn drop(&mut self) {
        if self.passing
            && let Err(error) = std::fs::remove_dir_all(&self.path)
        {
            tracing::warn!(%error, "a temporary folder is left behind");
        }
    }
}

/// The routes of the service over a folder, for this key. Signatures are checked, since pre-signed requests are.
pub(crate) fn router(
    folder: &Path,
    access_key_id: &str,
    secret_access_key: &str,
) -> Result<Router, LocalError> {
    let files = FileSystem::new(folder).map_err(|error| LocalError::S3(format!("{error:?}")))?;
    let mut builder = S3ServiceBuilder::new(files);
    builder.set_auth(SimpleAuth::from_single(access_key_id, secret_access_key));
    let service = builder.build();
    Ok(Router::new().fallback(move |request: Request| answer(service.clone(), request)))
}

async fn answer(service: S3Service, request: Request) -> Response {
    match service.call(request.map(s3s::Body::http_body_unsync)).await {
        Ok(answer) => answer.map(Body::new),
        Err(error) => {
            tracing::warn!(?error, "the local S3 has no answer");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}
