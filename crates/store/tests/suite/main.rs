//! The store over the real SDK clients, an embedded DynamoDB and a stand-in for SQS, on loopback.

#![allow(clippy::unwrap_used, reason = "a failure here is a failed test")]

mod budgets;
mod cloud;
mod conditions;
mod faults;
mod flows;
mod keys;
mod sessions;
mod tasks;
