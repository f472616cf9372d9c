//! The worker as the process that it is deployed as, killed with SIGKILL: at exactly one moment, and at random ones.
//!
//! Every call that it makes passes a proxy or the stand-in provider, which both can kill it before they pass the call on,
//! and before they answer it.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a failure here is a failed test"
)]

mod audit;
mod exact;
mod form;
mod killer;
mod provider;
mod random;
mod step;
mod world;
