//! The one way out: HTTP client, address guard, caps, timeouts.
//!
//! **No other crate opens a connection to the outside.** A request goes out over https to a public
//! address, or to a host that the operator has allowed; every name, address and redirect hop is checked,
//! and the connection is made to an address that was checked. No proxy is taken from the environment.
//! Time is tokio's and nothing is random, so a run under a paused clock is the same each time.
//!
//! ```no_run
//! # async fn example() -> Result<(), millrace_outbound::OutboundError> {
//! use millrace_outbound::{Outbound, OutboundConfig, Request, Retry};
//!
//! let outbound = Outbound::new(OutboundConfig::default())?;
//! let request = Request::post("https://api.example.com/v1/chat/completions")
//!     .bearer("sk-…")?
//!     .json(&serde_json::json!({"model": "m"}))?
//!     .retry(Retry::attempts(3));
//! let answer: serde_json::Value = outbound.send(request).await?.json()?;
//! # Ok(()) }
//! ```

mod client;
mod config;
mod connections;
mod error;
#[doc(hidden)]
pub mod fuzzing;
mod guard;
mod redirect;
mod request;
mod resolver;
mod response;
mod retry;
mod sql;
mod transport;

pub use client::Outbound;
pub use config::{HostRule, OutboundConfig};
pub use error::OutboundError;
pub use request::Request;
pub use response::Response;
pub use retry::Retry;
pub use sql::{Access, Database, Rows, Sql, SqlConfig, SqlDialect, SqlError, SqlValue, Statement};
pub use transport::{Answer, Hop, Transport, TransportError};
