//! A row of the route list, and the one way that every request goes.

use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;

use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use axum::routing::MethodFilter;
use futures::FutureExt;
use millrace_store::{Principal, Scope};

use crate::App;
use crate::auth::{Wording, admit};
use crate::error::ApiError;
use crate::request::Incoming;

type Answer = Pin<Box<dyn Future<Output = Result<Response, ApiError>> + Send>>;

/// Who may call a route. A handler that needs a tenant can stand behind a key only, since nothing else
/// makes a [`Principal`].
enum Access {
    Open(Box<dyn Fn(Incoming) -> Answer + Send + Sync>),
    Key(Wording, Scopes, Box<dyn Fn(Incoming, Principal) -> Answer + Send + Sync>),
}

/// The scopes of a row: a key with any of them may call it.
pub(crate) type Scopes = &'static [Scope];

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

    /// A route that takes a key with one of these scopes, and what it says without a key.
    pub(crate) fn keyed<F>(
        method: MethodFilter,
        path: &'static str,
        wording: Wording,
        scopes: Scopes,
        handler: fn(Incoming, Principal) -> F,
    ) -> Self
    where
        F: Future<Output = Result<Response, ApiError>> + Send + 'static,
    {
        let handler = move |incoming, caller| Box::pin(handler(incoming, caller)) as Answer;
        Self { method, path, access: Access::Key(wording, scopes, Box::new(handler)) }
    }

    /// The scopes of which a key needs one; none where anybody may call it.
    pub(crate) fn scopes(&self) -> Scopes {
        match self.access {
            Access::Open(_) => &[],
            Access::Key(_, scopes, _) => scopes,
        }
    }

    /// Answers a request: its syntax, its key with rate and scopes, then its handler. A panic is a fault of ours and of that
    /// request alone.
    pub(crate) async fn serve(&self, app: Arc<App>, request: Request) -> Response {
        let answer = AssertUnwindSafe(self.answer(app, request)).catch_unwind().await;
        answer.unwrap_or_else(|_| Err(ApiError::internal("the handler panicked"))).into_response()
    }

    async fn answer(&self, app: Arc<App>, request: Request) -> Result<Response, ApiError> {
        let incoming = Incoming::read(app, request).await?;
        match &self.access {
            Access::Open(handler) => handler(incoming).await,
            Access::Key(wording, scopes, handler) => {
                let key = incoming.api_key();
                let store = incoming.app.runner.store();
                let caller = admit(store, key.as_deref(), *wording, scopes).await?;
                handler(incoming, caller).await
            }
        }
    }
}
