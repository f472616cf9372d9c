//! One line in the log for each request: ids, codes and times, **never a payload or the value of a header**.

use std::sync::Arc;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use lambda_http::RequestExt;
use lambda_http::request::RequestContext;

use crate::App;
use crate::respond::TASK;

/// Lets a request through and writes its line.
pub(crate) async fn line(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let host = app.runner.store().host();
    let (began, method) = (host.now(), request.method().clone());
    // The route as it is listed: a path itself can be anything.
    let route = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    let request_id = request_id(&request);
    let response = next.run(request).await;
    tracing::info!(
        %method,
        route = route.as_deref().unwrap_or("-"),
        status = response.status().as_u16(),
        ms = host.now().duration_since(began).as_millis(),
        request_id,
        task_id = response.headers().get(TASK).and_then(|id| id.to_str().ok()),
        "request"
    );
    response
}

fn request_id(request: &Request) -> Option<String> {
    match request.request_context_ref() {
        Some(RequestContext::ApiGatewayV2(context)) => context.request_id.clone(),
        _ => None,
    }
}
