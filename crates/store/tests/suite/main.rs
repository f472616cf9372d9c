//! The store over the real SDK clients, an embedded DynamoDB and a stand-in for SQS, on loopback.

#![allow(clippy::unwrap_used, reason = "a failure here is a failed test")]

mod bucket;
mod budgets;
mod callback_secret;
mod callbacks;
mod cloud;
mod conditions;
mod faults;
mod flows;
mod idempotency;
mod journal;
mod key_terms;
mod keys;
mod list;
mod parts;
mod rates;
mod recovery;
mod requeue;
mod secrets;
mod sessions;
mod slots;
mod tasks;
mod variables;
