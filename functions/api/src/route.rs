//! A row of the route list, and the one way that every request goes.

use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;

use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use axum::routing::MethodFilter;
use futures::FutureExt;
use millrace_store::Principal;

use crate::App;
use crate::auth::{Wording, authenticate};
use crate::error::ApiError;
use crate::request::Incoming;

type Answer = Pin<Box<dyn Future<Output = Result<Response, ApiError>> + Send>>;

/// Who may call a route. A handler that needs a tenant can stand behind a key only, since nothing else
/// makes a [`Principal`].
enum Access {
    Open(Box<dyn Fn(Incoming) -> Answer + Send + Sync>),
    Key(Wording, Box<dyn Fn(Incoming, Principal) -> Answer + Send + Sync>),
}

/// A row of the route list.
pub(crate) struct Route {
    pub(crate) method: MethodFilter,
    pub(crate) path: &'static str,
    access: Access,
}

impl Route {
    /// A route that anybody may call.
    pub(crate) fn open<F>(method: MethodFilter, path: &'static str, handler: fn(Incoming) -> F) -> Self
    where
        F: Future<Output = Result<Response, ApiError>> + Send + 'static,
    {
        Self { method, path, access: Access::Open(Box::new(move |incoming| Box::pin(handler(incoming)))) }
    }

    /// A route that takes a key, and what it says without one.
    pub(crate) fn keyed<F>(
        method: MethodFilter,
        path: &'static str,
        wording: Wording,
        handler: fn(Incoming, Principal) -> F,
    ) -> Self
    where
        F: Future<Output = Result<Response, ApiError>> + Send + 'static,
    {
        let handler = move |incoming, caller| Box::pin(handler(incoming, caller)) as Answer;
        Self { method, path, access: Access::Key(wording, Box::new(handler)) }
    }

    /// Whether anybody may call it.
    #[cfg(test)]
    pub(crate) fn is_open(&self) -> bool {
        matches!(self.access, Access::Open(_))
    }

    /// Answers a request: its syntax, its key, then its handler. A panic is a fault of ours and of that
    /// request alone.
    pub(crate) async fn serve(&self, app: Arc<App>, request: Request) -> Response {
        let answer = AssertUnwindSafe(self.answer(app, request)).catch_unwind().await;
        answer.unwrap_or_else(|_| Err(ApiError::internal("the handler panicked"))).into_response()
    }

    async fn answer(&self, app: Arc<App>, request: Request) -> Result<Response, ApiError> {
        let incoming = Incoming::read(app, request).await?;
        match &self.access {
            Access::Open(handler) => handler(incoming).await,
            Access::Key(wording, handler) => {
                let key = incoming.api_key();
                let store = incoming.app.runner.store();
                let caller = authenticate(store, key.as_deref(), *wording).await?;
                handler(incoming, caller).await
            }
        }
    }
}
