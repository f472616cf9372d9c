//! Where the queues' time comes from.

use std::time::{SystemTime, UNIX_EPOCH};

/// A point in time: milliseconds since 1970-01-01T00:00:00Z.
pub type Millis = u64;

/// A source of the current time.
pub trait Clock: Send + Sync + 'static {
    /// Milliseconds since 1970.
    fn now(&self) -> Millis;
}

/// The computer's clock.
#[derive(Debug, Default, Clone, Copy)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Millis {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since.as_millis()).unwrap_or(Millis::MAX)
    }
}

/// Tokio's time, counted from an epoch: under a paused runtime it moves only when every task waits.
#[derive(Debug, Clone, Copy)]
pub struct VirtualClock {
    epoch: Millis,
    started: tokio::time::Instant,
}

impl VirtualClock {
    /// A clock that shows `epoch` now. Must be called inside the runtime whose time it follows.
    pub fn starting_at(epoch: Millis) -> Self {
        Self { epoch, started: tokio::time::Instant::now() }
    }
}

impl Clock for VirtualClock {
    fn now(&self) -> Millis {
        self.epoch + u64::try_from(self.started.elapsed().as_millis()).unwrap_or(Millis::MAX)
    }
}
