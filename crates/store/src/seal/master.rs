//! What wraps the data keys: a key of KMS, or, in the local cloud, a key of its own.

use std::fmt;

use aws_sdk_kms::primitives::Blob;
use aws_sdk_kms::types::DataKeySpec;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use zeroize::Zeroizing;

use crate::error::{Fault, StoreError};
use crate::host::Host;
use crate::ids::TenantId;

/// What the store is told of the key that wraps all others.
#[derive(Clone, PartialEq, Eq, Default)]
pub enum MasterKey {
    /// None: what has to be sealed is refused.
    #[default]
    None,
    /// A key of KMS, by its id, ARN or alias. It never leaves KMS.
    Kms(String),
    /// 32 bytes of the operator's own, for the local cloud.
    Local(Zeroizing<[u8; 32]>),
}

impl MasterKey {
    /// A key of the operator's own.
    pub fn local(bytes: [u8; 32]) -> Self {
        Self::Local(Zeroizing::new(bytes))
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "None",
            Self::Kms(_) => "Kms",
            Self::Local(_) => "Local",
        })
    }
}

/// A master key and the way to it.
#[derive(Clone)]
pub(crate) enum Wrapping {
    None,
    Kms { client: aws_sdk_kms::Client, key: String },
    Local(Zeroizing<[u8; 32]>),
}

/// A data key in the clear, and as it is kept.
pub(super) type Made = (Zeroizing<[u8; 32]>, Vec<u8>);

/// The name of the encryption context of KMS: with it, CloudTrail shows whose key was opened, and a wrapped key
/// that is put into another tenant's row does not open.
const CONTEXT: &str = "millrace:tenant";

impl Wrapping {
    /// Makes a data key for a tenant.
    pub(super) async fn make(&self, host: &dyn Host, tenant: &TenantId) -> Result<Made, StoreError> {
        match self {
            Self::None => Err(no_key()),
            Self::Kms { client, key } => {
                let made = client
                    .generate_data_key()
                    .key_id(key)
                    .key_spec(DataKeySpec::Aes256)
                    .encryption_context(CONTEXT, tenant.as_str())
                    .send()
                    .await?;
                let wrapped = made.ciphertext_blob.map(Blob::into_inner).ok_or_else(unreadable)?;
                Ok((plain(made.plaintext)?, wrapped))
            }
            Self::Local(master) => {
                let mut bytes = Zeroizing::new([0; 32]);
                host.random(bytes.as_mut());
                let wrapped = wrap(master, host, tenant, &bytes).ok_or_else(unreadable)?;
                Ok((bytes, wrapped))
            }
        }
    }

    /// Opens a data key of a tenant.
    pub(super) async fn unwrap(
        &self,
        tenant: &TenantId,
        wrapped: &[u8],
    ) -> Result<Zeroizing<[u8; 32]>, StoreError> {
        match self {
            Self::None => Err(no_key()),
            Self::Kms { client, key } => {
                let opened = client
                    .decrypt()
                    .key_id(key)
                    .ciphertext_blob(Blob::new(wrapped))
                    .encryption_context(CONTEXT, tenant.as_str())
                    .send()
                    .await?;
                plain(opened.plaintext)
            }
            Self::Local(master) => unwrap(master, tenant, wrapped).ok_or_else(unreadable),
        }
    }
}

fn plain(blob: Option<Blob>) -> Result<Zeroizing<[u8; 32]>, StoreError> {
    let bytes = Zeroizing::new(blob.map(Blob::into_inner).unwrap_or_default());
    <[u8; 32]>::try_from(bytes.as_slice()).map(Zeroizing::new).map_err(|_| unreadable())
}

/// 12 bytes nonce, ciphertext, tag. A master key wraps one key a tenant, so that random nonces suffice.
fn wrap(master: &[u8; 32], host: &dyn Host, tenant: &TenantId, key: &[u8; 32]) -> Option<Vec<u8>> {
    let mut nonce = [0; NONCE_LEN];
    host.random(&mut nonce);
    let mut sealed = key.to_vec();
    let aad = Aad::from(tenant.as_str());
    sealing(master)?.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), aad, &mut sealed).ok()?;
    Some([nonce.as_slice(), &sealed].concat())
}

fn unwrap(master: &[u8; 32], tenant: &TenantId, wrapped: &[u8]) -> Option<Zeroizing<[u8; 32]>> {
    let (nonce, sealed) = wrapped.split_first_chunk::<NONCE_LEN>()?;
    let mut bytes = Zeroizing::new(sealed.to_vec());
    let aad = Aad::from(tenant.as_str());
    let opened =
        sealing(master)?.open_in_place(Nonce::assume_unique_for_key(*nonce), aad, &mut bytes).ok()?;
    <[u8; 32]>::try_from(&*opened).ok().map(Zeroizing::new)
}

fn sealing(master: &[u8; 32]) -> Option<LessSafeKey> {
    UnboundKey::new(&AES_256_GCM, master).ok().map(LessSafeKey::new)
}

fn no_key() -> StoreError {
    StoreError::Misconfigured(Fault { kind: "request", code: Some("NoMasterKey".to_owned()) })
}

fn unreadable() -> StoreError {
    StoreError::Corrupt { what: "data key" }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SystemHost;

    #[tokio::test]
    async fn a_local_key_wraps_for_one_tenant() {
        let (acme, other): (TenantId, TenantId) = ("acme".parse().unwrap(), "other".parse().unwrap());
        let wrapping = Wrapping::Local(Zeroizing::new([3; 32]));
        let (plain, wrapped) = wrapping.make(&SystemHost, &acme).await.unwrap();
        assert_eq!(wrapping.unwrap(&acme, &wrapped).await.unwrap(), plain);
        assert!(wrapping.unwrap(&other, &wrapped).await.is_err());
        assert!(Wrapping::Local(Zeroizing::new([4; 32])).unwrap(&acme, &wrapped).await.is_err());
        assert!(wrapping.unwrap(&acme, &wrapped[1..]).await.is_err());
        assert!(matches!(Wrapping::None.make(&SystemHost, &acme).await, Err(StoreError::Misconfigured(_))));
    }

    #[test]
    fn a_master_key_is_not_shown() {
        assert_eq!(format!("{:?}", MasterKey::Local(Zeroizing::new([9; 32]))), "Local");
    }
}
