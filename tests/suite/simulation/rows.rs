//! The rows of the matrix, a test each, and what makes their failures worth reading.

use std::env;

use super::fault::{Plan, When};
use super::matrix;
use super::play::{Played, play};
use super::scenario::Scenario;

/// How many failures of a scenario are shown.
const SHOWN: usize = 3;
/// The most seeds that a scenario is played with unless the environment asks for more.
const MOST: u64 = 100;

macro_rules! rows {
    ($($name:ident: $row:literal),* $(,)?) => {
        $(
            #[test]
            fn $name() {
                row($row);
            }
        )*

        /// Every row that has scenarios has a test.
        #[test]
        fn every_row_is_played() {
            let played = [$($row),*];
            for number in 0..=u8::MAX {
                assert_eq!(played.contains(&number), !matrix::row(number).is_empty(), "row {number}");
            }
        }
    };
}

rows! {
    mixes: 0,
    row_01: 1,
    row_02: 2,
    row_03: 3,
    row_04: 4,
    row_05: 5,
    row_06: 6,
    row_07: 7,
    row_08: 8,
    row_09: 9,
    row_10: 10,
    row_11: 11,
    row_12: 12,
    row_13: 13,
    row_14: 14,
    row_15: 15,
    row_16: 16,
    row_17: 17,
    row_18: 18,
    row_19: 19,
    row_20: 20,
    row_21: 21,
    row_22: 22,
    row_23: 23,
    row_24: 24,
    row_26: 26,
    row_27: 27,
    row_28: 28,
    row_29: 29,
    row_30: 30,
    row_31: 31,
    row_32: 32,
    row_34: 34,
    row_35: 35,
    row_36: 36,
    row_37: 37,
    row_38: 38,
    row_39: 39,
}

/// The same seed is the same run, to the letter: twice, and while another thread plays too.
#[test]
fn a_seed_is_a_run() {
    let runs = || {
        let scenarios: Vec<_> = [0, 1, 10, 13, 26, 38].into_iter().flat_map(matrix::row).collect();
        let hashes =
            scenarios.iter().flat_map(|scenario| (0..3).map(|seed| play(scenario, seed, Some(30)).hash));
        hashes.collect::<Vec<_>>()
    };
    let beside = std::thread::spawn(runs);
    let (here, there) = (runs(), beside.join().unwrap());
    assert_eq!(here, there);
    let distinct: std::collections::BTreeSet<_> = here.iter().collect();
    assert!(distinct.len() > here.len() / 2, "other seeds are other runs");
}

/// What is broken is found: a run that shows no fault says that there is none to be seen.
#[test]
fn what_is_broken_is_found() {
    type Breakage = (&'static str, u8, fn(&mut Scenario));
    let breakages: [Breakage; 5] = [
        ("a table that heeds no conditions, and messages that come twice", 7, |s| s.setting.heeds = false),
        ("a table that heeds no conditions, and workers that stand still", 13, |s| s.setting.heeds = false),
        ("no recovery, and a worker that dies", 8, |s| s.setting.sweeps = false),
        ("no recovery, and an api that dies", 2, |s| s.setting.sweeps = false),
        ("no recovery, and messages that die", 18, |s| s.setting.sweeps = false),
    ];
    for (about, row, breakage) in breakages {
        let mut scenario = matrix::row(row).remove(0);
        breakage(&mut scenario);
        let boundaries = boundaries(&scenario);
        let found = (0..12).any(|seed| !play(&scenario, seed, boundaries).faults.is_empty());
        assert!(found, "not found: {about}");
    }
}

/// Plays all scenarios of a row, or the one run that the environment names.
fn row(number: u8) {
    let only = |name: &str| env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    if only("MILLRACE_ROW").is_some_and(|row| row != u64::from(number)) {
        return;
    }
    let scenarios = matrix::row(number);
    let mut failures = Vec::new();
    for (index, scenario) in scenarios.iter().enumerate() {
        if only("MILLRACE_SCENARIO").is_some_and(|scenario| scenario != index as u64) {
            continue;
        }
        let boundaries = boundaries(scenario);
        let seeds = match (only("MILLRACE_SEED"), only("MILLRACE_SEEDS")) {
            (Some(seed), _) => seed..seed + 1,
            (None, seeds) => 0..seeds.unwrap_or_else(|| enough(scenario, boundaries)),
        };
        let started = std::time::Instant::now();
        let mut found = Vec::new();
        let (mut strikes, count) = (0, seeds.end - seeds.start);
        for seed in seeds {
            let played = play(scenario, seed, boundaries);
            strikes += played.strikes;
            if !played.faults.is_empty() {
                found.push(failure((number, index), scenario, seed, &played));
            }
            if env::var("MILLRACE_SEED").is_ok() {
                println!("{}", played.transcript);
            }
        }
        println!(
            "row {number}, {}: {count} seeds, {strikes} faults, boundaries {boundaries:?}, {} failures, {:?}",
            scenario.about,
            found.len(),
            started.elapsed()
        );
        if !scenario.rules.is_empty() && count > 1 {
            assert!(strikes > 0, "{}: nothing went wrong", scenario.about);
        }
        failures.extend(found.into_iter().take(SHOWN));
    }
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

/// How many seeds are enough for every day: each call is hit by each fault once, where that is a matter of seeds.
fn enough(scenario: &Scenario, boundaries: Option<usize>) -> u64 {
    match boundaries {
        Some(boundaries) => (Plan::turns(&scenario.rules, boundaries) as u64).min(MOST),
        None => scenario.seeds,
    }
}

/// How many calls there are for a rule that makes each of them go wrong in turn: counted in a run without it.
fn boundaries(scenario: &Scenario) -> Option<usize> {
    let each = scenario.rules.iter().any(|rule| matches!(rule.when, When::Each));
    each.then(|| play(scenario, 0, None).boundaries)
}

fn failure((row, index): (u8, usize), scenario: &Scenario, seed: u64, played: &Played) -> String {
    let Played { faults, transcript, .. } = played;
    let again = format!("MILLRACE_SEED={seed} MILLRACE_ROW={row} MILLRACE_SCENARIO={index}");
    let lines: Vec<_> = transcript.lines().collect();
    let shown = lines.len().saturating_sub(120);
    format!(
        "{}: {}\n{again} cargo test -p millrace-tests simulation -- --nocapture\n{}",
        scenario.about,
        faults.join("\n  "),
        lines[shown..].join("\n")
    )
}
