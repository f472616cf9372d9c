//! What a cost is asked for.

use std::fmt;
use std::str::FromStr;

use anyhow::{Result, bail};
use clap::ValueEnum;
use millrace_store::JournalMode;
use serde::{Serialize, Serializer};

/// Most polls of a task that are priced.
const MOST_POLLS: u32 = 10_000;

/// Where requests arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Front {
    /// Amazon API Gateway.
    HttpApi,
    /// Lambda's own address, which costs nothing.
    FunctionUrl,
}

/// The instruction set of the functions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
pub(crate) enum Architecture {
    /// Graviton.
    #[value(name = "arm64")]
    #[serde(rename = "arm64")]
    Arm64,
    /// Intel and AMD.
    #[value(name = "x86_64")]
    #[serde(rename = "x86_64")]
    X86_64,
}

/// How a caller learns of a task's end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Polls {
    /// It asks so many times, the last time included.
    Times(u32),
    /// It asks once with `?wait=20`, or as often as that takes.
    Long,
}

impl FromStr for Polls {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.parse() {
            _ if text == "long" => Ok(Self::Long),
            Ok(times) if times <= MOST_POLLS => Ok(Self::Times(times)),
            _ => Err(format!("not a number from 0 to {MOST_POLLS}, nor 'long'")),
        }
    }
}

impl fmt::Display for Polls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Times(times) => times.fmt(f),
            Self::Long => f.write_str("long"),
        }
    }
}

impl Serialize for Polls {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Times(times) => serializer.serialize_u32(*times),
            Self::Long => serializer.serialize_str("long"),
        }
    }
}

/// The terms of a cost.
#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct Terms {
    /// Seconds that a task waits for its model.
    pub wait: f64,
    /// Tasks in a batch: they share an environment.
    pub batch: u32,
    pub polls: Polls,
    /// Memory of both functions, MB.
    pub memory: u32,
    pub journal: JournalMode,
    /// Whether a tenant's tasks at once are limited.
    pub slots: bool,
    pub front: Front,
    pub architecture: Architecture,
    /// Custom metrics that are paid for; those that the functions write unless told.
    pub metrics: Option<usize>,
    /// Whether the caller waits for the result in place of a queued task.
    pub sync: bool,
}

impl Front {
    /// How long a caller is kept waiting behind it before the call becomes a queued one, as the template says. Seconds.
    pub fn longest_wait(self) -> f64 {
        match self {
            Self::HttpApi => 28.0,
            Self::FunctionUrl => 890.0,
        }
    }
}

impl Terms {
    /// Whether there can be such a call.
    ///
    /// # Errors
    /// The caller would have to wait longer than its front allows.
    pub fn check(&self) -> Result<()> {
        let longest = self.front.longest_wait();
        if self.sync && self.wait >= longest {
            bail!(
                "--sync: behind this front a call is kept waiting for {longest} s; then it is a queued one"
            );
        }
        Ok(())
    }
}

/// Seconds of waiting.
///
/// # Errors
/// Not between 0.001 and 840: a task must fit into an invocation of 15 minutes.
pub(crate) fn parse_wait(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(seconds) if (0.001..=840.0).contains(&seconds) => Ok(seconds),
        _ => Err("not a number of seconds from 0.001 to 840".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn polls_are_a_number_or_long() {
        assert_eq!("5".parse(), Ok(Polls::Times(5)));
        assert_eq!("long".parse(), Ok(Polls::Long));
        for text in ["", "-1", "10001", "Long", "1.5"] {
            assert!(text.parse::<Polls>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_wait_fits_an_invocation() {
        assert_eq!(parse_wait("0.5"), Ok(0.5));
        for text in ["0", "-1", "841", "NaN", "inf", "soon"] {
            assert!(parse_wait(text).is_err(), "{text}");
        }
    }
}
