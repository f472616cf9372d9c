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

use crate::App;
use crate::auth::Wording::{Key, KeyOrToken};
use crate::error::ApiError;
use crate::route::Route;
use crate::routes::{
    api_key, callback_secret, docs, flows, flows_transfer, health, preload, process, run, task, tasks, upload,
    variables,
};
use crate::trace;

/// Method, path, who may call it, handler. Whatever is not here is 404; what is not `open` needs a key.
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
        Route::keyed(POST, "/api/v1/process/{flow_id}", Key, process::process),
        Route::keyed(POST, "/api/v1/predict/{flow_id}", Key, process::process),
        Route::keyed(POST, "/api/v1/process/preload/{flow_id}", Key, preload::preload),
        Route::keyed(POST, "/api/v1/run/{flow}", Key, run::run),
        Route::keyed(GET, "/api/v1/task/{task_id}", Key, task::poll),
        Route::keyed(DELETE, "/api/v1/task/{task_id}", Key, task::cancel),
        Route::keyed(POST, "/api/v1/task/{task_id}/cancel", Key, task::cancel),
        Route::keyed(POST, "/api/v1/task/{task_id}/retry", Key, task::retry),
        Route::keyed(GET, "/api/v1/tasks", Key, tasks::list),
        Route::keyed(GET, "/api/v1/callback_secret", Key, callback_secret::read),
        Route::keyed(GET, "/api/v1/flows/", KeyOrToken, flows::list),
        Route::keyed(POST, "/api/v1/flows/", KeyOrToken, flows::create),
        Route::keyed(POST, "/api/v1/flows/batch/", KeyOrToken, flows_transfer::batch),
        Route::keyed(POST, "/api/v1/flows/upload/", KeyOrToken, flows_transfer::upload),
        Route::keyed(GET, "/api/v1/flows/download/", KeyOrToken, flows_transfer::download),
        Route::keyed(GET, "/api/v1/flows/{flow_id}", KeyOrToken, flows::read),
        Route::keyed(PATCH, "/api/v1/flows/{flow_id}", KeyOrToken, flows::update),
        Route::keyed(DELETE, "/api/v1/flows/{flow_id}", KeyOrToken, flows::delete),
        Route::keyed(POST, "/api/v1/upload/{flow_id}", KeyOrToken, upload::upload),
        Route::keyed(GET, "/api/v1/variables/", KeyOrToken, variables::list),
        Route::keyed(POST, "/api/v1/variables/", KeyOrToken, variables::create),
        Route::keyed(PATCH, "/api/v1/variables/{variable_id}", KeyOrToken, variables::update),
        Route::keyed(DELETE, "/api/v1/variables/{variable_id}", KeyOrToken, variables::delete),
        Route::keyed(GET, "/api/v1/api_key/", KeyOrToken, api_key::list),
        Route::keyed(POST, "/api/v1/api_key/", KeyOrToken, api_key::create),
        Route::keyed(DELETE, "/api/v1/api_key/{key_id}", KeyOrToken, api_key::delete),
    ]
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
