//! SQS: standard queues with the semantics that the service documents, in layers.
//!
//! * [`Account`] is a plain data structure: every operation takes the time, nothing in it waits, does I/O or draws
//!   a random number, so a simulation can drive it under a virtual clock.
//! * [`Sqs`] adds what needs a runtime: long polls and timed wake-ups, on the clock it was given, and the
//!   protocol (AWS JSON 1.0). It can be called in process, without a socket.
//! * [`SqsStore`] keeps an account in SQLite, each mutation written through.
//! * [`router`] puts [`Sqs`] on HTTP.

mod account;
mod attributes;
mod clock;
mod error;
mod identity;
mod message;
mod protocol;
mod queue;
mod ready;
mod server;
mod service;
mod store;

pub use account::{Account, Change};
pub use attributes::{QueueAttributes, Redrive};
pub use clock::{Clock, Millis, SystemClock, VirtualClock};
pub use error::{ErrorCode, SqsError};
pub use message::{AttributeValue, Message, Outgoing};
pub use queue::{Counts, Queue};
pub use server::router;
pub use service::{Reply, Sqs};
pub use store::SqsStore;

/// The account that every local ARN and queue URL names.
pub const ACCOUNT_ID: &str = "000000000000";
