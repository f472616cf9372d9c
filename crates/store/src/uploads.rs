//! Files that tenants upload for their flows.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use jiff::Timestamp;
use sha2::{Digest, Sha256};

use crate::bucket::{Announced, Kept, Object};
use crate::error::StoreError;
use crate::ids::{FlowId, InvalidId, TenantId};
use crate::{Store, after};

/// What every reference begins with.
const PREFIX: &str = "millrace:upload/";

/// Longest extension that a reference keeps, in bytes.
const EXTENSION_LIMIT: usize = 16;

/// Longest file name that is kept, in characters: with four bytes each it fits the 2 KB of an object's metadata.
const NAME_LIMIT: usize = 255;

/// How long a pre-signed request is valid.
const TICKET_VALID: Duration = Duration::from_secs(15 * 60);

/// Hexadecimal digits of a SHA-256, and of the name of an upload whose digest was not announced.
const DIGEST_DIGITS: usize = 64;
const TOKEN_DIGITS: usize = 32;

/// What stands for an upload: `millrace:upload/<flow>/<sha256><extension>`.
///
/// Opaque to clients. It holds no tenant: whose it is, the key of whoever uses it says. Where the digest was
/// not known beforehand, 32 random hexadecimal digits stand in its place.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UploadRef {
    flow: FlowId,
    content: String,
    /// With its dot, or empty.
    extension: String,
}

/// An upload as it is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upload {
    /// Its name, as its owner named it.
    pub name: String,
    /// What is in it.
    pub bytes: Vec<u8>,
}

/// A request that puts one file into the bucket, without a key, until it expires.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadTicket {
    /// What will stand for the file.
    pub reference: UploadRef,
    /// Where it is put, by `PUT`.
    pub url: String,
    /// The headers that have to be sent along, in order.
    pub headers: Vec<(String, String)>,
    /// When it ends.
    pub expires_at: Timestamp,
}

impl UploadRef {
    fn new(flow: FlowId, content: String, file_name: &str) -> Self {
        Self { flow, content, extension: extension(file_name) }
    }

    /// The flow that it was uploaded for.
    pub fn flow(&self) -> FlowId {
        self.flow
    }

    /// The SHA-256 of the content in hexadecimal, where the reference names it: it then always stands for the same
    /// bytes.
    pub fn digest(&self) -> Option<&str> {
        (self.content.len() == DIGEST_DIGITS).then_some(self.content.as_str())
    }

    /// Whether a text is meant for a reference.
    pub fn is_meant_by(text: &str) -> bool {
        text.starts_with(PREFIX)
    }

    /// The last part of it: the content's name with its extension.
    pub fn file_name(&self) -> String {
        format!("{}{}", self.content, self.extension)
    }

    fn key(&self, tenant: &TenantId) -> String {
        format!("{tenant}/uploads/{}/{}", self.flow, self.file_name())
    }
}

impl fmt::Display for UploadRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{}/{}{}", self.flow, self.content, self.extension)
    }
}

impl FromStr for UploadRef {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let invalid = || InvalidId { kind: "upload reference" };
        let (flow, file) =
            text.strip_prefix(PREFIX).and_then(|rest| rest.split_once('/')).ok_or_else(invalid)?;
        let content = file.split('.').next().unwrap_or_default();
        let is_hex = content.bytes().all(|c| c.is_ascii_digit() || (b'a'..=b'f').contains(&c));
        if !is_hex || ![DIGEST_DIGITS, TOKEN_DIGITS].contains(&content.len()) {
            return Err(invalid());
        }
        let reference = Self::new(flow.parse()?, content.to_owned(), file);
        // Whatever is not kept word for word would be another name for the same file.
        if reference.to_string() == text { Ok(reference) } else { Err(invalid()) }
    }
}

impl Store {
    /// Keeps a file for a flow. The same bytes are the same reference.
    ///
    /// # Errors
    /// [`StoreError::Misconfigured`] where there is no bucket, and those of the service.
    pub async fn put_upload(
        &self,
        tenant: &TenantId,
        flow: FlowId,
        file_name: &str,
        bytes: Vec<u8>,
    ) -> Result<UploadRef, StoreError> {
        let reference = UploadRef::new(flow, format!("{:x}", Sha256::digest(&bytes)), file_name);
        let (key, name) = (reference.key(tenant), Some(kept_name(file_name)));
        self.put_object(Object { key, bytes, name, kept: Kept::ForGood }).await?;
        Ok(reference)
    }

