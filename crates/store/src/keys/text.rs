//! The text of a key.
//!
//! ```text
//! sk-0123456789abcdef_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAcccccc
//! └┬┘└───────┬──────┘ └─────────────────────┬───────────────────┘└─┬──┘
//! prefix  public id        256-bit secret, URL-safe base64      checksum
//! ```
//! 69 characters. Public id and checksum are base62; the checksum is over all that stands before it, so
//! that a mistyped or cut key is refused without a read.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use crate::host::Host;

const PREFIX: &str = "sk-";
const PUBLIC: std::ops::Range<usize> = 3..19;
const SECRET: std::ops::Range<usize> = 20..63;
const CHECKSUM: std::ops::Range<usize> = 63..69;

const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Characters that a list shows of a key.
const SHOWN: usize = 8;

/// A well-formed key.
pub(super) struct KeyText<'a> {
    text: Cow<'a, str>,
    public_id: String,
    secret_hash: [u8; 32],
}

impl KeyText<'_> {
    /// A new key from the host's randomness.
    pub(super) fn generate(host: &dyn Host) -> KeyText<'static> {
        let (mut id, mut secret) = ([0; 16], [0; 32]);
        host.random(&mut id);
        host.random(&mut secret);
        let public_id = base62(u128::from_be_bytes(id), PUBLIC.len());
        let mut text = format!("{PREFIX}{public_id}_{}", URL_SAFE_NO_PAD.encode(secret));
        text.push_str(&checksum(&text));
        let secret_hash = Sha256::digest(&text[SECRET]).into();
        KeyText { text: text.into(), public_id, secret_hash }
    }

    /// Reads what a client sent. `None` when it cannot be a key.
    ///
    /// With `plain` any other text is a key too: its public id is derived from its hash.
    pub(super) fn read(text: &str, plain: bool) -> Option<KeyText<'_>> {
        if is_well_formed(text) {
            let secret_hash = Sha256::digest(&text[SECRET]).into();
            return Some(KeyText { text: text.into(), public_id: text[PUBLIC].to_owned(), secret_hash });
        }
        (plain && !text.is_empty()).then(|| {
            let mut id = [0; 16];
            id.copy_from_slice(
                &Sha256::new().chain_update("public id of ").chain_update(text).finalize()[..16],
            );
            KeyText {
                text: text.into(),
                public_id: base62(u128::from_be_bytes(id), PUBLIC.len()),
                secret_hash: Sha256::digest(text).into(),
            }
        })
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn public_id(&self) -> &str {
        &self.public_id
    }

    pub(super) fn secret_hash(&self) -> &[u8; 32] {
        &self.secret_hash
    }

    /// The key as lists show it. Of a short plain key at most half is shown.
    pub(super) fn masked(&self) -> String {
        let length = self.text.chars().count();
        let shown = SHOWN.min(length / 2);
        self.text.chars().take(shown).chain(std::iter::repeat_n('*', length - shown)).collect()
    }
}

fn is_well_formed(text: &str) -> bool {
    let base62_only = |part: &str| part.bytes().all(|c| c.is_ascii_alphanumeric());
    text.len() == CHECKSUM.end
        && text.is_ascii()
        && text.starts_with(PREFIX)
        && base62_only(&text[PUBLIC])
        && text.as_bytes()[PUBLIC.end] == b'_'
        && text[SECRET].bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-' || c == b'_')
        && checksum(&text[..CHECKSUM.start]) == text[CHECKSUM]
}

fn checksum(text: &str) -> String {
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&Sha256::digest(text)[..16]);
    base62(u128::from_be_bytes(bytes), CHECKSUM.len())
}

fn base62(mut number: u128, digits: usize) -> String {
    let mut text = String::with_capacity(digits);
    for _ in 0..digits {
        text.push(char::from(BASE62[(number % 62) as usize]));
        number /= 62;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::SystemHost;

    #[test]
    fn a_new_key_is_well_formed() {
        let key = KeyText::generate(&SystemHost);
        assert_eq!(key.text().len(), 69);
        let read = KeyText::read(key.text(), false).unwrap();
        assert_eq!((read.public_id(), read.secret_hash()), (key.public_id(), key.secret_hash()));
        assert_eq!(key.masked(), format!("{}{}", &key.text()[..8], "*".repeat(61)));
    }

    #[test]
    fn a_damaged_key_is_refused() {
        let key = KeyText::generate(&SystemHost);
        let text = key.text();
        for position in 0..text.len() {
            let mut damaged = text.as_bytes().to_vec();
            damaged[position] = if damaged[position] == b'x' { b'y' } else { b'x' };
            let damaged = String::from_utf8(damaged).unwrap();
            assert!(KeyText::read(&damaged, false).is_none(), "{position}");
        }
        for other in ["", "sk-", &text[..68], &format!("{text}0"), &"ä".repeat(35)] {
            assert!(KeyText::read(other, false).is_none());
        }
    }

    #[test]
    fn any_text_is_a_plain_key_where_they_are_allowed() {
        let key = KeyText::read("demo", true).unwrap();
        assert_eq!(key.public_id().len(), 16);
        assert_eq!(key.masked(), "de**");
        assert!(KeyText::read("", true).is_none());
        assert_ne!(key.public_id(), KeyText::read("demo2", true).unwrap().public_id());
    }
}
