//! `millrace cost`: what it counts, what it makes of that, and that `docs/cost.md` is what it prints.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, reason = "a failure here is a failed test")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

use serde_json::{Value as Json, json};

/// Set to `1`, the page is written instead of compared.
const UPDATE: &str = "UPDATE";

fn cost(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_millrace"))
        .arg("cost")
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

fn printed(arguments: &[&str]) -> String {
    let ended = cost(arguments);
    assert!(ended.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&ended.stderr));
    String::from_utf8(ended.stdout).unwrap()
}

fn asked(arguments: &[&str]) -> Json {
    serde_json::from_str(&printed(&[&["--json"], arguments].concat())).unwrap()
}

/// The usual terms, counted once for all tests.
fn usual() -> &'static Json {
    static USUAL: OnceLock<Json> = OnceLock::new();
    USUAL.get_or_init(|| asked(&[]))
}

fn total(of: &Json) -> f64 {
    of["total"].as_f64().unwrap()
}

fn part(cost: &Json, name: &str) -> f64 {
    let parts = cost["usd_per_million"]["parts"].as_array().unwrap();
    parts.iter().find(|part| part["name"] == name).unwrap()["usd"].as_f64().unwrap()
}

/// A step: requests to DynamoDB, write units, read units, requests to SQS, without what is noise of the arithmetic.
fn step(name: &str) -> [f64; 4] {
    let step = &usual()["counted"][name];
    ["dynamodb_requests", "write_units", "read_units", "sqs_requests"]
        .map(|count| step[count].as_f64().unwrap_or_else(|| panic!("{name}: {step}")))
        .map(|count| (count * 1e9).round() / 1e9)
}

/// A file in a folder that goes with it.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str, text: &str) -> Self {
        let file = std::env::temp_dir().join(format!("millrace-cost-{}-{name}", std::process::id()));
        std::fs::write(&file, text).unwrap();
        Self(file)
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

#[test]
fn the_page_is_what_the_command_prints() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/cost.md");
    let page = printed(&["--markdown"]);
    if std::env::var(UPDATE).is_ok_and(|update| update == "1") {
        return std::fs::write(file, page).unwrap();
    }
    let kept = std::fs::read_to_string(file).unwrap_or_default();
    let differing = kept.lines().zip(page.lines()).find(|(kept, printed)| kept != printed);
    assert!(kept == page, "docs/cost.md is old: UPDATE=1 cargo test --test cost writes it. {differing:#?}");
}

#[test]
fn each_step_asks_for_what_it_must() {
    // The flow is read; input, row with two index entries, message.
    assert_eq!(step("a call with `\"sync\": false`"), [3.0, 4.0, 1.0, 1.0]);
    assert_eq!(step("a poll"), [1.0, 0.0, 1.0, 0.0]);
    // 25 requests are added at once.
    assert_eq!(step("the limit of a key, for each request"), [0.04, 0.04, 0.0, 0.0]);
    // Taken and given back.
    assert_eq!(step("a slot, within a batch")[..2], [2.0, 2.0]);
    // Lease, slot and progress, and the message's visibility.
    assert_eq!(step("a heartbeat of a task"), [3.0, 3.0, 0.0, 1.0]);
    assert_eq!(step("the put of a sum of the day"), [1.0, 1.0, 0.0, 0.0]);
    // Sixteen shards, half a unit each.
    assert_eq!(step("a sweep that finds nothing"), [16.0, 0.0, 8.0, 0.0]);
    // A record for each effect, and nothing else less.
    let (kept, off) = (step("a batch of 1, journal effects"), step("a batch of 1, journal off"));
    assert!(kept[1] > off[1], "{kept:?} {off:?}");
    assert_eq!(kept[0] - off[0], kept[1] - off[1]);
}

#[test]
fn metrics_are_counted_by_name_and_dimensions() {
    // Eight of tasks; tasks by three states and in all; cold starts by three functions and in all.
    assert_eq!(usual()["metrics"], 8 + 4 + 4);
}

#[test]
fn a_sum_is_that_of_its_parts() {
    for sum in ["usd_per_million", "usd_per_month"] {
        let bill = &usual()[sum];
        let parts = bill["parts"].as_array().unwrap();
        let sum: f64 = parts.iter().map(|part| part["usd"].as_f64().unwrap()).sum();
        assert!(parts.len() > 5 && (sum - total(bill)).abs() < 1e-9, "{bill}");
    }
}

#[test]
fn a_price_that_changes_changes_its_part_alone() {
    let prices = Scratch::new("prices", r#"{"aws": {"dynamodb_write_unit": 0.00000125}}"#);
    let dearer = asked(&["--prices", prices.path()]);
    let name = "DynamoDB, writes";
    assert!((part(&dearer, name) - 2.0 * part(usual(), name)).abs() < 1e-9);
    let more = total(&dearer["usd_per_million"]) - total(&usual()["usd_per_million"]);
    assert!((more - part(usual(), name)).abs() < 1e-9);
    assert_eq!(dearer["usd_per_month"], usual()["usd_per_month"]);
    let even = |cost: &Json| cost["always_on"][0]["break_even_tasks"].as_f64().unwrap();
    assert!(even(&dearer) < even(usual()));
}

#[test]
fn terms_change_what_they_are_about() {
    let name = "Lambda, time of the worker";
    let longer = asked(&["--wait", "20", "--memory", "512", "--front", "function-url", "--metrics", "0"]);
    let times = part(&longer, name) / part(usual(), name);
    assert!((3.9..4.1).contains(&times), "twice the time and twice the memory: {times}");
    assert_eq!(part(&longer, "HTTP API"), 0.0);
    assert_eq!(longer["billed_per_task"]["heartbeats"], 1.0, "one every 12 s");
    let metrics = 0.3 * usual()["metrics"].as_f64().unwrap();
    let fixed = total(&usual()["usd_per_month"]) - total(&longer["usd_per_month"]);
    assert!((fixed - metrics).abs() < 1e-9, "{fixed}");
    let sync = asked(&["--sync"]);
    assert_eq!(part(&sync, "SQS"), 0.0);
    assert_eq!(part(&sync, name), 0.0);
    assert!(part(&sync, "Lambda, time of the api") > part(usual(), name));
}

#[test]
fn what_cannot_be_is_refused_and_named() {
    let (broken, unknown) =
        (Scratch::new("broken", "{"), Scratch::new("unknown", &json!({"aws": {"azure": 1}}).to_string()));
    for (arguments, named) in [
        (&["--wait", "0"][..], "--wait"),
        (&["--wait", "841"], "0.001 to 840"),
        (&["--batch", "11"], "1..=10"),
        (&["--polls=-1"], "--polls"),
        (&["--polls", "many"], "0 to 10000"),
        (&["--memory", "127"], "128..=10240"),
        (&["--journal", "paper"], "effects"),
        (&["--front", "alb"], "function-url"),
        (&["--architecture", "mips"], "arm64"),
        (&["--metrics", "10001"], "0..=10000"),
        (&["--prices", "/nowhere/prices.json"], "/nowhere/prices.json"),
        (&["--prices", broken.path()], "not JSON"),
        (&["--prices", unknown.path()], "no price azure"),
        (&["--json", "--markdown"], "--markdown"),
        (&["--sync", "--wait", "28"], "28 s"),
    ] {
        let ended = cost(arguments);
        let said = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert!(!ended.status.success() && said.contains(named), "{arguments:?}: {said}");
        assert!(ended.stdout.is_empty(), "{arguments:?}");
    }
}
