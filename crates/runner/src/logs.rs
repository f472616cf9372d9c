//! What is logged: lines of JSON, made of **an allowlist of fields**: ids, sizes, durations, codes.
//!
//! ```json
//! {"timestamp":"…","level":"INFO","target":"millrace_api::trace","fields":{"message":"request","status":200,…}}
//! ```
//!
//! - A field that is not in [`FIELDS`] is left out, whatever it holds; a test compares the list with every call site.
//! - A message is a constant: the same test refuses one that is put together.
//! - What other crates say is told without what they say of it: a line names its place in their source, and none of their
//!   lines below `INFO` is written, **whatever `MILLRACE_LOG` says**. Bodies and headers pass through them.
//! - A panic is told by its place: its message quotes what it was about.
//! - The fields of the spans around a line stand in it, so that the lines of a call name its request and its task.

mod line;

use std::fmt;
use std::io;
use std::panic::{self, PanicHookInfo};

use thiserror::Error;
use tracing::level_filters::LevelFilter;
use tracing::{Metadata, Subscriber};
use tracing_subscriber::filter::{FilterExt, FilterFn};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::{Filter, Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, registry};

use line::Lines;

/// Every field that is logged. None of them may hold what a caller, a flow or a provider said.
pub const FIELDS: &[&str] = &[
    "attempt",
    "callbacks",
    "code",
    "column",
    "cost_usd",
    "cut_short",
    "due",
    "dwell_ms",
    "effects",
    "ended",
    "error",
    "failed",
    "file",
    "finished",
    "flow_id",
    "input_tokens",
    "internal",
    "key_id",
    "kind",
    "line",
    "message",
    "message_id",
    "method",
    "ms",
    "output_tokens",
    "pause_ms",
    "reason",
    "recovered",
    "refusal",
    "request_id",
    "requeue",
    "requeued",
    "resent",
    "route",
    "run_ms",
    "state",
    "status",
    "stop",
    "task_id",
    "transient",
    "what",
];

/// What is taken from spans of other crates: the Lambda runtime's name for an invocation.
const FOREIGN_FIELDS: &[&str] = &["requestId"];

/// The functions' binaries, whose modules are named after them.
const BINARIES: &[&str] = &["api", "worker", "sweeper"];

/// `MILLRACE_LOG` is no filter. Shown the same by `Debug`, as which a function's `main` ends with it.
#[derive(Error)]
#[error("MILLRACE_LOG is not a filter such as info or millrace_runner=debug")]
pub struct LogError;

impl fmt::Debug for LogError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Writes the log of this process to its standard output from now on.
///
/// # Errors
/// [`LogError`], also where the process has a log already.
pub fn init(filter: &str) -> Result<(), LogError> {
    subscriber(filter, io::stdout)?.try_init().map_err(|_| LogError)?;
    panic::set_hook(Box::new(tell_panic));
    Ok(())
}

/// The same for a writer of the caller's own, not yet in force.
///
/// # Errors
/// [`LogError`].
pub fn subscriber<W>(
    filter: &str,
    writer: W,
) -> Result<impl Subscriber + for<'a> LookupSpan<'a> + Send + Sync, LogError>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    Ok(registry().with(Lines::new(writer).with_filter(self::filter(filter)?)))
}

/// Which lines are written, whoever writes them: those that `filter` asks for, but of other crates none below `INFO`.
///
/// # Errors
/// [`LogError`].
pub fn filter<S>(filter: &str) -> Result<impl Filter<S> + Send + Sync + 'static, LogError>
where
    S: 'static,
{
    let wanted = EnvFilter::try_new(filter).map_err(|_| LogError)?;
    Ok(FilterExt::<S>::and(wanted, capped()))
}

/// Tells where a panic was, in place of Rust's own report.
///
/// A message that is a literal is told too; one that was put together can hold anything.
fn tell_panic(panic: &PanicHookInfo<'_>) {
    let place = panic.location();
    let what = panic.payload().downcast_ref::<&'static str>().copied();
    tracing::error!(
        what,
        file = place.map(|place| file_name(place.file())),
        line = place.map(|place| place.line()),
        column = place.map(|place| place.column()),
        "a panic"
    );
}

/// Nothing below `INFO` from crates that are not ours.
fn capped() -> FilterFn {
    FilterFn::new(is_permitted as fn(&Metadata<'_>) -> bool).with_max_level_hint(LevelFilter::TRACE)
}

fn is_permitted(metadata: &Metadata<'_>) -> bool {
    is_ours(metadata.target()) || *metadata.level() <= LevelFilter::INFO
}

fn is_ours(target: &str) -> bool {
    let root = target.split("::").next().unwrap_or_default();
    root.starts_with("millrace_") || BINARIES.contains(&root)
}

/// A path in a source tree without the folders of the machine that built it.
fn file_name(path: &str) -> &str {
    path.rsplit(['/', '\\']).next().unwrap_or(path)
}

#[cfg(test)]
mod tests;
