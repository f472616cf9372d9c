//! What one run may use and cost, and what is said of it when that is used up.

use millrace_engine::{ErrorKind, RunError};

/// The limit that a run came to.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Exceeded {
    Effects(u64),
    Tokens(u64),
    /// Dollars, by estimate.
    Budget(f64),
    /// Dollars, by estimate.
    BudgetOfTheDay(f64),
    /// A model whose price is not known, under a budget.
    Unpriced(String),
}

impl Exceeded {
    /// What the run ends with.
    pub fn error(&self) -> RunError {
        let message = match self {
            Self::Effects(limit) => format!("The run used up its effects: the limit is {limit} for one run"),
            Self::Tokens(limit) => format!("The run used up its tokens: the limit is {limit} for one run"),
            Self::Budget(limit) => {
                format!(
                    "The run used up its budget: by estimate it cost {limit} US dollars, the limit for this task"
                )
            }
            Self::BudgetOfTheDay(limit) => {
                format!(
                    "The budget of the day is used up: the limit is {limit} US dollars a day (UTC), by estimate"
                )
            }
            Self::Unpriced(model) => {
                format!(
                    "The run has a budget, and the model {model} has no price in this installation's table"
                )
            }
        };
        RunError::new(ErrorKind::Limit, message)
    }
}

/// What a run may cost, in US dollars by estimate.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Budgets {
    /// Dollars that the task may cost, by estimate.
    pub task: Option<f64>,
    /// Dollars that the tenant may spend a day, and what is left of them.
    pub day: Option<(f64, f64)>,
}
