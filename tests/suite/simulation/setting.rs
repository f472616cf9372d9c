//! What differs from run to run besides the faults.

use std::time::Duration;

use jiff::SignedDuration;

/// How the cloud and the installation of one run are set up.
#[derive(Debug, Clone)]
pub struct Setting {
    /// What an invocation of the worker may take.
    pub worker_timeout: Duration,
    /// What an invocation of the api may take.
    pub api_timeout: Duration,
    /// When environments of the worker are killed without a word, if before their timeout: seconds, least and most.
    pub killed_within: Option<(u64, u64)>,
    /// How long a received message is hidden, in seconds.
    pub visibility: u32,
    /// How often a message is received before it is a dead letter.
    pub receives: u32,
    /// How many invocations of the worker run at once.
    pub concurrency: usize,
    /// How long the way to a service and back takes, each: least and most, in ms.
    pub latency: (u64, u64),
    /// How long a model thinks: least and most, in ms.
    pub thinking: (u64, u64),
    /// How many characters of noise a model adds to its answers.
    pub wordy: usize,
    /// How long tasks are kept, if not 7 days.
    pub retention: Option<Duration>,
    /// How far the clock of a process may be off, either way, in seconds.
    pub skew: i64,
    /// Whether clocks go forth and back between their two errors.
    pub unsteady: bool,
    /// Whether recovery runs.
    pub sweeps: bool,
    /// Whether the table heeds the conditions of writes: without them nothing is right, which has to be seen.
    pub heeds: bool,
    /// How long a task may take from its first claim, if not an hour.
    pub task_timeout: Option<Duration>,
    /// How many tasks of a tenant run at once; 0 for any number.
    pub tenant_concurrency: u32,
}

impl Setting {
    /// As deployed, with ways and thoughts of varying length.
    pub const USUAL: Self = Self {
        worker_timeout: Duration::from_secs(900),
        api_timeout: Duration::from_secs(120),
        killed_within: None,
        visibility: 5_400,
        receives: 5,
        concurrency: 4,
        latency: (1, 12),
        thinking: (200, 4_000),
        wordy: 0,
        retention: None,
        skew: 0,
        unsteady: false,
        sweeps: true,
        heeds: true,
        task_timeout: None,
        tenant_concurrency: 0,
    };

    /// As deployed, with every way and thought of the same length: for transcripts that are read.
    pub const STEADY: Self = Self { latency: (2, 2), thinking: (1_000, 1_000), ..Self::USUAL };

    /// How far two clocks may be apart.
    pub fn clocks_differ_by(&self) -> Duration {
        Duration::from_secs(2 * self.skew.unsigned_abs())
    }

    /// A clock's error.
    pub fn drawn_skew(&self, dice: &mut fastrand::Rng) -> SignedDuration {
        SignedDuration::from_millis(dice.i64(-self.skew * 1000..=self.skew * 1000))
    }
}
