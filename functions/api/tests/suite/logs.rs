//! What is logged of a request.

use std::io::{Result, Write};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::cloud::{Api, event_text};

/// Where the log of this process goes.
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

#[tokio::test]
async fn a_request_is_one_line_without_what_it_carried() {
    let log = Log::default();
    let writer = log.clone();
    // For all threads: other tests of this process write here as well, under other ids.
    let subscriber = millrace_runner::logs::subscriber("trace", move || writer.clone()).unwrap();
    tracing::subscriber::set_global_default(subscriber).unwrap();

    let api = Api::start().await;
    for (id, method, path) in [
        ("first", "POST", "/api/v1/process/canary"),
        ("second", "GET", "/canary"),
        ("third", "GET", "/api/v1/process/canary"),
    ] {
        let mut event: Value = serde_json::from_str(&event_text("api-process-no-key")).unwrap();
        event["requestContext"]["requestId"] = json!(id);
        event["requestContext"]["http"]["method"] = json!(method);
        event["rawPath"] = json!(path);
        event["rawQueryString"] = json!("canary=canary&x-api-key=canary");
        event["headers"]["x-api-key"] = json!("canary");
        event["body"] = json!("{\"inputs\": \"canary\"}");
        api.event(&event.to_string()).await;
    }

    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(!text.contains("canary"), "{text}");
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for (id, route, status) in [
        ("first", "/api/v1/process/{flow_id}", 403),
        ("second", "-", 404),
        ("third", "/api/v1/process/{flow_id}", 405),
    ] {
        let ours: Vec<_> =
            lines.iter().map(|line| &line["fields"]).filter(|line| line["request_id"] == id).collect();
        assert_eq!(ours.len(), 1, "{text}");
        assert_eq!((&ours[0]["route"], &ours[0]["status"]), (&json!(route), &json!(status)));
    }
}
