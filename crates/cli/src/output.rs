//! What is printed: answers on standard output, everything else on standard error.

use std::fmt::Display;
use std::io::{ErrorKind, IsTerminal, Write, stderr, stdout};

use anyhow::Result;
use serde_json::Value as Json;

use crate::client_args::Target;
use crate::exit::{Exit, Failure};

/// Prints a line of the answer.
///
/// # Errors
/// Nobody reads any more, which ends the command quietly; or the text cannot be written.
pub(crate) fn line(text: impl Display) -> Result<()> {
    let mut out = stdout().lock();
    let written = writeln!(out, "{text}").and_then(|()| out.flush());
    written.map_err(|error| {
        let exit = if error.kind() == ErrorKind::BrokenPipe { Exit::PipeClosed } else { Exit::Failed };
        Failure::new(exit, format!("cannot write to standard output: {error}")).into()
    })
}

/// Prints a value as JSON that people can read.
pub(crate) fn json(value: &Json) -> Result<()> {
    line(format_args!("{value:#}"))
}

/// The same for what goes on whether anybody reads it or not, as a local cloud that serves.
pub(crate) fn note(text: impl Display) {
    let _read_by_nobody = line(text);
}

/// Says something that is no part of the answer. Where standard error is closed, nobody wants to know.
pub(crate) fn remark(text: impl Display) {
    let _ = writeln!(stderr().lock(), "{text}");
}

/// What is said besides the answer while a command works.
pub(crate) struct Progress {
    is_on: bool,
    is_terminal: bool,
    shown: String,
}

impl Progress {
    /// Silent where the user wants it so, and for scripts.
    pub fn new(target: &Target) -> Self {
        let is_on = !target.quiet && !target.json;
        Self { is_on, is_terminal: stderr().is_terminal(), shown: String::new() }
    }

    /// A line that stays.
    pub fn say(&mut self, text: impl Display) {
        if self.is_on {
            self.clear();
            remark(text);
        }
    }

    /// What is going on now: at a terminal in the place of what was shown before, elsewhere a line where it is new.
    pub fn show(&mut self, text: impl Into<String>) {
        let text = text.into();
        if !self.is_on || text == self.shown {
            return;
        }
        match self.is_terminal {
            true => {
                let _ = write!(stderr().lock(), "\r\x1b[2K{text}");
            }
            false => remark(&text),
        }
        self.shown = text;
    }

    /// Takes the line away.
    pub fn clear(&mut self) {
        if self.is_terminal && !self.shown.is_empty() {
            let _ = write!(stderr().lock(), "\r\x1b[2K");
        }
        self.shown.clear();
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.clear();
    }
}
