//! What can keep a task from being run or accepted.

use millrace_engine::{RunError, TweakError};
use millrace_store::StoreError;
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
    /// The stored flow cannot be loaded. No task was made.
    #[error(transparent)]
    Flow(RunError),
}
