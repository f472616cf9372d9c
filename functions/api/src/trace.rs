//! One line in the log for each request: ids, codes and times, **never a payload or the value of a header**.

use std::sync::Arc;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use lambda_http::RequestExt;
use lambda_http::request::RequestContext;
use millrace_runner::RequestTrace;
use millrace_store::Counter;
use tracing::Instrument;

use crate::App;
use crate::respond::TASK;

/// Lets a request through and writes its line.
pub(crate) async fn line(State(app): State<Arc<App>>, mut request: Request, next: Next) -> Response {
    app.runner.cold_start("api");
    let host = app.runner.store().host();
    let (began, method) = (host.now(), request.method().clone());
    // The route as it is listed: a path itself can be anything.
    let route = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    let request_id = request_id(&request);
    let traced = traced(&app, &request);
    if let Some(traced) = &traced {
        request.extensions_mut().insert(Traceparent(traced.traceparent()));
    }
    // Whatever is said of this request names it.
    let span = tracing::error_span!("request", request_id);
    // A task that comes of it is told what its request took.
    let response = Counter::current().around(next.run(request)).instrument(span).await;
    tracing::info!(
        %method,
        route = route.as_deref().unwrap_or("-"),
        status = response.status().as_u16(),
        ms = host.now().duration_since(began).as_millis(),
        request_id,
        task_id = response.headers().get(TASK).and_then(|id| id.to_str().ok()),
        "request"
    );
    if let Some(traced) = traced {
        let name = format!("{method} {}", route.as_deref().unwrap_or("-"));
        traced.end(name, response.status().as_u16(), host.now());
    }
    app.runner.finish_request().await;
    response
}

/// The trace context for what comes of a request.
#[derive(Clone)]
pub(crate) struct Traceparent(pub(crate) String);

/// The caller's own context goes before X-Ray's decision, which Lambda tells with the invocation.
fn traced(app: &App, request: &Request) -> Option<RequestTrace> {
    let header = request.headers().get("traceparent").and_then(|header| header.to_str().ok());
    let x_ray = request.lambda_context_ref().and_then(|context| context.xray_trace_id.as_deref());
    app.runner.trace_request(header, x_ray)
}

/// The id that the platform gave a request. It stands in rows and in the log, so that only what looks like one is taken.
pub(crate) fn request_id(request: &Request) -> Option<String> {
    let Some(RequestContext::ApiGatewayV2(context)) = request.request_context_ref() else { return None };
    let is_id = |id: &&String| id.len() <= 64 && id.bytes().all(|byte| byte.is_ascii_graphic());
    context.request_id.as_ref().filter(is_id).cloned()
}
