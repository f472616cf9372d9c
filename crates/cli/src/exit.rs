//! How the command ends: a code for scripts, a sentence for people.

use std::fmt;
use std::future::Future;

use anyhow::Result;

/// Why a command did not do what it was asked. The numbers are promised to scripts, and listed in [`TABLE`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Whoever read standard output has gone, which is no failure.
    PipeClosed = 0,
    Failed = 1,
    /// The command line, or a file that it names, cannot be used. It is also clap's.
    Usage = 2,
    Unreachable = 3,
    Refused = 4,
    NotFound = 5,
    TaskFailed = 6,
    StillOpen = 7,
    Busy = 8,
    /// 128 and the number of SIGINT, as shells have it.
    Interrupted = 130,
}

/// What `--help` says of them.
pub(crate) const TABLE: &str = "\
Exit codes:
  0    done
  1    failed for another reason
  2    the command line, or a file that it names, cannot be used
  3    no connection to the installation, or no answer in time
  4    the key was refused, or lacks a scope
  5    no such flow, task, key or profile
  6    the task ended as failed or cancelled
  7    the task is still open after --wait-seconds
  8    the installation is busy, or the key is over its limit: try again later
  130  interrupted";

/// An error with its exit code.
#[derive(Debug)]
pub(crate) struct Failure {
    pub exit: Exit,
    sentence: String,
    task: Option<String>,
}

impl Failure {
    pub fn new(exit: Exit, sentence: impl Into<String>) -> Self {
        Self { exit, sentence: sentence.into(), task: None }
    }

    /// What the user gave cannot be used.
    pub fn usage(sentence: impl Into<String>) -> Self {
        Self::new(Exit::Usage, sentence)
    }

    /// A task ended so while its caller waited.
    pub fn of_task(task: &str, why: &str) -> Self {
        let failure = Self::new(Exit::TaskFailed, format!("task {task} failed: {why}"));
        Self { task: Some(task.to_owned()), ..failure }
    }

    /// The task that ended so, where it is known.
    pub fn task_of(error: &anyhow::Error) -> Option<&str> {
        error.chain().find_map(|cause| cause.downcast_ref::<Self>())?.task.as_deref()
    }

    /// The code with which a command ends that failed so.
    pub fn exit_of(error: &anyhow::Error) -> Exit {
        error.chain().find_map(|cause| cause.downcast_ref::<Self>()).map_or(Exit::Failed, |found| found.exit)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sentence)
    }
}

impl std::error::Error for Failure {}

/// Does something that Ctrl-C ends, with a sentence of what goes on without this command.
///
/// Standard input has to be read before: once the signal is taken here, it ends no read.
pub(crate) async fn interruptible<T>(
    work: impl Future<Output = Result<T>>,
    sentence: impl FnOnce() -> String,
) -> Result<T> {
    tokio::select! {
        biased;
        done = work => done,
        _ = tokio::signal::ctrl_c() => Err(Failure::new(Exit::Interrupted, sentence()).into()),
    }
}

#[cfg(test)]
mod tests {
    use anyhow::{Context, anyhow};

    use super::*;

    #[test]
    fn a_failure_keeps_its_code_under_other_sentences() {
        let failed: Result<()> = Err(Failure::new(Exit::NotFound, "no flow").into());
        let error = failed.context("pushing").unwrap_err();
        assert_eq!(Failure::exit_of(&error), Exit::NotFound);
        assert_eq!(format!("{error:#}"), "pushing: no flow");
        assert_eq!(Failure::exit_of(&anyhow!("else")), Exit::Failed);
    }

    #[test]
    fn every_code_is_told() {
        for exit in [
            Exit::Failed,
            Exit::Usage,
            Exit::Unreachable,
            Exit::Refused,
            Exit::NotFound,
            Exit::TaskFailed,
            Exit::StillOpen,
            Exit::Busy,
            Exit::Interrupted,
        ] {
            let code = format!("  {:<5}", exit as u8);
            assert_eq!(TABLE.lines().filter(|line| line.starts_with(&code)).count(), 1, "{exit:?}");
        }
    }
}
