//! API keys: made, listed, deleted (0.6 contract 1.6).

use axum::response::Response;
use millrace_store::{KeyRecord, Principal, TenantId};
use serde::Serialize;
use serde_json::json;
use uuid::Uuid;

use super::flows::naive;
use crate::auth::user_id;
use crate::error::ApiError;
use crate::request::Incoming;
use crate::respond;
use crate::validation::Fields;

/// A key as Langflow shows it: in full once, masked afterwards.
#[derive(Serialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
pub(crate) struct KeyRead {
    name: String,
    created_at: String,
    last_used_at: Option<String>,
    total_uses: u64,
    is_active: bool,
    id: Uuid,
    /// In full in the answer that made it, masked everywhere else.
    api_key: String,
    /// The tenant's, the same in every answer.
    user_id: Uuid,
}

/// `POST /api/v1/api_key/`: the only answer that shows the key
pub(crate) async fn create(incoming: Incoming, caller: Principal) -> Result<Response, ApiError> {
    let mut fields = Fields::of(incoming.body.into_value(), vec!["body".into()])?;
    let name = fields.required_text("name");
    fields.finish()?;
    let key = incoming.app.runner.store().create_key(&caller.tenant, &name).await?;
    Ok(respond::ok(&KeyRead::new(&caller.tenant, key.record, Some(key.text))))
}

/// `GET /api/v1/api_key/`
pub(crate) async fn list(incoming: Incoming, caller: Principal) -> Result<Response, ApiError> {
    let keys = incoming.app.runner.store().keys(&caller.tenant).await?;
    let keys: Vec<_> = keys.into_iter().map(|key| KeyRead::new(&caller.tenant, key, None)).collect();
    let answer = json!({"total_count": keys.len(), "user_id": user_id(&caller.tenant), "api_keys": keys});
    Ok(respond::ok(&answer))
}

/// `DELETE /api/v1/api_key/{key_id}`
pub(crate) async fn delete(incoming: Incoming, caller: Principal) -> Result<Response, ApiError> {
    let unknown = || ApiError::not_found("API Key not found");
    let id = Uuid::parse_str(incoming.param("key_id")).map_err(|_| unknown())?;
    if !incoming.app.runner.store().delete_key(&caller.tenant, id).await? {
        return Err(unknown());
    }
    Ok(respond::ok(&json!({"detail": "API Key deleted"})))
}

impl KeyRead {
    fn new(tenant: &TenantId, key: KeyRecord, text: Option<String>) -> Self {
        Self {
            name: key.name,
            created_at: naive(key.created_at),
            last_used_at: key.last_used_at.map(naive),
            total_uses: key.total_uses,
            is_active: key.is_active,
            id: key.id,
            api_key: text.unwrap_or(key.masked),
            user_id: user_id(tenant),
        }
    }
}
