//! Real function binaries: the Lambda Runtime and Extensions APIs, the environments under it, and invoke endpoints elsewhere.

mod child;
mod environment;
mod extensions_api;
mod lifecycle;
mod process;
mod runtime_api;
mod watched;

pub use environment::{LogLine, LogStream};
pub use process::{OnLine, Process, ProcessConfig};
pub use runtime_api::RuntimeApi;
pub use watched::WatchedFunction;
