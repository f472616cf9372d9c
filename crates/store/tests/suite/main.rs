//! The store over the real SDK clients, an embedded DynamoDB and a stand-in for SQS, on loopback.

mod budgets;
mod cloud;
mod conditions;
mod faults;
mod flows;
mod keys;
mod sessions;
mod tasks;
