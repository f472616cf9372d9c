//! The whole of Millrace in one process: HTTP front, API, queue, worker, table, and a scripted model provider.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]

mod bad_input;
mod bad_material;
mod budget;
mod callbacks;
mod canary;
mod differences;
mod durability;
mod events;
mod flows;
mod http_contract;
mod isolation;
mod kms;
mod limits;
mod observer;
mod permissions;
mod provider;
mod published;
mod recordings;
mod recordings_06;
mod recordings_113;
mod resumed;
mod sessions;
mod simulation;
mod spending;
mod stack;
mod traces;
mod uploads;
mod usage;
