//! The local cloud as its users see it: through the real SDKs, over HTTP, and with real processes.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, clippy::expect_used)]

mod cloud;
mod event_source;
mod extensions;
mod front;
mod http;
mod lambda;
mod processes;
mod provider;
mod proxy;
mod schedule;
mod sqs_errors;
mod sqs_model;
mod sqs_operations;
mod sqs_time;
