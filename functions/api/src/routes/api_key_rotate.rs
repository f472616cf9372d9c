//! A key in the place of another. Langflow has no such route.

use std::time::Duration;

use axum::response::Response;
use jiff::Timestamp;
use millrace_store::{Principal, Rotation};
use serde::Serialize;
use uuid::Uuid;

use super::api_key::{KeyRead, key_id, unknown};
use crate::error::ApiError;
use crate::request::Incoming;
use crate::respond;
use crate::validation::Fields;

/// How long the old key goes on unless the caller says so, and at most, in seconds: a day and a week.
const GRACE: u64 = 24 * 60 * 60;
const LONGEST_GRACE: u64 = 7 * GRACE;

/// The new key, and what becomes of the old one.
#[derive(Serialize)]
struct Rotated {
    #[serde(flatten)]
    key: KeyRead,
    rotated: Uuid,
    /// RFC 3339, UTC.
    rotated_expires_at: Timestamp,
}

/// `POST /api/v1/api_key/{key_id}/rotate`, with `{"grace_seconds": n}` if the old key is to go on for another time
/// than a day
pub(crate) async fn rotate(incoming: Incoming, caller: Principal) -> Result<Response, ApiError> {
    let id = key_id(&incoming)?;
    let store = incoming.app.runner.store().clone();
    let mut fields = Fields::embedded(incoming.body.into_value());
    let grace = fields.whole("grace_seconds", 0..=LONGEST_GRACE).unwrap_or(GRACE);
    fields.finish()?;
    match store.rotate_key(&caller.tenant, id, Duration::from_secs(grace)).await? {
        Rotation::Made { key, old_until } => {
            let key = KeyRead::new(&caller.tenant, key.record, Some(key.text));
            Ok(respond::ok(&Rotated { key, rotated: id, rotated_expires_at: old_until }))
        }
        Rotation::NoKey => Err(unknown()),
        Rotation::Expired => Err(ApiError::conflict("This API key has expired: make a new one")),
        Rotation::Rotated => {
            Err(ApiError::conflict("This API key has been rotated: rotate the one that took its place"))
        }
    }
}
