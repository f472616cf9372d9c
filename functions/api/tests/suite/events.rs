//! Every event of the API that the project keeps has an answer.

use std::collections::BTreeSet;

use crate::cloud::{Api, event_text};

/// The flow id that the events speak of.
const FLOW: &str = "7b9d1f52-3c1e-4a57-9d0a-51a4d3f0c2aa";

/// Which flow stands under that id.
#[derive(Clone, Copy)]
enum Flow {
    None,
    /// A 0.x flow; it would call a model, so that it is only queued.
    Chat,
    /// A 1.x flow that answers with its input.
    Echo,
}

const CASES: [(&str, Flow, u64); 51] = [
    ("api-callback-secret", Flow::None, 200),
    ("api-docs", Flow::None, 200),
    ("api-flows-batch", Flow::None, 201),
    ("api-flows-create", Flow::None, 201),
    ("api-flows-create-chat", Flow::None, 201),
    ("api-flows-delete", Flow::Chat, 200),
    ("api-flows-download", Flow::Chat, 200),
    ("api-flows-get", Flow::Chat, 200),
    ("api-flows-list", Flow::Chat, 200),
    ("api-flows-patch", Flow::Chat, 200),
    ("api-flows-upload", Flow::None, 201),
    ("api-health", Flow::None, 200),
    ("api-key-create", Flow::None, 200),
    ("api-key-create-scoped", Flow::None, 200),
    ("api-key-delete", Flow::None, 404),
    ("api-key-list", Flow::None, 200),
    ("api-key-rotate", Flow::None, 404),
    ("api-not-found", Flow::None, 404),
    ("api-openapi", Flow::None, 200),
    ("api-predict", Flow::None, 404),
    ("api-process-async", Flow::None, 404),
    ("api-process-async", Flow::Chat, 200),
    ("api-process-batch", Flow::None, 404),
    ("api-process-function-url", Flow::None, 404),
    ("api-process-idempotent", Flow::None, 404),
    ("api-process-idempotent", Flow::Chat, 200),
    ("api-process-key-in-query", Flow::None, 404),
    ("api-process-malformed", Flow::Chat, 422),
    ("api-process-no-key", Flow::Chat, 403),
    ("api-process-preload", Flow::None, 404),
    ("api-process-preload", Flow::Chat, 200),
    ("api-process-sync", Flow::None, 404),
    ("api-process-variable", Flow::None, 404),
    ("api-process-variable", Flow::Chat, 200),
    ("api-run", Flow::None, 404),
    ("api-run", Flow::Echo, 200),
    ("api-run-stream", Flow::Echo, 200),
    ("api-task", Flow::None, 404),
    ("api-task-cancel", Flow::None, 404),
    ("api-task-cancel-post", Flow::None, 404),
    ("api-task-retry", Flow::None, 404),
    // Nothing is waited for that is not there.
    ("api-task-wait", Flow::None, 404),
    ("api-tasks-list", Flow::None, 200),
    ("api-upload", Flow::None, 404),
    ("api-upload", Flow::Chat, 201),
    ("api-usage", Flow::None, 200),
    ("api-variable-create", Flow::None, 201),
    ("api-variable-delete", Flow::None, 404),
    ("api-variable-list", Flow::None, 200),
    ("api-variable-update", Flow::None, 404),
    ("api-version", Flow::None, 200),
];

#[tokio::test]
async fn events_have_their_answers() {
    for (name, flow, status) in CASES {
        let api = Api::start().await;
        let mut event = event_text(name);
        match flow {
            Flow::None => {}
            Flow::Chat => event = event.replace(FLOW, &api.create("api-flows-create").await),
            Flow::Echo => event = event.replace(FLOW, &api.create("api-flows-create-chat").await),
        }
        let answer = api.event(&event).await;
        assert_eq!(answer["statusCode"], status, "{name}: {}", answer["body"]);
        assert_eq!(answer["isBase64Encoded"], false, "{name}");
    }
}

#[test]
fn no_event_is_forgotten() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../events");
    let files =
        std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
    let names: BTreeSet<_> = files.filter_map(|name| Some(name.strip_suffix(".json")?.to_owned())).collect();
    let kept: BTreeSet<_> =
        names.iter().map(String::as_str).filter(|name| name.starts_with("api-")).collect();
    let used: BTreeSet<_> = CASES.iter().map(|(name, _, _)| *name).collect();
    assert_eq!(kept, used);
}

#[tokio::test]
async fn what_is_no_request_is_no_answer() {
    let api = Api::start().await;
    assert!(millrace_api::handle(api.router(), b"{}").await.is_err());
    // A host that cannot stand in an address.
    let host = event_text("api-health").replace("execute-api", "no host:");
    assert!(millrace_api::handle(api.router(), host.as_bytes()).await.is_err());
}
