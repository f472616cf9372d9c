//! What reads text and files that others wrote, fed with anything.
//!
//! A [`Target`] is a function of bytes that must neither panic nor overflow its stack, and must keep within its
//! [`Limits`] of time and memory; where something is known about the answer, it checks that too. Two engines feed it:
//! `tests/replay.rs` replays the corpus and mutates it without a compiler's help, and `src/main.rs` is guided by
//! coverage.

pub mod budget;
pub mod mutate;
pub mod panics;
pub mod seeds;
mod targets;

pub use targets::TARGETS;

/// Something that is fed.
#[derive(Clone, Copy)]
pub struct Target {
    /// Its name, and that of its folder in `corpus/`.
    pub name: &'static str,
    /// What is done with an input. A panic is a finding.
    pub run: fn(&[u8]),
    /// What an input may cost.
    pub limits: Limits,
    /// Words that its inputs are made of.
    pub words: &'static [&'static str],
    /// Where inputs lie beside the corpus, from the workspace's root: files, or folders with the ending of those that
    /// count. Those in `../shared` may be missing.
    pub seeds: &'static [&'static str],
}

/// What one input may cost.
#[derive(Clone, Copy)]
pub struct Limits {
    /// Bytes of an input at most.
    pub bytes: usize,
    /// Milliseconds of processor time in an optimised build.
    pub millis: u64,
    /// MiB at any time.
    pub mebibytes: usize,
}

impl Target {
    /// A target with the usual limits.
    pub const fn of(name: &'static str, run: fn(&[u8])) -> Self {
        let limits = Limits { bytes: 32 << 10, millis: 1_000, mebibytes: 256 };
        Self { name, run, limits, words: &[], seeds: &[] }
    }

    /// With words.
    pub const fn words(self, words: &'static [&'static str]) -> Self {
        Self { words, ..self }
    }

    /// With seeds.
    pub const fn seeds(self, seeds: &'static [&'static str]) -> Self {
        Self { seeds, ..self }
    }

    /// With other limits.
    pub const fn limits(self, bytes: usize, millis: u64, mebibytes: usize) -> Self {
        Self { limits: Limits { bytes, millis, mebibytes }, ..self }
    }

    /// The target of a name.
    pub fn named(name: &str) -> Option<&'static Self> {
        TARGETS.iter().find(|target| target.name == name)
    }

    /// Runs one input within the limits.
    ///
    /// # Panics
    /// As the target does, or beyond a limit.
    pub fn feed(&self, input: &[u8]) {
        let input = &input[..input.len().min(self.limits.bytes)];
        budget::within(self.limits, || (self.run)(input));
        assert!(!panics::was_ours(), "a panic in our own code was caught");
    }
}
