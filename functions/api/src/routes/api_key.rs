//! API keys: made, listed, deleted (0.6 contract 1.6), with scopes, an end and a rate, which Langflow's have not.

use axum::response::Response;
use jiff::Timestamp;
use millrace_store::{KeyRecord, KeyTerms, Principal, Scope, Scopes, TenantId};
use serde::Serialize;
use serde_json::json;
use uuid::Uuid;

use super::flows::naive;
use crate::auth::{denied, user_id};
use crate::error::ApiError;
use crate::key_terms::{self, Caller};
use crate::limits;
use crate::request::Incoming;
use crate::respond;
use crate::validation::Fields;

/// A key as Langflow shows it, in full once, masked afterwards; then what it does not know.
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
    scopes: Vec<&'static str>,
    /// RFC 3339, UTC.
    #[cfg_attr(test, schema(value_type = Option<String>, format = DateTime))]
    expires_at: Option<Timestamp>,
    /// `null`: as many as the installation says.
    requests_per_minute: Option<u32>,
}

/// `POST /api/v1/api_key/`: with a rotation's, the only answer that shows the key
pub(crate) async fn create(incoming: Incoming, caller: Principal) -> Result<Response, ApiError> {
    let store = incoming.app.runner.store().clone();
    let mut fields = Fields::of(incoming.body.into_value(), vec!["body".into()])?;
    let name = fields.required_text_within("name", limits::NAME);
    let maker = Caller { terms: &caller.terms, limit: store.limit_of(&caller) };
    let terms = key_terms::read(&mut fields, &maker, store.host().now());
    fields.finish()?;
    within(caller.terms.scopes, &terms)?;
    let key = store.create_key_with(&caller.tenant, &name, &terms).await?;
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
    let id = key_id(&incoming)?;
    if !incoming.app.runner.store().delete_key(&caller.tenant, id).await? {
        return Err(unknown());
    }
    Ok(respond::ok(&json!({"detail": "API Key deleted"})))
}

/// **No key is given a scope that its maker lacks.** Today only `admin` makes keys, which lacks none.
fn within(maker: Scopes, terms: &KeyTerms) -> Result<(), ApiError> {
    match maker.lacking(terms.scopes) {
        None => Ok(()),
        Some(scope) => {
            Err(denied(&format!("A key cannot be given the scope '{scope}', which this API key lacks")))
        }
    }
}

pub(crate) fn key_id(incoming: &Incoming) -> Result<Uuid, ApiError> {
    Uuid::parse_str(incoming.param("key_id")).map_err(|_| unknown())
}

pub(crate) fn unknown() -> ApiError {
    ApiError::not_found("API Key not found")
}

impl KeyRead {
    pub(crate) fn new(tenant: &TenantId, key: KeyRecord, text: Option<String>) -> Self {
        Self {
            name: key.name,
            created_at: naive(key.created_at),
            last_used_at: key.last_used_at.map(naive),
            total_uses: key.total_uses,
            is_active: key.is_active,
            id: key.id,
            api_key: text.unwrap_or(key.masked),
            user_id: user_id(tenant),
            scopes: key.terms.scopes.iter().map(Scope::as_str).collect(),
            expires_at: key.terms.expires_at,
            requests_per_minute: key.terms.requests_per_minute,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_maker_gives_what_it_has() {
        let of =
            |scopes: &[Scope]| KeyTerms { scopes: scopes.iter().copied().collect(), ..KeyTerms::default() };
        let maker = of(&[Scope::Run, Scope::Deploy]).scopes;
        assert!(within(maker, &of(&[Scope::Deploy])).is_ok());
        for (asked, scope) in [(of(&[Scope::Run, Scope::Read]), "read"), (KeyTerms::default(), "read")] {
            let error = within(maker, &asked).unwrap_err();
            let (status, detail) = error.parts();
            assert_eq!(status, 403);
            assert!(detail.as_str().unwrap().contains(&format!("'{scope}'")), "{detail}");
        }
        assert!(within(of(&[Scope::Admin]).scopes, &KeyTerms::default()).is_ok());
    }
}
