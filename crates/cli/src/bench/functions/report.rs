//! The figures as a table and as JSON, beside what is aimed at.

use std::fmt::Write as _;

use serde_json::{Value as Json, json};

use super::callgrind::Instructions;
use super::measure::Spread;
use crate::args::BenchFunctions;

/// What the project aims at: milliseconds, and megabytes of 10^6 bytes.
const FIRST_POLL_MS: f64 = 10.0;
const FIRST_ANSWER_MS: f64 = 50.0;
const MEMORY_MB: f64 = 25.0;
const ZIP_MB: f64 = 10.0;

/// The figures of one function.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) name: &'static str,
    /// What it was given.
    pub(super) event: &'static str,
    pub(super) first_poll: Spread,
    pub(super) first_answer: Spread,
    pub(super) warm_answer: Spread,
    pub(super) memory: Spread,
    pub(super) bytes: u64,
    pub(super) zip_bytes: u64,
    pub(super) instructions: Option<Instructions>,
}

/// A Markdown table for each function, and what cannot be read off it.
pub(super) fn text(rows: &[Row], args: &BenchFunctions, uncounted: Option<&str>) -> String {
    let mut text = format!(
        "{} starts of each function, each with one event and {} further ones; medians, with least and most.\n",
        args.runs, args.warm
    );
    for row in rows {
        // Writing to a string does not fail.
        let _ = write!(
            text,
            "\n{}: {}\n\n| | median | min to max | target |\n|---|---|---|---|\n",
            row.name, row.event
        );
        for line in lines(row) {
            let _ = writeln!(text, "| {} |", line.join(" | "));
        }
    }
    if let Some(reason) = uncounted {
        let _ = writeln!(text, "\nInstructions were not counted: {reason}.");
    }
    text
}

fn lines(row: &Row) -> Vec<[String; 4]> {
    let mut lines = vec![
        spread("exec to first poll, ms", row.first_poll, Some(FIRST_POLL_MS)),
        spread("exec to first answer, ms", row.first_answer, Some(FIRST_ANSWER_MS)),
        spread("warm answer, ms", row.warm_answer, None),
        spread("most memory, MB", row.memory, Some(MEMORY_MB)),
        single("binary, MB", format!("{:.2}", megabytes(row.bytes)), None),
        single(
            "zip, MB",
            format!("{:.2}", megabytes(row.zip_bytes)),
            Some(verdict(megabytes(row.zip_bytes), ZIP_MB)),
        ),
    ];
    if let Some(Instructions { start, warm }) = row.instructions {
        let millions = |count: u64| format!("{:.2}", count as f64 / 1e6);
        lines.push(single("instructions to first poll, million", millions(start), None));
        lines.push(single("instructions of a warm event, million", millions(warm), None));
    }
    lines
}

fn spread(what: &str, spread: Spread, target: Option<f64>) -> [String; 4] {
    let Spread { median, min, max } = spread;
    let target = target.map(|target| verdict(median, target)).unwrap_or_default();
    [what.to_owned(), format!("{median:.2}"), format!("{min:.2} to {max:.2}"), target]
}

fn single(what: &str, value: String, target: Option<String>) -> [String; 4] {
    [what.to_owned(), value, String::new(), target.unwrap_or_default()]
}

/// The target, and whether it is kept.
fn verdict(value: f64, target: f64) -> String {
    match value <= target {
        true => format!("≤ {target}"),
        false => format!("≤ {target}, missed"),
    }
}

fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

/// The same for scripts.
pub(super) fn json(rows: &[Row], args: &BenchFunctions, uncounted: Option<&str>) -> Json {
    let spread = |Spread { median, min, max }: Spread| json!({"median": median, "min": min, "max": max});
    let functions = rows.iter().map(|row| {
        json!({
            "name": row.name,
            "event": row.event,
            "first_poll_ms": spread(row.first_poll),
            "first_answer_ms": spread(row.first_answer),
            "warm_answer_ms": spread(row.warm_answer),
            "memory_mb": spread(row.memory),
            "bytes": row.bytes,
            "zip_bytes": row.zip_bytes,
            "instructions": row.instructions.map(|Instructions { start, warm }| json!({"start": start, "warm": warm})),
        })
    });
    let targets = json!({
        "first_poll_ms": FIRST_POLL_MS,
        "first_answer_ms": FIRST_ANSWER_MS,
        "memory_mb": MEMORY_MB,
        "zip_bytes": ZIP_MB * 1e6,
    });
    json!({
        "runs": args.runs,
        "warm": args.warm,
        "functions": functions.collect::<Vec<_>>(),
        "targets": targets,
        "uncounted": uncounted,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row() -> Row {
        let spread = |median| Spread { median, min: 1.0, max: 99.0 };
        Row {
            name: "api",
            event: "a run",
            first_poll: spread(9.0),
            first_answer: spread(60.0),
            warm_answer: spread(2.0),
            memory: spread(20.0),
            bytes: 12_000_000,
            zip_bytes: 4_000_000,
            instructions: Some(Instructions { start: 5_000_000, warm: 1_500_000 }),
        }
    }

    fn args() -> BenchFunctions {
        BenchFunctions { functions: None, runs: 3, warm: 2, no_instructions: false, json: false }
    }

    #[test]
    fn a_target_that_is_missed_is_said_so() {
        let text = text(&[row()], &args(), None);
        assert!(text.contains("| exec to first poll, ms | 9.00 | 1.00 to 99.00 | ≤ 10 |"), "{text}");
        assert!(
            text.contains("| exec to first answer, ms | 60.00 | 1.00 to 99.00 | ≤ 50, missed |"),
            "{text}"
        );
        assert!(text.contains("| zip, MB | 4.00 |  | ≤ 10 |"), "{text}");
        assert!(text.contains("| instructions of a warm event, million | 1.50 |"), "{text}");
    }

    #[test]
    fn without_a_count_the_reason_is_said() {
        let row = Row { instructions: None, ..row() };
        let text = text(std::slice::from_ref(&row), &args(), Some("valgrind cannot be started"));
        assert!(text.ends_with("\nInstructions were not counted: valgrind cannot be started.\n"), "{text}");
        assert!(!text.contains("million"), "{text}");
        let json = json(&[row], &args(), Some("none"));
        assert_eq!(json["functions"][0]["instructions"], Json::Null);
        assert_eq!(
            (&json["uncounted"], &json["targets"]["zip_bytes"]),
            (&json!("none"), &json!(10_000_000.0))
        );
    }
}
