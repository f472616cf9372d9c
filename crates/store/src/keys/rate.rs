//! How many requests a minute a key may make, counted together by all processes.
//!
//! A process counts in memory and adds to the row of the key and the minute only when it has admitted a *share* of the
//! limit: a twentieth, at least 1 and at most 25 requests. What the row then says is what all processes have added.
//!
//! ```text
//! limit 100, share 5      process 1   ····· add 5 → 5            ····· add 5 → 104: over, refuses by itself
//!                         process 2           ····· add 5 → 10  …          until the minute ends
//! ```
//! **What is admitted in a minute is at most the limit, and (share - 1) more for each process that serves the key**: what
//! it has not added yet. Up to a limit of 39 the share is 1, every request is added before it is admitted, and the
//! limit is exact; one process alone is always exact. Besides:
//! - minutes are those of the clock, so that 60 s across two of them can see twice the limit; a process whose clock is
//!   off counts in other rows for as long as it is off;
//! - an addition whose reply is lost is made again by the SDK, so that the limit may be met a share early;
//! - where the row cannot be written within a second, the process goes by its own count: **nobody is refused because
//!   the table is away**.
//!
//! A key that makes fewer requests than a share costs no write, one at its limit at most 20, or one for 25 requests,
//! whichever is more; a process that knows of the limit refuses without any.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::timeout;
use uuid::Uuid;

use super::Principal;
use crate::Store;
use crate::item::number;
use crate::rows;
use crate::schema::attr;

/// How long an addition may hold up a request.
const PATIENCE: Duration = Duration::from_secs(1);

/// What is admitted at most before it is added.
const LARGEST_SHARE: u64 = 25;

/// How long the row of a minute is kept after its end, in minutes: clocks differ.
const KEPT_MINUTES: i64 = 60;

/// So many keys may be counted before those of minutes that are over are forgotten.
const CAPACITY: usize = 1024;

/// The key has made as many requests in this minute as it may. Over HTTP 429.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this API key may make {limit} requests a minute")]
pub struct OverLimit {
    /// Requests a minute.
    pub limit: u32,
    /// Seconds until the minute ends, 1 to 60.
    pub seconds: u64,
}

impl Store {
    /// Counts a request of a key, and lets it pass or not.
    ///
    /// # Errors
    /// [`OverLimit`]. Never because the table is away.
    pub async fn admit(&self, caller: &Principal) -> Result<(), OverLimit> {
        let limit = self.limit_of(caller);
        if limit == 0 {
            return Ok(());
        }
        let second = self.now().as_second();
        let (minute, gone) = (second.div_euclid(60), second.rem_euclid(60).unsigned_abs());
        let over = Err(OverLimit { limit, seconds: 60 - gone });
        match self.rates().count(caller.key, minute, limit) {
            Count::Admitted => Ok(()),
            Count::Over => over,
            Count::Share(requests) => {
                let total = self.add_requests(caller, minute, requests).await;
                self.rates().settle(caller.key, minute, requests, total);
                match total {
                    Some(total) if total > u64::from(limit) => over,
                    _ => Ok(()),
                }
            }
        }
    }

    /// How many requests a minute are served of a key; 0 is no limit.
    pub fn limit_of(&self, caller: &Principal) -> u32 {
        caller.terms.requests_per_minute.unwrap_or(self.config().requests_per_minute)
    }

    /// What all processes have added, this addition included, if that can be known.
    async fn add_requests(&self, caller: &Principal, minute: i64, requests: u64) -> Option<u64> {
        let row = rows::rate(&caller.tenant, caller.key, minute);
        let expires = number((minute + 1 + KEPT_MINUTES) * 60);
        match timeout(PATIENCE, self.add(row, attr::REQUESTS, requests, expires)).await {
            Ok(Ok(total)) => Some(total),
            Ok(Err(error)) => {
                tracing::debug!(key_id = %caller.key, %error, "requests of a key not added");
                None
            }
            Err(_) => {
                tracing::debug!(key_id = %caller.key, "requests of a key not added in time");
                None
            }
        }
    }
}

