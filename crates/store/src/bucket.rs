//! The calls to S3: every one that the store makes is in this module.
//!
//! Objects lie under `<tenant>/uploads/`, `<tenant>/indexes/` and `<tenant>/values/`. Every key but that of an
//! upload that announced no digest names its content, so that an object, once it is there, never changes.

use std::time::{Duration, UNIX_EPOCH};

use aws_sdk_s3::Client;
use aws_sdk_s3::error::SdkError;
use aws_sdk_s3::presigning::{PresignedRequest, PresigningConfig};
use aws_sdk_s3::primitives::ByteStream;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jiff::Timestamp;
use sha2::{Digest, Sha256};

use crate::Store;
use crate::error::{Fault, StoreError};

/// The tag of objects that the bucket removes with the tasks they belong to; the template has the rule.
const PASSING: &str = "kept=with-tasks";

/// What an object's metadata calls the name that its owner gave it.
const NAME: &str = "name";

/// A bucket and the way to it.
#[derive(Debug, Clone)]
pub(crate) struct Bucket {
    pub(crate) client: Client,
    pub(crate) name: String,
}

/// How long an object is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kept {
    /// Until somebody deletes it.
    ForGood,
    /// As long as tasks are, counted from when it was last put.
    WithTasks,
}

/// An object to be put.
pub(crate) struct Object {
    pub(crate) key: String,
    pub(crate) bytes: Vec<u8>,
    /// The name that its owner gave it.
    pub(crate) name: Option<String>,
    pub(crate) kept: Kept,
}

/// An object as it was read.
pub(crate) struct Found {
    pub(crate) bytes: Vec<u8>,
    pub(crate) name: Option<String>,
}

/// An object that somebody else is to put.
pub(crate) struct Announced<'a> {
    pub(crate) key: String,
    pub(crate) name: &'a str,
    pub(crate) size: u64,
    pub(crate) digest: Option<[u8; 32]>,
}

impl Store {
    /// Puts an object, whatever stands there. The service checks that it arrives as it was sent.
    pub(crate) async fn put_object(&self, object: Object) -> Result<(), StoreError> {
        let Bucket { client, name } = self.bucket()?;
        let digest = Sha256::digest(&object.bytes);
        client
            .put_object()
            .bucket(name)
            .key(object.key)
            .checksum_sha256(STANDARD.encode(digest))
            .set_metadata(object.name.map(|name| [(NAME.to_owned(), URL_SAFE_NO_PAD.encode(name))].into()))
            .set_tagging((object.kept == Kept::WithTasks).then(|| PASSING.to_owned()))
            .body(ByteStream::from(object.bytes))
            .send()
            .await?;
        Ok(())
    }

    /// Reads an object of at most `limit` bytes. `None` when there is none.
    ///
    /// # Errors
    /// [`StoreError::TooLarge`] for `what`, before the object is read, and those of the service.
    pub(crate) async fn object(
        &self,
        key: &str,
        limit: u64,
        what: &'static str,
    ) -> Result<Option<Found>, StoreError> {
        let Bucket { client, name } = self.bucket()?;
        let sent = match client.get_object().bucket(name).key(key).send().await {
            Ok(sent) => sent,
            Err(SdkError::ServiceError(refused)) if refused.err().is_no_such_key() => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let size = sent.content_length().and_then(|size| u64::try_from(size).ok()).unwrap_or(u64::MAX);
        if size > limit {
            let bytes = |size| usize::try_from(size).unwrap_or(usize::MAX);
            return Err(StoreError::TooLarge { what, size: bytes(size), limit: bytes(limit) });
        }
        let name = sent.metadata().and_then(|all| all.get(NAME)).and_then(|name| decoded(name));
        let broken = |_| StoreError::Unavailable(Fault { kind: "response", code: None });
        let bytes = sent.body.collect().await.map_err(broken)?.to_vec();
        Ok(Some(Found { bytes, name }))
    }

    /// A request that lets whoever has it put one object of this size, and of this digest if one is given.
    /// Calls no service.
    pub(crate) async fn presigned(
        &self,
        object: Announced<'_>,
        valid: Duration,
    ) -> Result<PresignedRequest, StoreError> {
        let Bucket { client, name } = self.bucket()?;
        let since_epoch =
            Duration::try_from(self.now().duration_since(Timestamp::UNIX_EPOCH)).unwrap_or_default();
        let config =
            PresigningConfig::builder().start_time(UNIX_EPOCH + since_epoch).expires_in(valid).build();
        let config = config.map_err(|_| StoreError::Misconfigured(Fault { kind: "request", code: None }))?;
        let put = client
            .put_object()
            .bucket(name)
            .key(object.key)
            .content_length(i64::try_from(object.size).unwrap_or(i64::MAX))
            .metadata(NAME, URL_SAFE_NO_PAD.encode(object.name))
            .set_checksum_sha256(object.digest.map(|digest| STANDARD.encode(digest)));
        Ok(put.presigned(config).await?)
    }

    /// # Errors
    /// [`StoreError::Misconfigured`] where there is no bucket.
    fn bucket(&self) -> Result<&Bucket, StoreError> {
        let none = || StoreError::Misconfigured(Fault { kind: "request", code: Some("NoBucket".to_owned()) });
        self.0.bucket.as_ref().ok_or_else(none)
    }
}

fn decoded(name: &str) -> Option<String> {
    String::from_utf8(URL_SAFE_NO_PAD.decode(name).ok()?).ok()
}
