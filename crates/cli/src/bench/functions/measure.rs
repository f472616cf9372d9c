//! Starts a function again and again, and notes how long it takes and how large it grows.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use millrace_local::{Function, Process};

use super::world::{Subject, World};
use crate::args::BenchFunctions;

/// Between two events: what an extension does after an answer is no part of the next one's time.
const PAUSE: Duration = Duration::from_millis(5);

/// What was noted: milliseconds, and megabytes of memory.
#[derive(Debug, Default)]
pub(super) struct Samples {
    /// From exec to the first poll of the Runtime API.
    pub(super) first_poll: Vec<f64>,
    /// From exec to the answer to the first event, which waits already.
    pub(super) first_answer: Vec<f64>,
    /// From a further event to its answer.
    pub(super) warm_answer: Vec<f64>,
    /// The most memory that was resident, after all events.
    pub(super) memory: Vec<f64>,
}

/// Median, least and most.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Spread {
    pub(super) median: f64,
    pub(super) min: f64,
    pub(super) max: f64,
}

impl Spread {
    /// Of samples in any order; `None` of none.
    pub(super) fn of(samples: &[f64]) -> Option<Self> {
        let mut sorted = samples.to_vec();
        sorted.sort_by(f64::total_cmp);
        let (min, max) = (*sorted.first()?, *sorted.last()?);
        let (low, high) = (sorted.get((sorted.len() - 1) / 2)?, sorted.get(sorted.len() / 2)?);
        Some(Self { median: f64::midpoint(*low, *high), min, max })
    }
}

/// Starts the binary `runs` times; each start answers one event and then `warm` further ones.
pub(super) async fn samples(
    world: &World,
    subject: Subject,
    binary: &Path,
    args: &BenchFunctions,
) -> Result<Samples> {
    let mut samples = Samples::default();
    for _ in 0..args.runs {
        let process = Process::new(world.config(subject, binary));
        let outcome = one(world, subject, &process, args.warm, &mut samples).await;
        process.stop().await;
        outcome?;
    }
    Ok(samples)
}

async fn one(
    world: &World,
    subject: Subject,
    process: &Process,
    warm: u32,
    samples: &mut Samples,
) -> Result<()> {
    let event = world.event(subject).await?;
    // The first event starts the process.
    let began = Instant::now();
    let answer = process.invoke(event).await?;
    samples.first_answer.push(milliseconds(began.elapsed()));
    World::check(subject, &answer)?;
    samples.first_poll.extend(process.start_times().into_iter().map(milliseconds));
    for _ in 0..warm {
        let event = world.event(subject).await?;
        tokio::time::sleep(PAUSE).await;
        let began = Instant::now();
        let answer = process.invoke(event).await?;
        samples.warm_answer.push(milliseconds(began.elapsed()));
        World::check(subject, &answer)?;
    }
    let pid = *process.pids().first().context("the function ended")?;
    samples.memory.push(peak_memory(pid)?);
    Ok(())
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// `VmHWM` of a process, in megabytes of 10^6 bytes.
fn peak_memory(pid: u32) -> Result<f64> {
    let path = format!("/proc/{pid}/status");
    let status = std::fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
    high_water(&status).with_context(|| format!("{path} names no peak of the memory"))
}

fn high_water(status: &str) -> Option<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024.0 / 1e6)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_an_even_number_lies_between_two() {
        let of = |samples: &[f64]| Spread::of(samples).unwrap();
        assert_eq!(of(&[3.0, 1.0, 2.0]), Spread { median: 2.0, min: 1.0, max: 3.0 });
        assert_eq!(of(&[4.0, 1.0, 2.0, 3.0]), Spread { median: 2.5, min: 1.0, max: 4.0 });
        assert_eq!(of(&[7.0]), Spread { median: 7.0, min: 7.0, max: 7.0 });
        assert_eq!(Spread::of(&[]), None);
    }

    #[test]
    fn the_peak_is_read_where_the_system_says_it() {
        let status = "Name:\tapi\nVmPeak:\t  900000 kB\nVmHWM:\t   20000 kB\nVmRSS:\t   19000 kB\n";
        assert_eq!(high_water(status), Some(20.48));
        assert_eq!(high_water("Name:\tapi\n"), None);
        assert!(peak_memory(std::process::id()).unwrap() > 1.0);
    }
}
