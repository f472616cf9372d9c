//! The API function: HTTP requests in, tasks and answers out, in the words of Langflow's own API.
//!
//! [`router`] lists every route, and every request goes one way through it: read within a limit, its syntax,
//! its key with rate and scopes, then the handler of its resource, which reads its fields, makes one call of the runner or the
//! store, and answers. Errors become responses in one place, `error.rs`.
//!
//! A call of a flow is a task, whether its caller waits or not: `options.rs` and `idempotency.rs` read how it is
//! to be run, `answer.rs` says what it came to, and `routes/task.rs` is its life after the answer.
//!
//! **The tenant comes from the key and from nowhere else; no route runs a flow that came with the request.**

mod answer;
mod auth;
mod background;
mod body;
mod call_variables;
mod digest;
mod error;
mod event;
mod form;
#[doc(hidden)]
pub mod fuzzing;
mod idempotency;
mod json;
mod key_terms;
mod limits;
#[cfg(test)]
mod openapi;
mod options;
mod request;
mod respond;
mod route;
mod router;
mod routes;
mod trace;
mod uuid_text;
mod validation;

use millrace_runner::Runner;

pub use background::AfterAnswer;
pub use event::{EventError, handle};
pub use router::{RouteInfo, route_list, router};

/// What the handlers share.
pub struct App {
    runner: Runner,
    max_body_bytes: usize,
}

impl App {
    /// An API over this runner that reads bodies of up to `max_body_bytes`.
    pub fn new(runner: Runner, max_body_bytes: usize) -> Self {
        Self { runner, max_body_bytes }
    }
}
