//! The states of a task and the one function that changes them.
//!
//! Storage only enforces [`next`]: the conditions of its writes come from [`legal_from`].

use serde::{Deserialize, Serialize};

/// Where a task is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Accepted, and waiting for a worker.
    Queued,
    /// Claimed by a worker, whose lease may have run out.
    Running,
    /// Ended with a result.
    Succeeded,
    /// Ended with an error.
    Failed,
    /// Ended by its owner.
    Cancelled,
}

impl State {
    /// All states.
    pub const ALL: [Self; 5] = [Self::Queued, Self::Running, Self::Succeeded, Self::Failed, Self::Cancelled];

    /// The state as it is stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether the task has ended. **A terminal state never changes.**
    pub fn is_terminal(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Cancelled)
    }
}

impl std::str::FromStr for State {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|state| state.as_str() == text).ok_or(())
    }
}

/// What happens to a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Event {
    /// A worker takes a waiting task.
    Claimed,
    /// A worker takes a task whose lease has run out.
    LeaseExpiredReclaimed,
    /// The worker extends its lease.
    Renewed,
    /// The worker gives the task back: shutdown, or the deadline is near.
    Released,
    /// The run ended with a result.
    Succeeded,
    /// The run ended with an error.
    Failed,
    /// The owner does not want it any longer.
    Cancelled,
    /// Recovery ends it: nobody works on it, and nobody shall again.
    GivenUp,
}

impl Event {
    /// All events.
    pub const ALL: [Self; 8] = [
        Self::Claimed,
        Self::LeaseExpiredReclaimed,
        Self::Renewed,
        Self::Released,
        Self::Succeeded,
        Self::Failed,
        Self::Cancelled,
        Self::GivenUp,
    ];
}

/// The event cannot happen in that state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a task that is {state:?} cannot be {event:?}")]
pub struct Illegal {
    /// The state the task is in.
    pub state: State,
    /// What was to happen.
    pub event: Event,
}

/// The state after `event`.
///
/// # Errors
/// [`Illegal`] when it cannot happen; the state stays as it is.
pub fn next(state: State, event: Event) -> Result<State, Illegal> {
    match (state, event) {
        (State::Queued, Event::Claimed) => Ok(State::Running),
        (State::Running, Event::LeaseExpiredReclaimed | Event::Renewed) => Ok(State::Running),
        (State::Running, Event::Released) => Ok(State::Queued),
        (State::Running, Event::Succeeded) => Ok(State::Succeeded),
        (State::Running, Event::Failed) => Ok(State::Failed),
        (State::Queued | State::Running, Event::Cancelled) => Ok(State::Cancelled),
        (State::Queued | State::Running, Event::GivenUp) => Ok(State::Failed),
        _ => Err(Illegal { state, event }),
    }
}

/// The states in which `event` can happen.
pub fn legal_from(event: Event) -> impl Iterator<Item = State> {
    State::ALL.into_iter().filter(move |state| next(*state, event).is_ok())
}

/// The state that `event` leads to. It is the same from wherever it is legal.
pub(crate) fn target(event: Event) -> Option<State> {
    legal_from(event).find_map(|state| next(state, event).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_state_never_changes() {
        for state in State::ALL.into_iter().filter(|state| state.is_terminal()) {
            for event in Event::ALL {
                assert_eq!(next(state, event), Err(Illegal { state, event }));
            }
        }
    }

    #[test]
    fn an_event_has_one_target() {
        for event in Event::ALL {
            for state in legal_from(event) {
                assert_eq!(next(state, event).ok(), target(event), "{state:?} {event:?}");
            }
            assert!(target(event).is_some(), "{event:?} never happens");
        }
    }

    #[test]
    fn every_open_task_can_end() {
        for state in State::ALL.into_iter().filter(|state| !state.is_terminal()) {
            assert_eq!(next(state, Event::Cancelled), Ok(State::Cancelled));
            assert_eq!(next(state, Event::GivenUp), Ok(State::Failed));
        }
    }

    #[test]
    fn states_are_read_as_written() {
        for state in State::ALL {
            assert_eq!(state.as_str().parse(), Ok(state));
        }
        assert_eq!("PENDING".parse::<State>(), Err(()));
    }
}
