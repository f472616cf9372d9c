//! Sessions by a name of the caller's own (0.6 contract 1.3).

use axum::response::Response;
use millrace_store::{Principal, SessionId};
use serde_json::json;

use super::process;
use crate::error::ApiError;
use crate::request::Incoming;
use crate::respond;
use crate::validation::Fields;

/// `POST /api/v1/process/preload/{flow_id}`
///
/// Langflow builds the flow here for the session that the query names, by default the flow's own id. A flow is built with
/// every call here, so there is nothing to do but to forget the conversation where `clear_session` asks for it.
pub(crate) async fn preload(incoming: Incoming, caller: Principal) -> Result<Response, ApiError> {
    let flow_id = incoming.param("flow_id").to_owned();
    let mut query = incoming.query();
    let session = process::session(&mut query);
    query.finish()?;
    let Incoming { app, body, .. } = incoming;
    let mut fields = Fields::embedded(body.into_value().or_else(|| Some(json!({}))));
    let clear = fields.flag("clear_session").unwrap_or(false);
    fields.finish()?;
    let store = app.runner.store();
    let flow = process::find(store, &caller.tenant, &flow_id).await?;
    let session = match session {
        Some(session) => session,
        None => SessionId::try_from(flow.id.to_string().as_str())
            .map_err(|_| ApiError::internal("a session id of our own"))?,
    };
    if clear {
        store.clear_session(&caller.tenant, flow.id, &session).await?;
    }
    Ok(respond::ok(&json!({"session_id": session.as_str(), "is_clear": clear.then_some(true)})))
}
