//! What the callbacks of a tenant are signed with.

use std::fmt;

use aws_sdk_dynamodb::types::AttributeValue;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::Store;
use crate::error::StoreError;
use crate::ids::TenantId;
use crate::item::{Item, Row};
use crate::rows;
use crate::schema::attr;
use crate::seal::Place;
use crate::size::Attributes;

/// What the row is called in errors.
const ROW: &str = "callback secret";

/// The secret of a tenant's callbacks: 32 unpredictable bytes, as Standard Webhooks recommends 24 to 64.
#[derive(Clone, PartialEq, Eq)]
pub struct CallbackSecret([u8; 32]);

impl CallbackSecret {
    /// The key of the HMAC.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// As Standard Webhooks writes a symmetric secret: `whsec_` and base64, padded.
    pub fn text(&self) -> String {
        format!("whsec_{}", STANDARD.encode(self.0))
    }
}

impl fmt::Debug for CallbackSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallbackSecret").finish_non_exhaustive()
    }
}

impl Store {
    /// The secret of a tenant's callbacks, made on first use. It never changes.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`], and those of the service.
    pub async fn callback_secret(&self, tenant: &TenantId) -> Result<CallbackSecret, StoreError> {
        let key = rows::callback_secret(tenant);
        // A read that misses a row just written costs one refused put, no more.
        if let Some(stored) = self.get(key.clone(), false).await? {
            return self.opened_secret(tenant, &stored).await;
        }
        let mut secret = [0; 32];
        self.host().random(&mut secret);
        let sealed = self.seal(place(tenant), &secret).await?;
        let row = Item::new(key).with(attr::SECRET, AttributeValue::B(sealed.into()));
        match self.put_if_absent(row.within_limit(ROW)?).await? {
            Some(stored) => self.opened_secret(tenant, &stored).await,
            None => Ok(CallbackSecret(secret)),
        }
    }

    async fn opened_secret(
        &self,
        tenant: &TenantId,
        attributes: &Attributes,
    ) -> Result<CallbackSecret, StoreError> {
        let row = Row::new(ROW, attributes);
        self.open(place(tenant), row.bytes(attr::SECRET)?).await.map(CallbackSecret)
    }
}

fn place(tenant: &TenantId) -> Place<'_> {
    Place { tenant, kind: ROW, name: "", version: 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_written_as_standard_webhooks_has_it_and_never_shown() {
        let secret = CallbackSecret([0xfb; 32]);
        assert_eq!(secret.text(), "whsec_+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/s=");
        assert_eq!(format!("{secret:?}"), "CallbackSecret { .. }");
    }
}
