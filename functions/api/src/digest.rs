//! Digests as text.

use sha2::{Digest, Sha256};

/// The SHA-256 of these parts in a row: 64 hexadecimal digits.
pub(crate) fn sha256(parts: &[&str]) -> String {
    let digest = parts.iter().fold(Sha256::new(), |digest, part| digest.chain_update(part));
    digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}
