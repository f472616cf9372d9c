//! Crashes and recoveries as they are read: transcripts that are kept. `UPDATE=1` writes them anew.

use std::path::Path;

use super::fault::Fault::{CrashAfter, CrashBefore, PauseBefore};
use super::fault::{Calls, Fault, Rule, When, of};
use super::flows::Drawn::{self, Chain};
use super::play::play;
use super::process::Kind::{Api, Worker};
use super::scenario::{Scenario, calls};
use super::setting::Setting;

/// Name, what is run, which call goes wrong, and how.
const KEPT: [(&str, Drawn, Calls, When, &[Fault]); 5] = [
    ("row_before_send", Chain(1), of(Api).that("SendMessage", "tasks"), When::First(1), &[CrashBefore]),
    ("effect_before_record", Chain(1), of(Worker).that("PutItem", "J#"), When::Nth(1), &[CrashBefore]),
    ("between_records", Chain(2), of(Worker).that("PutItem", "J#"), When::Nth(1), &[CrashAfter]),
    ("result_before_state", Chain(1), of(Worker).that("PutItem", "RESULT"), When::First(1), &[CrashAfter]),
    ("paused_past_lease", Chain(2), of(Worker).that("PutItem", "J#"), When::Nth(1), &[PauseBefore(90)]),
];

#[test]
fn crashes_are_recovered_as_written() {
    for (name, flow, which, when, faults) in KEPT {
        let wordy = if name == "result_before_state" { 3_000 } else { 0 };
        let rule = Rule { calls: which, when, faults };
        let scenario = Scenario::new(0, name, calls(flow), vec![rule])
            .setting(Setting { wordy, ..Setting::STEADY })
            .refuses();
        let played = play(&scenario, 7, None);
        assert!(
            played.faults.is_empty() && played.strikes == 1,
            "{name}: {:?}\n{}",
            played.faults,
            played.transcript
        );
        compare(name, &readable(&played.transcript));
    }
}

/// Without the sweeper's looks into the index, sixteen in a row.
fn readable(transcript: &str) -> String {
    let lines = transcript.lines().filter(|line| !line.contains("Query open#"));
    lines.collect::<Vec<_>>().join("\n") + "\n"
}

fn compare(name: &str, transcript: &str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("suite/simulation/transcripts");
    let path = folder.join(format!("{name}.txt"));
    if std::env::var("UPDATE").is_ok() {
        std::fs::create_dir_all(folder).unwrap();
        std::fs::write(&path, transcript).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == transcript, "{name} is no longer as it was kept:\n{transcript}");
}
