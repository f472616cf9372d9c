//! Time and randomness, from one place.

use jiff::Timestamp;

/// What is not deterministic: time and randomness. The simulation brings its own.
pub trait Host: Send + Sync + 'static {
    /// The current time.
    fn now(&self) -> Timestamp;

    /// Fills `buf` with unpredictable bytes; ids and secrets are made of them.
    fn random(&self, buf: &mut [u8]);
}

/// The system's clock and random source.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemHost;

impl Host for SystemHost {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    #[expect(clippy::expect_used, reason = "without the system's random source no secret may be made")]
    fn random(&self, buf: &mut [u8]) {
        getrandom::fill(buf).expect("the system's random source works");
    }
}
