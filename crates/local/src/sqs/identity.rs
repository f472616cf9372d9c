//! Message ids and receipt handles.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use uuid::Uuid;

use super::{ErrorCode, Message, SqsError};

/// A handle names the queue, the message and the receive; it is stale once the message has been received again.
pub(super) fn handle(name: &str, message: &Message) -> String {
    URL_SAFE_NO_PAD.encode(format!("{name} {} {}", message.id, message.receive_count))
}

/// The message and the receive that a handle of this queue names.
pub(super) fn parse_handle(name: &str, handle: &str) -> Result<(Uuid, u32), SqsError> {
    let parse = || {
        let text = String::from_utf8(URL_SAFE_NO_PAD.decode(handle).ok()?).ok()?;
        let mut parts = text.split(' ');
        let ours = parts.next()? == name;
        let parsed = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        (ours && parts.next().is_none()).then_some(parsed)
    };
    parse().ok_or_else(|| {
        let message = format!("The input receipt handle \"{handle}\" is not a valid receipt handle.");
        SqsError::new(ErrorCode::ReceiptHandleIsInvalid, message)
    })
}

/// A UUID that depends on the seed and the sequence number only.
pub(super) fn message_id(seed: u64, sequence: u64) -> Uuid {
    let high = split_mix(seed ^ split_mix(sequence));
    let low = split_mix(high ^ sequence);
    uuid::Builder::from_random_bytes(((u128::from(high) << 64) | u128::from(low)).to_be_bytes()).into_uuid()
}

/// The SplitMix64 finaliser: a bijection, so that different sequence numbers cannot meet in `high`.
fn split_mix(value: u64) -> u64 {
    let mut z = value.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}
