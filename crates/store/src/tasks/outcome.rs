//! How a run ends, and how that is stored.

use aws_sdk_dynamodb::types::AttributeValue;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::StoreError;
use crate::item::{json, text};
use crate::schema::attr;
use crate::size::value_bytes;
use crate::state::{Event, State};

/// What a result may grow to, in bytes of JSON: Lambda's limit for an answer is 6 MB, which has to hold it.
const RESULT_LIMIT: usize = 5_500_000;

/// How a run ended.
#[derive(Clone)]
pub enum Outcome {
    /// With a result.
    Succeeded {
        /// What the caller gets, opaque to the store.
        result: Value,
    },
    /// With an error.
    Failed {
        /// What the caller is told.
        error: TaskError,
    },
}

/// Why a run failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskError {
    /// A code in snake case, for programs.
    pub kind: String,
    /// A sentence for the caller. Never a secret.
    pub message: String,
    /// Whether the same call may succeed later.
    pub retryable: bool,
}

impl Outcome {
    /// The event that ends the task.
    pub(super) fn event(&self) -> Event {
        match self {
            Self::Succeeded { .. } => Event::Succeeded,
            Self::Failed { .. } => Event::Failed,
        }
    }

    /// The state of a task that ended so.
    pub(super) fn state(&self) -> State {
        match self {
            Self::Succeeded { .. } => State::Succeeded,
            Self::Failed { .. } => State::Failed,
        }
    }
}

/// An outcome and what the run used, as attributes. They always stand in one row together.
#[derive(Clone)]
pub(super) struct Ending {
    /// What it is called when it is too large.
    pub(super) what: &'static str,
    pub(super) name: &'static str,
    pub(super) value: AttributeValue,
    pub(super) usage: Option<AttributeValue>,
}

impl Ending {
    /// # Errors
    /// [`StoreError::TooLarge`] for a result that no answer could carry.
    pub(super) fn new(outcome: &Outcome, usage: Option<&Value>) -> Result<Self, StoreError> {
        let (what, name, value) = match outcome {
            Outcome::Succeeded { result } => ("result", attr::RESULT, within_answer(result)?),
            Outcome::Failed { error } => ("error", attr::ERROR, error_attribute(error)),
        };
        Ok(Self { what, name, value, usage: usage.map(|usage| text(usage.to_string())) })
    }

    /// What a row grows by with it.
    pub(super) fn bytes(&self) -> usize {
        let usage = self.usage.as_ref().map_or(0, |usage| attr::USAGE.len() + value_bytes(usage));
        self.name.len() + value_bytes(&self.value) + usage
    }

    pub(super) fn attributes(self) -> impl Iterator<Item = (&'static str, AttributeValue)> {
        let usage = self.usage.map(|usage| (attr::USAGE, usage));
        [(self.name, self.value)].into_iter().chain(usage)
    }
}

/// An error as the attribute [`attr::ERROR`].
pub(crate) fn error_attribute(error: &TaskError) -> AttributeValue {
    let TaskError { kind, message, retryable } = error;
    json(&serde_json::json!({"kind": kind, "message": message, "retryable": retryable}))
}

fn within_answer(result: &Value) -> Result<AttributeValue, StoreError> {
    let stored = json(result);
    // Only what was compressed can be that large and still fit the table.
    let size = match &stored {
        AttributeValue::S(plain) => plain.len(),
        _ => result.to_string().len(),
    };
    if size > RESULT_LIMIT {
        return Err(StoreError::TooLarge { what: "result", size, limit: RESULT_LIMIT });
    }
    Ok(stored)
}
