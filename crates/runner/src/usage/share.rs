//! A task's share of its process's time.
//!
//! Lambda bills the time of an invocation, whatever runs in it. Where *n* runs wait side by side, each has an *n*-th of the
//! time: a clock goes forward by `dt / n`, and a run's share is how far that clock went while it ran. **The shares of
//! what ran in an invocation add up to the time in which anything ran.**

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// The clock of one process.
#[derive(Debug, Default)]
pub(crate) struct Shares(Mutex<Clock>);

#[derive(Debug, Default)]
struct Clock {
    running: u32,
    /// How far the shared clock went.
    shared: Duration,
    /// When that was.
    at: Option<Instant>,
}

impl Clock {
    fn advance(&mut self) -> Duration {
        let now = Instant::now();
        let gone = self.at.map_or(Duration::ZERO, |at| now.saturating_duration_since(at));
        self.shared += gone.checked_div(self.running).unwrap_or_default();
        self.at = Some(now);
        self.shared
    }
}

impl Shares {
    /// One more runs, until its ticket is dropped.
    pub fn enter(self: &Arc<Self>) -> Ticket {
        let mut clock = self.clock();
        let began = clock.advance();
        clock.running += 1;
        drop(clock);
        Ticket { shares: self.clone(), began }
    }

    fn clock(&self) -> MutexGuard<'_, Clock> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One run.
#[derive(Debug)]
pub(crate) struct Ticket {
    shares: Arc<Shares>,
    began: Duration,
}

impl Ticket {
    /// Its share so far.
    pub fn so_far(&self) -> Duration {
        self.shares.clock().advance() - self.began
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut clock = self.shares.clock();
        clock.advance();
        clock.running -= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn seconds(n: u64) {
        tokio::time::sleep(Duration::from_secs(n)).await;
    }

    #[tokio::test(start_paused = true)]
    async fn shares_add_up_to_the_time_in_which_anything_ran() {
        let shares = Arc::new(Shares::default());
        let first = shares.enter();
        seconds(4).await;
        let second = shares.enter();
        seconds(6).await;
        assert_eq!((first.so_far().as_secs(), second.so_far().as_secs()), (7, 3));
        drop(first);
        seconds(5).await;
        assert_eq!(second.so_far().as_secs(), 8);
        drop(second);
        seconds(100).await;
        let third = shares.enter();
        seconds(1).await;
        assert_eq!(third.so_far().as_secs(), 1, "time in which nothing ran is nobody's");
    }
}
