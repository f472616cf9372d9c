//! The simulation: the real functions, runner and store in a world of one thread, whose time stands still while
//! anything can be done and in which everything can go wrong.
//!
//! DynamoDB and SQS are the embedded ones, called by the SDKs' own clients without a socket; Lambda, the gateway
//! and the model provider are played. Every call may be lost, answered late, twice or not at all, and its process
//! may die or stand still before or after it. What goes wrong is drawn from a seed, and so is everything else: **a
//! seed is a run**, the same each time. After each run it is checked that every promise was kept.
//!
//! `matrix.rs` has the scenarios. `MILLRACE_SEEDS=1000` plays each with so many seeds; a run that fails says how to
//! play it alone, with its transcript.

mod bucket;
mod call;
mod callers;
mod check;
mod fault;
mod flows;
mod installation;
mod lambda;
mod matrix;
mod node;
mod play;
mod process;
mod provider;
mod rows;
mod scenario;
mod setting;
mod table;
mod transcript;
mod transcripts;
mod watch;
mod wire;
mod world;
