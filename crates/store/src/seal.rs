//! What is kept of secrets: sealed with AES-256-GCM under a data key of its tenant, which a master key wraps.
//!
//! ```text
//!   master key (KMS, or a local file) ── wraps ── data key (one a tenant, a row) ── HKDF ── key of one place
//!                                                                                             │
//!   1 byte form │ 4 bytes version of the data key │ 12 bytes nonce │ ciphertext │ 16 bytes tag ◄┘
//! ```
//! Associated data are tenant, place and version, so that a value that is moved to another row does not open.
//!
//! **Equal values in the same place are sealed to equal bytes**: the nonce is a keyed hash of the value. A write
//! whose reply was lost can so be made again and known as the same, and a nonce never meets two values.

mod data_key;
mod master;

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hkdf::{HKDF_SHA256, KeyType, Prk, Salt};
use ring::hmac;
use serde::Serialize;
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

use crate::Store;
use crate::error::StoreError;
use crate::ids::TenantId;
use crate::item::{pack, unpack};

pub(crate) use data_key::DataKeys;
pub use master::MasterKey;
pub(crate) use master::Wrapping;

use data_key::DataKey;

/// The forms of sealed bytes: JSON as it is, and JSON that is compressed.
const PLAIN: u8 = 1;
const PACKED: u8 = 2;
/// JSON above this many bytes is compressed before it is sealed.
const PLAIN_LIMIT: usize = 512;
/// Bytes before the ciphertext.
const HEAD: usize = 1 + 4 + NONCE_LEN;

/// Where a sealed value stands: part of what is authenticated.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place<'a> {
    pub tenant: &'a TenantId,
    /// What kind of row, for example `variable`.
    pub kind: &'static str,
    /// Which one: an id or a name.
    pub name: &'a str,
    /// Which version of it; 0 where there is only one.
    pub version: u64,
}

impl Place<'_> {
    /// The associated data. Each part has its length before it, so that no two places read the same.
    fn bytes(&self, form: u8) -> Vec<u8> {
        let mut bytes = vec![form];
        for part in [self.tenant.as_str(), self.kind, self.name] {
            bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
            bytes.extend_from_slice(part.as_bytes());
        }
        bytes.extend_from_slice(&self.version.to_be_bytes());
        bytes
    }

    fn corrupt(&self) -> StoreError {
        StoreError::Corrupt { what: self.kind }
    }
}

impl Store {
    /// Seals a value for its place.
    ///
    /// # Errors
    /// [`StoreError::Misconfigured`] without a master key, and those of the services.
    pub(crate) async fn seal<T: Serialize>(
        &self,
        place: Place<'_>,
        value: &T,
    ) -> Result<Vec<u8>, StoreError> {
        let key = self.newest_data_key(place.tenant).await?;
        let plain = Zeroizing::new(serde_json::to_vec(value).map_err(|_| place.corrupt())?);
        match pack(&plain).filter(|_| plain.len() > PLAIN_LIMIT).map(Zeroizing::new) {
            Some(packed) => seal(&key, place, PACKED, &packed),
            None => seal(&key, place, PLAIN, &plain),
        }
    }

    /// Opens what [`Store::seal`] sealed for this place.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when it was sealed for another place or changed since, and those of the services.
    pub(crate) async fn open<T: DeserializeOwned>(
        &self,
        place: Place<'_>,
        sealed: &[u8],
    ) -> Result<T, StoreError> {
        let head = head(sealed).ok_or_else(|| place.corrupt())?;
        let key = self.data_key(place.tenant, head.version).await?;
        let plain = open(&key, place, sealed)?;
        match head.form {
            PACKED => unpack(&plain),
            _ => serde_json::from_slice(&plain).ok(),
        }
        .ok_or_else(|| place.corrupt())
    }
}

impl Store {
    /// Seals a value of a tenant that stands where the store does not look: as text, for `kind` and `name`.
    ///
    /// # Errors
    /// [`StoreError::Misconfigured`] without a master key, and those of the services.
    pub async fn seal_text<T: Serialize>(
        &self,
        tenant: &TenantId,
        (kind, name): (&'static str, &str),
        value: &T,
    ) -> Result<String, StoreError> {
        let sealed = self.seal(Place { tenant, kind, name, version: 0 }, value).await?;
        Ok(STANDARD.encode(sealed))
    }

    /// Opens what [`Store::seal_text`] sealed for the same `kind` and `name`.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] for anything else, and those of the services.
    pub async fn open_text<T: DeserializeOwned>(
        &self,
        tenant: &TenantId,
        (kind, name): (&'static str, &str),
        text: &str,
    ) -> Result<T, StoreError> {
        let place = Place { tenant, kind, name, version: 0 };
        let sealed = STANDARD.decode(text).map_err(|_| place.corrupt())?;
        self.open(place, &sealed).await
    }
}

/// What stands before the ciphertext.
struct Head {
    form: u8,
    /// Of the data key.
    version: u32,
    nonce: [u8; NONCE_LEN],
}

fn head(sealed: &[u8]) -> Option<Head> {
    let (form, rest) = sealed.split_first()?;
    let (version, rest) = rest.split_first_chunk::<4>()?;
    let (nonce, _) = rest.split_first_chunk::<NONCE_LEN>()?;
    let head = Head { form: *form, version: u32::from_be_bytes(*version), nonce: *nonce };
    matches!(head.form, PLAIN | PACKED).then_some(head)
}

fn seal(key: &DataKey, place: Place<'_>, form: u8, plain: &[u8]) -> Result<Vec<u8>, StoreError> {
    let place_bytes = place.bytes(form);
    let (sealing, naming) = keys(key, &place_bytes).ok_or_else(|| place.corrupt())?;
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, naming.as_ref()), plain);
    let mut nonce = [0; NONCE_LEN];
    nonce.copy_from_slice(&tag.as_ref()[..NONCE_LEN]);
    let mut sealed = Vec::with_capacity(HEAD + plain.len() + AES_256_GCM.tag_len());
    sealed.push(form);
    sealed.extend_from_slice(&key.version.to_be_bytes());
    sealed.extend_from_slice(&nonce);
    sealed.extend_from_slice(plain);
    let tag = sealing
        .seal_in_place_separate_tag(
            Nonce::assume_unique_for_key(nonce),
            Aad::from(place_bytes),
            &mut sealed[HEAD..],
        )
        .map_err(|_| place.corrupt())?;
    sealed.extend_from_slice(tag.as_ref());
    Ok(sealed)
}