    /// A ticket for a file of exactly `size` bytes, and of this SHA-256 if it is known. Calls no service.
    ///
    /// # Errors
    /// [`StoreError::TooLarge`] for a file above [`StoreConfig::max_upload_bytes`](crate::StoreConfig), and
    /// [`StoreError::Misconfigured`] where there is no bucket or no credentials.
    pub async fn upload_ticket(
        &self,
        tenant: &TenantId,
        flow: FlowId,
        file_name: &str,
        size: u64,
        digest: Option<[u8; 32]>,
    ) -> Result<UploadTicket, StoreError> {
        let limit = self.config().max_upload_bytes;
        if size > limit {
            let bytes = |size| usize::try_from(size).unwrap_or(usize::MAX);
            return Err(StoreError::TooLarge { what: "file", size: bytes(size), limit: bytes(limit) });
        }
        let content = digest.map_or_else(|| self.request_token(), hex);
        let reference = UploadRef::new(flow, content, file_name);
        let name = kept_name(file_name);
        let announced = Announced { key: reference.key(tenant), name: &name, size, digest };
        let expires_at = after(self.now(), TICKET_VALID);
        let request = self.presigned(announced, TICKET_VALID).await?;
        let mut headers: Vec<_> =
            request.headers().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        headers.sort_unstable();
        Ok(UploadTicket { reference, url: request.uri().to_owned(), headers, expires_at })
    }

    /// An upload of at most `limit` bytes. `None` when the tenant has none of this reference, or what stands
    /// there is not what the reference names.
    ///
    /// # Errors
    /// [`StoreError::TooLarge`] before it is read, and those of the service.
    pub async fn upload(
        &self,
        tenant: &TenantId,
        reference: &UploadRef,
        limit: u64,
    ) -> Result<Option<Upload>, StoreError> {
        if !self.has_bucket() {
            return Ok(None);
        }
        let Some(found) = self.object(&reference.key(tenant), limit, "file").await? else {
            return Ok(None);
        };
        let named = |digest| digest == format!("{:x}", Sha256::digest(&found.bytes));
        if !reference.digest().is_none_or(named) {
            return Ok(None);
        }
        Ok(Some(Upload { name: found.name.unwrap_or_else(|| reference.file_name()), bytes: found.bytes }))
    }
}

fn hex(digest: [u8; 32]) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The extension of a file's name in lower case, with its dot; empty where it has none that is plain.
fn extension(file_name: &str) -> String {
    match file_name.rsplit_once('.') {
        Some((_, last))
            if (1..=EXTENSION_LIMIT).contains(&last.len())
                && last.bytes().all(|c| c.is_ascii_alphanumeric()) =>
        {
            format!(".{}", last.to_ascii_lowercase())
        }
        _ => String::new(),
    }
}

/// The name without folders and control characters. It is shown and never a path.
fn kept_name(file_name: &str) -> String {
    let name = file_name.rsplit(['/', '\\']).next().unwrap_or_default();
    name.chars().filter(|c| !c.is_control()).take(NAME_LIMIT).collect()
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_reference_is_read_as_it_is_shown_and_in_no_other_way() {
        let flow = FlowId(Uuid::from_u128(7));
        for (name, extension) in [("a.CSV", ".csv"), ("a", ""), ("a.tar.gz", ".gz"), ("a.", ""), ("ä.ü", "")]
        {
            let reference = UploadRef::new(flow, "0f".repeat(32), name);
            assert_eq!(
                reference.to_string(),
                format!("millrace:upload/{flow}/{}{extension}", "0f".repeat(32))
            );
            assert_eq!(reference.to_string().parse(), Ok(reference));
        }
        let digest = "0f".repeat(32);
        for text in [
            digest.clone(),
            format!("millrace:upload/{digest}.csv"),
            format!("millrace:upload/{flow}/{digest}.CSV"),
            format!("millrace:upload/{flow}/{digest}.a.csv"),
            format!("millrace:upload/{flow}/{digest}."),
            format!("millrace:upload/{flow}/{}.csv", "0F".repeat(32)),
            format!("millrace:upload/{flow}/../{digest}.csv"),
            format!("millrace:upload/{flow}/{digest}/../x.csv"),
            format!("millrace:upload/{}/{digest}.csv", flow.to_string().replace('-', "")),
            "millrace:upload/".to_owned(),
        ] {
            assert!(text.parse::<UploadRef>().is_err(), "{text}");
        }
    }

    #[test]
    fn only_a_digest_names_content() {
        let flow = FlowId(Uuid::from_u128(7));
        assert!(UploadRef::new(flow, "ab".repeat(32), "a").digest().is_some());
        assert!(UploadRef::new(flow, "ab".repeat(16), "a").digest().is_none());
    }

    #[test]
    fn a_name_is_no_path() {
        for (given, kept) in
            [("a.csv", "a.csv"), ("../../etc/passwd", "passwd"), ("C:\\x\\b.txt", "b.txt"), ("a\r\nb", "ab")]
        {
            assert_eq!(kept_name(given), kept);
        }
        assert_eq!(kept_name(&"ü".repeat(300)).chars().count(), 255);
    }
}
