//! `millrace` as a client, from an empty folder against `millrace local`: what it prints, how it ends, and what it says of
//! what is wrong.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a failure here is a failed test"
)]

#[path = "client/home.rs"]
mod home;
#[path = "client/refusals.rs"]
mod refusals;
#[path = "client/session.rs"]
mod session;
