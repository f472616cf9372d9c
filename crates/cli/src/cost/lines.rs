//! The log of the functions, of which only the length is kept.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::Value as Json;
use tracing_subscriber::fmt::MakeWriter;

/// In the place of a line's own time, whose digits differ from line to line.
const TIMESTAMP: &str = "2025-06-15T15:06:40.123456789Z";

/// What tells the end of a task where no metrics are written. With metrics, a line of theirs stands in its place.
const END: &str = "ended";

/// Counts the bytes of the lines that are written. Clones count together.
#[derive(Debug, Clone, Default)]
pub(super) struct Lines(Arc<AtomicU64>);

impl Lines {
    /// Bytes since the last call, without the lines that tell the end of a task.
    pub fn take(&self) -> u64 {
        self.0.swap(0, Ordering::Relaxed)
    }
}

impl io::Write for Lines {
    /// A line comes in one piece.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.fetch_add(length(line), Ordering::Relaxed);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// The length of a line with a time of full length.
fn length(line: &[u8]) -> u64 {
    let Ok(mut line) = serde_json::from_slice::<Json>(line) else { return line.len() as u64 };
    if line["fields"]["message"] == END {
        return 0;
    }
    line["timestamp"] = TIMESTAMP.into();
    line.to_string().len() as u64 + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_as_long_at_any_time() {
        let line = |time: &str| format!(r#"{{"timestamp":"{time}","fields":{{"message":"request"}}}}"#);
        let (short, long) = (line("2025-06-15T15:06:40Z"), line("2026-01-01T00:00:00.000000001Z"));
        assert_eq!(length(short.as_bytes()), length(long.as_bytes()));
        assert_eq!(length(long.as_bytes()), long.len() as u64 + 1);
        assert_eq!(length(br#"{"fields":{"message":"ended"}}"#), 0);
    }
}
