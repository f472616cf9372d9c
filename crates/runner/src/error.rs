//! What can keep a task from being run or accepted.

use millrace_engine::{RunError, TweakError};
use millrace_outbound::OutboundError;
use millrace_store::{State, StoreError};
use thiserror::Error;

/// Why a call was not run, or not accepted as a task.
#[derive(Debug, Error)]
pub enum RunnerError {
    /// The store refused or is not there. No task was made.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A tweak that does not fit. No task was made.
    #[error(transparent)]
    Tweak(#[from] TweakError),
    /// What the conversation began with is not known any more, and the call does not say it again. No task was made.
    #[error("tweaks: this conversation began with tweaks that were too large to be kept; send them again")]
    TweaksNotKept,
    /// The stored flow cannot be loaded. No task was made.
    #[error(transparent)]
    Flow(RunError),
    /// The Idempotency-Key was used for another request. Nothing was run.
    #[error("The Idempotency-Key was already used for another request")]
    OtherRequest,
    /// The first request with this Idempotency-Key is still being answered. Nothing was run twice.
    #[error("The first request with this Idempotency-Key is still being answered; try again in {seconds} s")]
    InProgress {
        /// When to try again.
        seconds: u64,
    },
    /// Callbacks may not go there. No task was made.
    #[error("callback_url: {0}")]
    Callback(OutboundError),
    /// There is no such task of this tenant.
    #[error("Task not found")]
    NoTask,
    /// Only what failed can be tried again.
    #[error("Only a failed task can be retried; this one is {}", .0.as_str())]
    NotFailed(State),
    /// A task that was run while its caller waited keeps nothing that it could be run on again.
    #[error("The task was run while its caller waited; make the call again instead")]
    NotKept,
    /// A retry needs secrets that were erased with the end of the task, and does not bring them.
    #[error("The secrets of the task were erased when it ended; send them again: {0}")]
    Erased(String),
    /// A caller that may not change flows says where a flow's key is to go. Nothing was run.
    #[error("This API key lacks the scope 'deploy': without it a call cannot set the address {0}")]
    Redirected(String),
    /// What has ended cannot be cancelled.
    #[error("The task has already ended: it is {}", .0.as_str())]
    Ended(State),
}
