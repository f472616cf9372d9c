//! All routes, in one list.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodFilter, any, on};
use http::header::{HeaderValue, LOCATION};
use http::{StatusCode, Uri};
use millrace_store::Scope;

use crate::App;
use crate::auth::Wording::{Key, KeyOrToken};
use crate::error::ApiError;
use crate::route::{Route, Scopes};
use crate::routes::{
    api_key, api_key_rotate, callback_secret, docs, flows, flows_transfer, health, preload, process, run,
    task, tasks, upload, usage, variables,
};
use crate::trace;

const RUN: Scopes = &[Scope::Run];
const READ: Scopes = &[Scope::Read];
const DEPLOY: Scopes = &[Scope::Deploy];
const ADMIN: Scopes = &[Scope::Admin];
/// Who runs a flow may ask what has come of it.
const RUN_OR_READ: Scopes = &[Scope::Run, Scope::Read];

/// Method, path, who may call it, handler. Whatever is not here is 404; what is not `open` needs a key with one of the
/// scopes of its row, or `admin`.
pub(crate) fn routes() -> Vec<Route> {
    const GET: MethodFilter = MethodFilter::GET;
    const POST: MethodFilter = MethodFilter::POST;
    const PATCH: MethodFilter = MethodFilter::PATCH;
    const DELETE: MethodFilter = MethodFilter::DELETE;
    vec![
        Route::open(GET, "/health", health::health),
        Route::open(GET, "/api/v1/version", health::version),
        Route::open(GET, "/openapi.json", docs::document),
        Route::open(GET, "/docs", docs::page),
        Route::keyed(POST, "/api/v1/process/{flow_id}", Key, RUN, process::process),
        Route::keyed(POST, "/api/v1/predict/{flow_id}", Key, RUN, process::process),
        Route::keyed(POST, "/api/v1/process/preload/{flow_id}", Key, RUN, preload::preload),
        Route::keyed(POST, "/api/v1/run/{flow}", Key, RUN, run::run),
        Route::keyed(GET, "/api/v1/task/{task_id}", Key, RUN_OR_READ, task::poll),
        Route::keyed(DELETE, "/api/v1/task/{task_id}", Key, RUN, task::cancel),
        Route::keyed(POST, "/api/v1/task/{task_id}/cancel", Key, RUN, task::cancel),
        Route::keyed(POST, "/api/v1/task/{task_id}/retry", Key, RUN, task::retry),
        Route::keyed(GET, "/api/v1/tasks", Key, READ, tasks::list),
        Route::keyed(GET, "/api/v1/usage", Key, READ, usage::read),
        Route::keyed(GET, "/api/v1/callback_secret", Key, ADMIN, callback_secret::read),
        Route::keyed(GET, "/api/v1/flows/", KeyOrToken, READ, flows::list),
        Route::keyed(POST, "/api/v1/flows/", KeyOrToken, DEPLOY, flows::create),
        Route::keyed(POST, "/api/v1/flows/batch/", KeyOrToken, DEPLOY, flows_transfer::batch),
        Route::keyed(POST, "/api/v1/flows/upload/", KeyOrToken, DEPLOY, flows_transfer::upload),
        Route::keyed(GET, "/api/v1/flows/download/", KeyOrToken, READ, flows_transfer::download),
        Route::keyed(GET, "/api/v1/flows/{flow_id}", KeyOrToken, READ, flows::read),
        Route::keyed(PATCH, "/api/v1/flows/{flow_id}", KeyOrToken, DEPLOY, flows::update),
        Route::keyed(DELETE, "/api/v1/flows/{flow_id}", KeyOrToken, DEPLOY, flows::delete),
        Route::keyed(POST, "/api/v1/upload/{flow_id}", KeyOrToken, RUN, upload::upload),
        Route::keyed(GET, "/api/v1/variables/", KeyOrToken, DEPLOY, variables::list),
        Route::keyed(POST, "/api/v1/variables/", KeyOrToken, DEPLOY, variables::create),
        Route::keyed(PATCH, "/api/v1/variables/{variable_id}", KeyOrToken, DEPLOY, variables::update),
        Route::keyed(DELETE, "/api/v1/variables/{variable_id}", KeyOrToken, DEPLOY, variables::delete),
        Route::keyed(GET, "/api/v1/api_key/", KeyOrToken, ADMIN, api_key::list),
        Route::keyed(POST, "/api/v1/api_key/", KeyOrToken, ADMIN, api_key::create),
        Route::keyed(DELETE, "/api/v1/api_key/{key_id}", KeyOrToken, ADMIN, api_key::delete),
        Route::keyed(POST, "/api/v1/api_key/{key_id}/rotate", KeyOrToken, ADMIN, api_key_rotate::rotate),
    ]
}

/// A row of the route list, for tests that walk all of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RouteInfo {
    /// `GET`, `POST`, `PATCH` or `DELETE`.
    pub method: &'static str,
    /// With its parameters in braces.
    pub path: &'static str,
    /// A key needs one of these, or `admin`; none where anybody may call.
    pub scopes: &'static [Scope],
}

/// Every route of the API, in the order of the list.
pub fn route_list() -> Vec<RouteInfo> {
    let info = |route: &Route| RouteInfo {
        method: method_name(route.method),
        path: route.path,
        scopes: route.scopes(),
    };
    routes().iter().map(info).collect()
}

/// The list has no others.
fn method_name(method: MethodFilter) -> &'static str {
    match method {
        MethodFilter::GET => "GET",
        MethodFilter::PATCH => "PATCH",
        MethodFilter::DELETE => "DELETE",
        _ => "POST",
    }
}

/// The API over this state.
pub fn router(app: Arc<App>) -> Router {
    let routes = routes();
    let paths: BTreeSet<&str> = routes.iter().map(|route| route.path).collect();
    let mut router = Router::new();
    for path in &paths {
        let other = other_form(path);
        if !paths.contains(other.as_str()) {
            router = router.route(&other, any(redirect));
        }
    }
    for route in routes {
        let (path, method, route) = (route.path, route.method, Arc::new(route));
        let handler = move |State(app): State<Arc<App>>, request: Request| async move {
            route.serve(app, request).await
        };
        router = router.route(path, on(method, handler));
    }
    router
        .fallback(async || ApiError::not_found("Not Found"))
        .method_not_allowed_fallback(async || {
            ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed")
        })
        .layer(from_fn_with_state(Arc::clone(&app), trace::line))
        .with_state(app)
}

/// To the same path with its final slash taken away or added, as FastAPI does.
async fn redirect(uri: Uri) -> Response {
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    match HeaderValue::try_from(other_form(uri.path()) + &query) {
        Ok(location) => (StatusCode::TEMPORARY_REDIRECT, [(LOCATION, location)]).into_response(),
        Err(_) => ApiError::not_found("Not Found").into_response(),
    }
}

fn other_form(path: &str) -> String {
    path.strip_suffix('/').map_or_else(|| format!("{path}/"), str::to_owned)
}

#[cfg(test)]
mod tests;
