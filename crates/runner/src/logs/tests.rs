use std::io::{Result, Write};
use std::sync::{Arc, Mutex};

use serde_json::{Value as Json, json};
use tracing::subscriber::with_default;

use super::*;

/// Keeps what is logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> Result<()> {
        Ok(())
    }
}

/// The lines that `say` has logged under this filter.
fn logged(filter: &str, say: impl FnOnce()) -> Vec<Json> {
    let log = Log::default();
    let writer = log.clone();
    with_default(subscriber(filter, move || writer.clone()).unwrap(), say);
    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn only_fields_of_the_list_are_logged() {
    let lines = logged("trace", || {
        tracing::info!(status = 200_u16, ms = 7_u128, body = "canary", header = %"canary", query = ?"canary", "said");
    });
    assert_eq!(lines.len(), 1);
    assert_eq!(lines[0]["fields"], json!({"message": "said", "status": 200, "ms": 7}));
    assert_eq!(
        (&lines[0]["level"], &lines[0]["target"]),
        (&json!("INFO"), &json!("millrace_runner::logs::tests"))
    );
    assert!(lines[0]["timestamp"].as_str().unwrap().parse::<jiff::Timestamp>().is_ok());
    assert!(FIELDS.is_sorted());
}

#[test]
fn values_are_short_and_on_one_line() {
    let lines = logged("info", || {
        tracing::info!(what = "a\nb".repeat(1_000), kind = ?"ü".repeat(1_000), "said");
    });
    assert_eq!(lines.len(), 1);
    for field in ["what", "kind"] {
        assert_eq!(lines[0]["fields"][field].as_str().unwrap().chars().count(), 256, "{field}");
    }
}

#[test]
fn the_lines_of_a_call_name_its_request_and_its_task() {
    let lines = logged("warn", || {
        let call = tracing::error_span!("call", request_id = "r-1", secret = "canary");
        let _call = call.enter();
        let task = tracing::error_span!("task", task_id = "t-1", request_id = tracing::field::Empty);
        let _task = task.enter();
        tracing::warn!("inside");
        task.record("request_id", "r-2");
        tracing::warn!(task_id = "t-2", "its own word counts");
    });
    let fields: Vec<&Json> = lines.iter().map(|line| &line["fields"]).collect();
    assert_eq!(fields[0], &json!({"message": "inside", "task_id": "t-1", "request_id": "r-1"}));
    assert_eq!(fields[1], &json!({"message": "its own word counts", "task_id": "t-2", "request_id": "r-2"}));
}

/// Whatever the variable says: bodies and headers pass through these crates.
#[test]
fn other_crates_are_capped_and_never_quoted() {
    for filter in ["trace", "debug", "hyper=trace,aws_smithy_runtime=trace,info", "info,[{status}]=trace"] {
        let lines = logged(filter, || {
            tracing::trace!(target: "hyper::proto", status = 1, "canary");
            tracing::debug!(target: "aws_smithy_runtime::client", error = "canary", "canary");
            tracing::info!(target: "lambda_runtime", error = "canary", requestId = "id", "canary");
            tracing::debug!(target: "millrace_store::tasks", status = 1, "ours");
        });
        assert!(!json!(lines).to_string().contains("canary"), "{lines:?}");
        let foreign: Vec<&Json> =
            lines.iter().filter(|line| !line["target"].as_str().unwrap().starts_with("millrace")).collect();
        assert_eq!(foreign.len(), 1, "{filter}: {lines:?}");
        assert_eq!(foreign[0]["fields"]["requestId"], "id");
        assert!(foreign[0]["fields"]["message"].as_str().unwrap().starts_with("tests.rs:"));
    }
    let lines = logged("info", || tracing::debug!(target: "millrace_store", "not wanted"));
    assert!(lines.is_empty());
    assert!(subscriber("no=filter=at=all", io::stdout).is_err());
}

/// Rust's own report quotes the text that a slice was taken of.
#[test]
fn a_panic_is_told_without_what_it_was_about() {
    let lines = logged("info", || {
        let rust_s = panic::take_hook();
        panic::set_hook(Box::new(tell_panic));
        let text = String::from("canary ü");
        let _ = panic::catch_unwind(|| text[..8].len());
        let _ = panic::catch_unwind(|| panic!("a literal"));
        panic::set_hook(rust_s);
    });
    assert!(!json!(lines).to_string().contains("canary"), "{lines:?}");
    assert_eq!(
        (&lines[0]["fields"]["message"], &lines[0]["fields"]["file"]),
        (&json!("a panic"), &json!("tests.rs"))
    );
    assert!(lines[0]["fields"].get("what").is_none());
    assert_eq!(lines[1]["fields"]["what"], "a literal");
}
