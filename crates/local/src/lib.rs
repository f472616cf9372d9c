//! The local cloud: what the functions talk to on AWS, on loopback addresses of one computer. Never deployed.
//!
//! * [`LocalCloud`] starts DynamoDB (embedded), [`sqs`] and S3 (embedded), and knows how clients and function binaries reach them.
//! * A [`Function`] plays a Lambda function: an async closure, a real binary under a Lambda Runtime API ([`Process`]), or
//!   an invoke endpoint elsewhere ([`WatchedFunction`]).
//! * [`EventSource`] plays the SQS event source mapping, [`Schedule`] a schedule of EventBridge, [`Front`] the HTTP API of
//!   API Gateway.
//! * [`FaultProxy`] stands between a client and a service, and lets single calls fail.
//! * [`Provider`] is the stand-in model provider.

#![expect(clippy::disallowed_methods, reason = "it starts the functions, as the Lambda service does")]

mod cloud;
mod dynamodb;
mod error;
mod event_source;
mod folder;
mod front;
mod function;
mod lambda;
mod listen;
mod provider;
mod proxy;
mod s3;
mod schedule;
pub mod sqs;

pub use cloud::{LocalCloud, LocalConfig};
pub use error::LocalError;
pub use event_source::{EventSource, EventSourceConfig};
pub use front::{Front, FrontConfig};
pub use function::{FromAsync, Function, FunctionError, MAX_PAYLOAD_BYTES, from_async};
pub use lambda::{LogLine, LogStream, OnLine, Process, ProcessConfig, RuntimeApi, WatchedFunction};
pub use provider::{Provider, ProviderConfig};
pub use proxy::{Call, FaultProxy, Phase, Verdict};
pub use schedule::Schedule;

/// The region that everything local claims to be in.
pub const REGION: &str = "us-east-1";
