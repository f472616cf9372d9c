//! Idempotency keys: a request that is sent again is the task that it was the first time.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use jiff::Timestamp;

use crate::condition::{Change, Condition};
use crate::error::StoreError;
use crate::ids::{InvalidId, TaskId, TenantId};
use crate::item::{Item, Row, epoch_seconds, text, time};
use crate::rows::{self, RowKey};
use crate::schema::{EXPIRES, attr};
use crate::size::Attributes;
use crate::table::Updated;
use crate::{Store, after};

/// What the row is called in errors.
const ROW: &str = "idempotency key";

/// A client's name for one request: 1 to 255 visible ASCII characters (`!` to `~`).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    /// The key as the client sent it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for IdempotencyKey {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        if (1..=255).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidId { kind: "idempotency key (1 to 255 visible ASCII characters)" })
        }
    }
}

impl fmt::Display for IdempotencyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A request that came with a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reservation {
    /// Tells whether another request with this key is the same one.
    pub request_hash: String,
    /// The task it is to become. **A new id for every request**: the caller is recognised by it.
    pub task: TaskId,
    /// The conversation it is to belong to.
    pub session: String,
    /// For how long the caller alone may run the task, when it runs it at once.
    pub held: Option<Duration>,
}

/// The answer to a reservation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reserved {
    /// The key was not in use: the request is the caller's task.
    New,
    /// The key stands for this very request.
    Same {
        /// The task it became.
        task: TaskId,
        /// The conversation of that task.
        session: String,
        /// Whether nobody else holds the task. A caller that asked to hold it does so now.
        free: bool,
        /// Until when the task is held, by whomever.
        until: Option<Timestamp>,
    },
    /// The key stands for another request. Nothing of this one may be run.
    OtherRequest,
}

impl Store {
    /// Reserves a key for a request: one conditional write, and one more to take over a hold that is over.
    ///
    /// ```text
    ///     A holds           A's hold ends        B holds            B's hold ends     retention ends
    /// ───────┼────────────────────┼─────────────────┼─────────────────────┼──────────────────┼──────► time
    ///        │       A's          │    nobody's     │        B's          │     nobody's     │
    /// (a) new│   (b) not free     │    (c) free     │    (b) not free     │     (c) free     │ (a) new
    /// ```
    ///
    /// - (a) no row, or one whose retention is over: **new**.
    /// - (b) held: **same**, not free. The holder is about to end the task.
    /// - (c) held by nobody: **same**, free. A caller that brings `held` holds it from here on; of two that
    ///   come at once only one does, the other sees (b).
    /// - A repetition after a lost reply, which brings the same task id, gets the same answer.
    ///
    /// # Errors
    /// [`StoreError::TooLarge`], [`StoreError::Corrupt`], [`StoreError::Conflict`] when the row goes while it
    /// is taken over, and those of the service.
    pub async fn reserve(
        &self,
        tenant: &TenantId,
        key: &IdempotencyKey,
        reservation: &Reservation,
    ) -> Result<Reserved, StoreError> {
        let now = self.now();
        let key = rows::idempotency(tenant, key.as_str());
        let until = reservation.held.map(|held| after(now, held));
        let row = Item::new(key.clone())
            .with(attr::HASH, text(&reservation.request_hash))
            .with(attr::TASK, text(reservation.task))
            .with(attr::SESSION, text(&reservation.session))
            .with(attr::HOLDER, text(reservation.task))
            .with_some(attr::HELD, until.map(time))
            .with(EXPIRES, epoch_seconds(self.expiry(now)));
        let vacant = Condition::absent().or(Condition::at_most(EXPIRES, epoch_seconds(now)));
        let Some(stored) = self.put_when(row.within_limit(ROW)?, vacant).await? else {
            return Ok(Reserved::New);
        };
        let standing = Standing::read(&stored)?;
        match until {
            Some(until) if standing.request_hash == reservation.request_hash && !standing.is_held(now) => {
                let standing = self.take_over(key, &standing, reservation.task, until, now).await?;
                Ok(standing.answer(reservation, now))
            }
            _ => Ok(standing.answer(reservation, now)),
        }
    }

    /// Holds a task that nobody holds, unless somebody else is quicker. The row as it is after that.
    async fn take_over(
        &self,
        key: RowKey,
        standing: &Standing,
        holder: TaskId,
        until: Timestamp,
        now: Timestamp,
    ) -> Result<Standing, StoreError> {
        let as_read = match standing.held {
            Some(held) => Condition::equals(attr::HELD, time(held)),
            None => Condition::lacks(attr::HELD),
        };
        let change = Change::when(as_read.and(Condition::equals(attr::HOLDER, text(standing.holder))))
            .set(attr::HOLDER, text(holder))
            .set(attr::HELD, time(until))
            .set(EXPIRES, epoch_seconds(self.expiry(now)));
        match self.update(key, change).await? {
            Updated::Applied(row) | Updated::Refused(Some(row)) => Standing::read(&row),
            Updated::Refused(None) => Err(StoreError::Conflict { what: ROW }),
        }
    }
}

/// A stored reservation.
struct Standing {
    request_hash: String,
    task: TaskId,
    session: String,
    /// The task id that the holder came with, which tells two holders apart.
    holder: TaskId,
    held: Option<Timestamp>,
}

impl Standing {
    fn read(attributes: &Attributes) -> Result<Self, StoreError> {
        let row = Row::new(ROW, attributes);
        Ok(Self {
            request_hash: row.text(attr::HASH)?.to_owned(),
            task: row.parsed(attr::TASK)?,
            session: row.text(attr::SESSION)?.to_owned(),
            holder: row.parsed(attr::HOLDER)?,
            held: row.opt_time(attr::HELD),
        })
    }

    fn is_held(&self, now: Timestamp) -> bool {
        self.held.is_some_and(|held| held > now)
    }

    fn answer(self, reservation: &Reservation, now: Timestamp) -> Reserved {
        let callers = self.holder == reservation.task;
        if self.request_hash != reservation.request_hash {
            Reserved::OtherRequest
        } else if callers && self.task == reservation.task {
            Reserved::New
        } else {
            let held = self.is_held(now);
            Reserved::Same {
                task: self.task,
                session: self.session,
                // A caller that wanted to hold the task and does not has lost a race for it.
                free: callers || (reservation.held.is_none() && !held),
                until: self.held.filter(|_| held),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_visible_ascii_of_bounded_length() {
        let long = "k".repeat(255);
        for good in ["k", "!~", "8e03978e-40d5-43e8-bc93-6894a57f9324", "a#b", long.as_str()] {
            assert_eq!(good.parse::<IdempotencyKey>().unwrap().as_str(), good);
        }
        let too_long = "k".repeat(256);
        for bad in ["", " ", "a b", "a\n", "ä", "\u{7f}", too_long.as_str()] {
            assert!(bad.parse::<IdempotencyKey>().is_err(), "{bad:?}");
        }
    }
}