/// What a process has counted and heard, by key.
#[derive(Default)]
pub(crate) struct Rates(Mutex<BTreeMap<Uuid, Window>>);

/// One minute of one key.
struct Window {
    minute: i64,
    /// What the row said last, or what would stand there if it could be written.
    known: u64,
    /// What is being added.
    adding: u64,
    /// What is admitted and not added yet.
    waiting: u64,
}

#[derive(Debug, PartialEq, Eq)]
enum Count {
    Admitted,
    Over,
    /// So many are to be added, this request the last of them.
    Share(u64),
}

impl Rates {
    fn count(&self, key: Uuid, minute: i64, limit: u32) -> Count {
        let limit = u64::from(limit);
        let mut windows = self.windows();
        if windows.len() >= CAPACITY {
            windows.retain(|_, window| window.minute == minute);
        }
        let window = windows.entry(key).or_insert_with(|| Window::new(minute));
        if window.minute != minute {
            *window = Window::new(minute);
        }
        if window.known + window.adding + window.waiting >= limit {
            return Count::Over;
        }
        window.waiting += 1;
        if window.waiting < share(limit) {
            return Count::Admitted;
        }
        let requests = std::mem::take(&mut window.waiting);
        window.adding += requests;
        Count::Share(requests)
    }

    fn settle(&self, key: Uuid, minute: i64, requests: u64, total: Option<u64>) {
        let mut windows = self.windows();
        let Some(window) = windows.get_mut(&key).filter(|window| window.minute == minute) else { return };
        window.adding = window.adding.saturating_sub(requests);
        // Additions can be answered in another order than they were made in.
        window.known = total.map_or(window.known + requests, |total| window.known.max(total));
    }

    fn windows(&self) -> MutexGuard<'_, BTreeMap<Uuid, Window>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Window {
    fn new(minute: i64) -> Self {
        Self { minute, known: 0, adding: 0, waiting: 0 }
    }
}

fn share(limit: u64) -> u64 {
    (limit / 20).clamp(1, LARGEST_SHARE)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: Uuid = Uuid::nil();

    #[test]
    fn a_share_is_a_twentieth_within_bounds() {
        let shares = [1, 5, 39, 40, 100, 499, 500, 600, 1_000_000].map(share);
        assert_eq!(shares, [1, 1, 1, 2, 5, 24, 25, 25, 25]);
    }

    /// One process, with a row that cannot be written, admits exactly the limit and starts anew with the minute.
    #[test]
    fn without_a_table_a_process_goes_by_its_own_count() {
        for limit in [1, 7, 40, 103] {
            let rates = Rates::default();
            for minute in [9, 10] {
                let mut admitted = 0;
                for _ in 0..limit + 20 {
                    match rates.count(KEY, minute, limit) {
                        Count::Over => continue,
                        Count::Share(requests) => rates.settle(KEY, minute, requests, None),
                        Count::Admitted => {}
                    }
                    admitted += 1;
                }
                assert_eq!(admitted, limit);
            }
        }
    }

    #[test]
    fn what_is_being_added_counts() {
        let rates = Rates::default();
        assert_eq!((rates.count(KEY, 0, 2), rates.count(KEY, 0, 2)), (Count::Share(1), Count::Share(1)));
        assert_eq!(rates.count(KEY, 0, 2), Count::Over);
        // The second is answered first.
        rates.settle(KEY, 0, 1, Some(2));
        rates.settle(KEY, 0, 1, Some(1));
        assert_eq!(rates.count(KEY, 0, 2), Count::Over);
        // An answer that comes after the minute says nothing of the next.
        assert_eq!(rates.count(KEY, 1, 2), Count::Share(1));
        rates.settle(KEY, 0, 1, Some(50));
        assert_eq!(rates.count(KEY, 1, 2), Count::Share(1));
    }

    #[test]
    fn keys_of_minutes_that_are_over_are_forgotten() {
        let rates = Rates::default();
        for id in 0..CAPACITY as u128 {
            rates.count(Uuid::from_u128(id), 0, 100);
        }
        rates.count(KEY, 1, 100);
        assert_eq!(rates.windows().len(), 1);
    }
}
