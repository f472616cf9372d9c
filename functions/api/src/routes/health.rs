//! Whether it stands, and which version it speaks. Open to all.

use axum::response::Response;
use serde_json::json;

use crate::error::ApiError;
use crate::request::Incoming;
use crate::respond;

/// The version of Langflow whose contract is kept; clients compare it.
const LANGFLOW: &str = "0.6.19";

/// `GET /health`
pub(crate) async fn health(_: Incoming) -> Result<Response, ApiError> {
    Ok(respond::ok(&json!({"status": "ok"})))
}

/// `GET /api/v1/version`
pub(crate) async fn version(_: Incoming) -> Result<Response, ApiError> {
    let ours = env!("CARGO_PKG_VERSION");
    Ok(respond::ok(&json!({"version": LANGFLOW, "package": "Millrace", "millrace": ours})))
}
