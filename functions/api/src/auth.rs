//! Who is calling.

use http::StatusCode;
use millrace_store::{Principal, Scope, Store, TenantId};
use sha2::{Digest, Sha256};
use uuid::{Builder, Uuid};

use crate::error::ApiError;

/// What a route says to a request without a key: Langflow has two sentences for it (0.6 contract 1.1, 1.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wording {
    /// Routes that run flows take nothing but a key.
    Key,
    /// The others would take a session's token, which does not exist here.
    KeyOrToken,
}

impl Wording {
    fn sentence(self) -> &'static str {
        match self {
            Self::Key => "An API key must be passed as query or header",
            Self::KeyOrToken => "An API key as query or header, or a JWT token must be passed",
        }
    }
}

/// Lets a caller in, or does not. **Absence of a tenant is denial**, whatever the reason.
///
/// A key that is over is told what an unknown one is told. A request is counted before its scopes are looked at, so
/// that those which the key has no scope for are not free.
pub(crate) async fn admit(
    store: &Store,
    key: Option<&str>,
    wording: Wording,
    scopes: &[Scope],
) -> Result<Principal, ApiError> {
    let key = key.ok_or_else(|| denied(wording.sentence()))?;
    let caller = store.authenticate(key).await?.ok_or_else(|| denied("Invalid or missing API key"))?;
    store.admit(&caller).await?;
    if scopes.iter().any(|scope| caller.terms.scopes.allow(*scope)) {
        return Ok(caller);
    }
    let lacking: Vec<_> = scopes.iter().map(|scope| format!("'{scope}'")).collect();
    Err(denied(&format!("This API key lacks the scope {}", lacking.join(" or "))))
}

pub(crate) fn denied(sentence: &str) -> ApiError {
    ApiError::new(StatusCode::FORBIDDEN, sentence)
}

/// The `user_id` that Langflow's clients expect of a tenant: a UUID that never changes.
pub(crate) fn user_id(tenant: &TenantId) -> Uuid {
    let hash = Sha256::new().chain_update("user id of tenant ").chain_update(tenant.as_str()).finalize();
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash[..16]);
    Builder::from_custom_bytes(bytes).into_uuid()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenant_has_one_user_id() {
        let id = |tenant: &str| user_id(&tenant.parse().unwrap());
        assert_eq!(id("acme").to_string(), id("acme").to_string());
        assert_ne!(id("acme"), id("acme2"));
        assert_eq!(id("acme").get_version_num(), 8);
    }
}
