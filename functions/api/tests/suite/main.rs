//! The API over an embedded DynamoDB: requests in, answers and rows out.
#![allow(clippy::unwrap_used, reason = "a test ends where something is not as it should be")]

mod cloud;
mod documented;
mod events;
mod flows;
mod idempotency;
mod keys;
mod lifecycle;
mod list;
mod logs;
mod outgrown;
mod tasks;
mod uploads;
mod variables;
