//! What can go wrong, named for what the caller does next.

use std::time::Duration;

use thiserror::Error;

use crate::Cause;

/// An export that is no flow. Nothing was run.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum FlowError {
    /// The flow has no `data`, or it is not an object with `nodes` and `edges`.
    #[error("{0}")]
    Shape(String),
    /// Two nodes have the same id.
    #[error("Two nodes have the id {0}")]
    DuplicateId(String),
    /// Vertices feed each other in a circle.
    #[error("The flow has a cycle: {}", .0.join(" -> "))]
    Cycle(Vec<String>),
    /// No vertex is left that feeds no other (Langflow's own sentence).
    #[error("No root vertex found")]
    NoRoot,
    /// A vertex without any edge in a flow of several (Langflow's own sentence).
    #[error("{0} is not connected to any other components")]
    Unconnected(String),
    /// A structure limit is exceeded.
    #[error("The flow has {found} {what}; the limit is {limit}")]
    TooMany {
        /// What was counted: `nodes`, `edges`, `groups` or `levels of groups`.
        what: &'static str,
        /// How many the flow has.
        found: usize,
        /// The limit.
        limit: usize,
    },
}

/// Why a run failed, by who has to act.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// The caller's inputs do not fit the flow. A 4xx; repeating it changes nothing.
    Input,
    /// The caller's tweaks do not fit the flow. A 4xx.
    Tweak,
    /// The stored flow cannot run: broken, unknown type, code of its own. Its owner has to act.
    Flow,
    /// A provider or another server answered with an error or could not be reached.
    Upstream,
    /// A provider or another server did not answer in time.
    Timeout,
    /// A store behind the engine failed for a passing reason.
    Unavailable,
    /// The task's owner did not want it any longer.
    Cancelled,
    /// An answer is larger than can be kept.
    OutputTooLarge,
    /// The run used all that one run may. Repeating it changes nothing: the flow's owner has to act.
    Limit,
    /// A recorded effect is not the one that the run now asks for: the flow or Millrace changed under the
    /// task, and it cannot be resumed.
    Version,
    /// A fault of ours.
    Internal,
}

impl ErrorKind {
    /// The stable code kept with a failed task.
    pub fn code(self) -> &'static str {
        match self {
            Self::Input => "input",
            Self::Tweak => "tweak",
            Self::Flow => "flow",
            Self::Upstream => "upstream",
            Self::Timeout => "timeout",
            Self::Unavailable => "unavailable",
            Self::Cancelled => "cancelled",
            Self::OutputTooLarge => "output_too_large",
            Self::Limit => "limit",
            Self::Version => "version",
            Self::Internal => "internal",
        }
    }
}

/// A run that failed. `Display` is the sentence for the caller; `internal` is for the log.
#[derive(Debug, Clone, Error)]
#[error("{message}")]
pub struct RunError {
    /// Who has to act.
    pub kind: ErrorKind,
    /// The sentence for the caller: no secrets, no dump of a program.
    pub message: String,
    /// What the log gets beside it, without payloads.
    pub internal: Option<String>,
    /// Whether the same run may pass later.
    pub transient: bool,
    /// How long the other side asks to be left alone, where it does.
    pub retry_after: Option<Duration>,
    /// The field of the node that does not fit, if that is the cause.
    pub field: Option<String>,
}

impl RunError {
    /// An error of this kind that repeating will not cure.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            internal: None,
            transient: false,
            retry_after: None,
            field: None,
        }
    }

    /// Marks an error that may pass by itself.
    #[must_use]
    pub fn transient(mut self, transient: bool) -> Self {
        self.transient = transient;
        self
    }

    /// Adds how long the other side asks to be left alone.
    #[must_use]
    pub fn retry_after(mut self, wish: Option<Duration>) -> Self {
        self.retry_after = wish;
        self
    }

    /// Adds the sentence for the log.
    #[must_use]
    pub fn because(mut self, cause: impl Cause) -> Self {
        self.internal = Some(cause.told());
        self
    }

    /// Says in which node the cause lies, in Langflow's words for it.
    #[must_use]
    pub fn in_vertex(mut self, kind: &str, id: &str) -> Self {
        self.message = format!("Error building node {kind}(ID:{id}): {}", self.message);
        self
    }
}

impl From<FlowError> for RunError {
    fn from(error: FlowError) -> Self {
        let kind =
            if matches!(error, FlowError::TooMany { .. }) { ErrorKind::Limit } else { ErrorKind::Flow };
        Self::new(kind, error.to_string())
    }
}
