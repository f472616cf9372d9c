//! Instructions, as Valgrind's callgrind counts them: a figure that the machine's load does not change.
//!
//! The binary runs three times under it: without an event, with a few, and with more. The first is the start; the difference
//! of the others, divided by the events between them, is a warm one. It ends on SIGTERM, for which nothing but the end itself
//! is counted.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use millrace_local::{Function, Process, ProcessConfig};

use super::world::{Subject, World};

const VALGRIND: &str = "valgrind";
/// Events of the shorter run, which are not counted: the first ones fill caches.
const FEW: u32 = 3;
/// Those of the longer one besides.
const MORE: u32 = 10;
/// What a start and an end may take under it.
const PATIENCE: Duration = Duration::from_secs(60);

/// Instructions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Instructions {
    /// From exec to the first poll, and the end.
    pub(super) start: u64,
    /// For one event of a warm function.
    pub(super) warm: u64,
}

/// Why there can be no count, if there can be none.
pub(super) fn missing() -> Option<String> {
    match std::process::Command::new(VALGRIND).arg("--version").output() {
        Ok(done) if done.status.success() => None,
        Ok(done) => Some(format!("{VALGRIND} --version ended with {}", done.status)),
        Err(error) => Some(format!("{VALGRIND} cannot be started: {error}")),
    }
}

/// Counts for one function.
pub(super) async fn count(world: &World, subject: Subject, binary: &Path) -> Result<Instructions> {
    let start = run(world, subject, binary, 0).await?;
    let few = run(world, subject, binary, FEW).await?;
    let all = run(world, subject, binary, FEW + MORE).await?;
    Ok(Instructions { start, warm: all.saturating_sub(few) / u64::from(MORE) })
}

/// Instructions of a process that answers so many events.
async fn run(world: &World, subject: Subject, binary: &Path, events: u32) -> Result<u64> {
    let out = Output::new(subject, events);
    let config = ProcessConfig {
        program: VALGRIND.into(),
        args: vec![
            "--tool=callgrind".to_owned(),
            "--quiet".to_owned(),
            format!("--callgrind-out-file={}", out.0.display()),
            binary.canonicalize()?.display().to_string(),
        ],
        start_limit: PATIENCE,
        ..world.config(subject, binary)
    };
    let process = Process::new(config);
    let outcome = answer(world, subject, &process, events).await;
    process.terminate(PATIENCE).await;
    outcome?;
    let text =
        std::fs::read_to_string(&out.0).with_context(|| format!("callgrind wrote no {}", out.0.display()))?;
    total(&text).context("callgrind wrote no sum")
}

async fn answer(world: &World, subject: Subject, process: &Process, events: u32) -> Result<()> {
    process.start().await?;
    for _ in 0..events {
        let answer = process.invoke(world.event(subject).await?).await?;
        World::check(subject, &answer)?;
    }
    Ok(())
}

/// The sum of a file of callgrind: `summary:`, or `totals:` at its end.
fn total(text: &str) -> Option<u64> {
    let of = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok());
    of("totals:").or_else(|| of("summary:"))
}

/// The file that callgrind writes, removed at the end.
struct Output(PathBuf);

impl Output {
    fn new(subject: Subject, events: u32) -> Self {
        let name = format!("millrace-callgrind-{}-{}-{events}", std::process::id(), subject.name());
        Self(std::env::temp_dir().join(name))
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        // It may never have been written.
        let _ = std::fs::remove_file(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sum_is_read_from_either_line() {
        assert_eq!(total("version: 1\nevents: Ir\nsummary: 1234\n\nfn=(1) main\n"), Some(1234));
        assert_eq!(total("events: Ir\nfn=(1) main\n1 5\n\ntotals: 5678\n"), Some(5678));
        assert_eq!(total("events: Ir\n"), None);
    }
}