fn open(key: &DataKey, place: Place<'_>, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, StoreError> {
    let Head { form, nonce, .. } = head(sealed).ok_or_else(|| place.corrupt())?;
    let place_bytes = place.bytes(form);
    let (opening, _) = keys(key, &place_bytes).ok_or_else(|| place.corrupt())?;
    let mut bytes = Zeroizing::new(sealed[HEAD..].to_vec());
    let nonce = Nonce::assume_unique_for_key(nonce);
    let opened = opening.open_in_place(nonce, Aad::from(place_bytes), &mut bytes);
    let length = opened.map_err(|_| place.corrupt())?.len();
    bytes.truncate(length);
    Ok(bytes)
}

/// The keys of one place: one seals, the other makes nonces.
fn keys(key: &DataKey, place: &[u8]) -> Option<(LessSafeKey, Zeroizing<[u8; 32]>)> {
    let prk = Salt::new(HKDF_SHA256, b"millrace sealed value").extract(key.bytes.as_ref());
    let (sealing, naming) = (derived(&prk, b"key", place)?, derived(&prk, b"nonce", place)?);
    let sealing = UnboundKey::new(&AES_256_GCM, sealing.as_ref()).ok()?;
    Some((LessSafeKey::new(sealing), naming))
}

fn derived(prk: &Prk, use_: &[u8], place: &[u8]) -> Option<Zeroizing<[u8; 32]>> {
    let mut bytes = Zeroizing::new([0; 32]);
    prk.expand(&[use_, place], Bytes32).ok()?.fill(bytes.as_mut()).ok()?;
    Some(bytes)
}

struct Bytes32;

impl KeyType for Bytes32 {
    fn len(&self) -> usize {
        32
    }
}

/// Text that is not shown when it is printed, and is wiped when it goes.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// The text itself.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(Zeroizing::new(text))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> DataKey {
        DataKey { version: 7, bytes: Zeroizing::new([byte; 32]) }
    }

    fn place<'a>(tenant: &'a TenantId, name: &'a str, version: u64) -> Place<'a> {
        Place { tenant, kind: "variable", name, version }
    }

    #[test]
    fn a_value_opens_in_its_place_and_nowhere_else() {
        let (acme, other) = ("acme".parse().unwrap(), "acme2".parse().unwrap());
        let here = place(&acme, "KEY", 1);
        let sealed = seal(&key(1), here, PLAIN, b"secret").unwrap();
        assert_eq!(open(&key(1), here, &sealed).unwrap().as_slice(), b"secret");
        assert!(!sealed.windows(6).any(|window| window == b"secret"));
        let kind = Place { kind: "input", ..here };
        for there in [place(&acme, "KEY", 2), place(&acme, "KEX", 1), place(&other, "KEY", 1), kind] {
            assert!(matches!(open(&key(1), there, &sealed), Err(StoreError::Corrupt { .. })), "{there:?}");
        }
        assert!(open(&key(2), here, &sealed).is_err());
    }

    #[test]
    fn places_with_the_same_letters_are_different() {
        let tenant = "acme".parse().unwrap();
        let (one, other) = (Place { kind: "ab", ..place(&tenant, "c", 0) }, place(&tenant, "bc", 0));
        assert_ne!(one.bytes(PLAIN), Place { kind: "a", ..other }.bytes(PLAIN));
    }

    #[test]
    fn equal_values_are_sealed_alike_and_different_ones_under_different_nonces() {
        let tenant = "acme".parse().unwrap();
        let here = place(&tenant, "KEY", 1);
        let seal = |plain: &[u8]| seal(&key(1), here, PLAIN, plain).unwrap();
        assert_eq!(seal(b"a"), seal(b"a"));
        assert_ne!(head(&seal(b"a")).unwrap().nonce, head(&seal(b"b")).unwrap().nonce);
        assert_eq!(head(&seal(b"a")).unwrap().version, 7);
    }

    #[test]
    fn what_was_changed_or_cut_does_not_open() {
        let tenant = "acme".parse().unwrap();
        let here = place(&tenant, "KEY", 1);
        let sealed = seal(&key(1), here, PLAIN, b"secret").unwrap();
        for index in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[index] ^= 1;
            // The version says which key to take; it is authenticated by the key itself.
            let opened = open(&key(1), here, &changed);
            assert!(opened.is_err() || (1..5).contains(&index), "{index}");
            assert!(open(&key(1), here, &sealed[..index]).is_err(), "{index}");
        }
    }

    #[test]
    fn secrets_are_not_shown() {
        assert_eq!(format!("{:?}", Secret::from("x".to_owned())), "Secret");
    }
}
