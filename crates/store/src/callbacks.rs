//! Whether somebody who asked for it has been told that a task has ended.
//!
//! Where to and what is said is opaque to the store: it counts the tries, and keeps the task in the index of
//! open tasks until one of them is answered, or all are spent.

use std::time::Duration;

use crate::Store;
use crate::condition::{Change, Condition};
use crate::error::StoreError;
use crate::ids::{TaskId, TenantId};
use crate::item::{Row, number, text};
use crate::rows::{self, META};
use crate::schema::{OPEN, attr, sortable};
use crate::table::Updated;
use crate::tasks::{ROW, has_expired, state_of};

/// How often a callback is tried.
const TRIES: u32 = 8;

/// How long after the first failed try the next one is due; twice as long after each later one.
const FIRST_PAUSE: Duration = Duration::from_secs(60);

/// The callback as it is stored while it is not settled.
pub(crate) const PENDING: &str = "pending";
const DELIVERED: &str = "delivered";
const FAILED: &str = "failed";

/// How far the callback of a task is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallbackState {
    /// It is to be tried, when the task has ended, or again.
    Pending {
        /// How often it was tried in vain.
        tries: u32,
    },
    /// It was answered.
    Delivered,
    /// It was tried as often as it may be.
    Failed,
}

impl CallbackState {
    /// The state as it is shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending { .. } => PENDING,
            Self::Delivered => DELIVERED,
            Self::Failed => FAILED,
        }
    }

    /// `None` when nobody is to be called back.
    pub(crate) fn of(row: Row<'_>) -> Result<Option<Self>, StoreError> {
        match row.opt_text(attr::CALLBACK) {
            None => Ok(None),
            Some(PENDING) => Ok(Some(Self::Pending { tries: tries(row) })),
            Some(DELIVERED) => Ok(Some(Self::Delivered)),
            Some(FAILED) => Ok(Some(Self::Failed)),
            Some(_) => Err(row.corrupt()),
        }
    }

    /// The state after a try.
    fn tried(self, delivered: bool) -> Self {
        match self {
            Self::Pending { .. } if delivered => Self::Delivered,
            Self::Pending { tries } if tries + 1 >= TRIES => Self::Failed,
            Self::Pending { tries } => Self::Pending { tries: tries + 1 },
            settled => settled,
        }
    }
}

impl Store {
    /// Counts a try to call back, and says where that leads: settled, or due again after 1, 2, 4, 8… minutes.
    ///
    /// Two that try at once are counted as one try. What is settled stays so.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] when the task is unknown, has not ended or has no callback, and those of the
    /// service; the try may then be counted or not.
    pub async fn callback_tried(
        &self,
        tenant: &TenantId,
        id: TaskId,
        delivered: bool,
    ) -> Result<CallbackState, StoreError> {
        let key = rows::task(tenant, id, META);
        let row = self.get(key.clone(), true).await?.ok_or(NO_CALLBACK)?;
        let row = Row::new(ROW, &row);
        let now = self.now();
        let before = CallbackState::of(row)?.ok_or(NO_CALLBACK)?;
        if !state_of(row)?.is_terminal() || has_expired(row, now) {
            return Err(NO_CALLBACK);
        }
        let after = before.tried(delivered);
        let pending = Condition::equals(attr::CALLBACK, text(PENDING));
        let change = match after {
            _ if after == before => return Ok(after),
            CallbackState::Pending { tries } => Change::when(pending.and(tried_as_often(row)))
                .set(attr::TRIES, number(tries))
                .set(OPEN.sk, text(sortable(crate::after(now, FIRST_PAUSE * (1 << (tries - 1)))))),
            CallbackState::Delivered => settled(pending, DELIVERED),
            CallbackState::Failed => settled(pending.and(tried_as_often(row)), FAILED),
        };
        match self.update(key, change).await? {
            Updated::Refused(Some(row)) => CallbackState::of(Row::new(ROW, &row))?.ok_or(NO_CALLBACK),
            Updated::Refused(None) => Err(NO_CALLBACK),
            Updated::Applied(_) => Ok(after),
        }
    }
}

const NO_CALLBACK: StoreError = StoreError::Invalid { what: "the task has no callback that is due" };

fn tries(row: Row<'_>) -> u32 {
    u32::try_from(row.tally(attr::TRIES)).unwrap_or(u32::MAX)
}

/// Nobody has counted a try since the row was read.
fn tried_as_often(row: Row<'_>) -> Condition {
    match tries(row) {
        0 => Condition::lacks(attr::TRIES),
        tries => Condition::equals(attr::TRIES, number(tries)),
    }
}

/// The end of it: the task leaves the index of open tasks.
fn settled(condition: Condition, how: &str) -> Change {
    Change::when(condition).set(attr::CALLBACK, text(how)).remove(OPEN.pk).remove(OPEN.sk)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_callback_is_settled_once() {
        let mut state = CallbackState::Pending { tries: 0 };
        for tried in 1..8 {
            assert_eq!(state.tried(true), CallbackState::Delivered);
            state = state.tried(false);
            assert_eq!(state, CallbackState::Pending { tries: tried });
        }
        state = state.tried(false);
        assert_eq!(state, CallbackState::Failed);
        for settled in [CallbackState::Failed, CallbackState::Delivered] {
            assert_eq!([settled.tried(true), settled.tried(false)], [settled; 2]);
        }
    }
}
