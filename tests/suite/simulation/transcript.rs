//! What happened, a line each, with ids that read well and are the same in every run.

use std::collections::HashMap;
use std::time::Duration;

use sha2::{Digest, Sha256};

use super::call::{Call, Service};

/// The lines of a run.
#[derive(Default)]
pub struct Transcript {
    lines: Vec<String>,
    names: HashMap<String, usize>,
}

impl Transcript {
    /// Adds a line: when, who, what, and what came of it.
    pub fn add(&mut self, at: Duration, who: &str, what: &str, outcome: &str) {
        let what = self.renamed(what);
        let line = format!("{:9.3} {who:<9} {what:<44} {outcome}", at.as_secs_f64());
        self.lines.push(line.trim_end().to_owned());
    }

    /// All lines.
    pub fn text(&self) -> String {
        self.lines.join("\n") + "\n"
    }

    /// A digest of all lines.
    pub fn hash(&self) -> String {
        let digest = Sha256::digest(self.text());
        digest[..8].iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The text with `1`, `2`… for ids, in the order in which they appeared.
    fn renamed(&mut self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(at) = (0..rest.len()).find(|at| is_uuid(&rest.as_bytes()[*at..])) {
            let next = self.names.len() + 1;
            let number = *self.names.entry(rest[at..at + 36].to_owned()).or_insert(next);
            out.push_str(&rest[..at]);
            out.push_str(&number.to_string());
            rest = &rest[at + 36..];
        }
        out + rest
    }
}

fn is_uuid(bytes: &[u8]) -> bool {
    bytes.len() >= 36
        && bytes[..36].iter().enumerate().all(|(index, byte)| match index {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

/// A call as a transcript shows it.
pub fn shown(call: &Call) -> String {
    let Call { service, operation, place, row } = call;
    let row = match (service, call.task()) {
        (Service::Table, Some(task)) => format!("{task}/{row}"),
        (Service::Table, None) => kind_of(place).to_owned(),
        (_, Some(task)) => format!("{place} {task}"),
        (_, None) => format!("{place} {row}"),
    };
    format!("{operation} {}", row.trim_end())
}

/// What rows of this partition are.
fn kind_of(place: &str) -> &str {
    match place.split('#').next().unwrap_or(place) {
        "K" | "KT" => "key",
        "F" => "flow",
        "S" => "session",
        "I" => "idempotency",
        "C" => "slot",
        "W" => "callback secret",
        _ => place,
    }
}
