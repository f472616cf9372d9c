//! What callbacks are signed with.

use axum::response::Response;
use millrace_store::Principal;
use serde_json::json;

use crate::error::ApiError;
use crate::request::Incoming;
use crate::respond;

/// `GET /api/v1/callback_secret`
///
/// One for each tenant, made on first use: `whsec_` and base64, as the libraries of Standard Webhooks take it.
pub(crate) async fn read(incoming: Incoming, caller: Principal) -> Result<Response, ApiError> {
    let secret = incoming.app.runner.store().callback_secret(&caller.tenant).await?;
    Ok(respond::ok(&json!({"secret": secret.text()})))
}
