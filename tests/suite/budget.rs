//! What a task costs in requests and capacity units, counted over the whole path: API, queue, worker, poll.

use std::collections::BTreeMap;

use millrace_store::metering::Usage;
use serde_json::{Value as Json, json};

use crate::provider::Reply;
use crate::stack::{Setup, Stack};

/// A stack without a worker, a flow in it, and everything warm: key check, plan, connections. Requests of the key are
/// counted as in a deployed stack, which few of them pay for.
async fn warm() -> (Stack, String) {
    let setup = Setup { worker: false, requests_per_minute: 1_200, ..Setup::default() };
    let stack = Stack::with(setup).await;
    let flow = stack.create_flow(&stack.drawn("chat_prompt")).await;
    let path = format!("/api/v1/process/{flow}");
    stack.post(&path, &json!({"inputs": {"text": "warm"}})).await;
    // The sum of what the warm call used is not one of what is counted.
    stack.runner.put_usage(false).await;
    stack.meter.take();
    stack.provider.script([Reply::next(json!("a short answer"))]);
    (stack, path)
}

fn calls(usage: &Usage) -> BTreeMap<&str, u64> {
    usage.calls.iter().map(|(name, count)| (name.as_str(), *count)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_queued_task_stays_within_its_budget() {
    let (stack, path) = warm().await;

    let answer = stack.post(&path, &json!({"inputs": {"text": "hi"}, "sync": false})).await;
    let task = answer.body["task"]["id"].as_str().unwrap().to_owned();
    let submit = stack.meter.take();
    assert_eq!(submit.calls_of("SendMessage"), 1, "{submit:?}");
    assert!(submit.write_units <= 4, "submit: {submit:?}");

    let body = format!(r#"{{"v":1,"tenant":"default","task":"{task}"}}"#);
    let event = json!({"Records": [{"messageId": "m-1", "body": body, "eventSource": "aws:sqs"}]});
    let answer =
        millrace_worker::handle_json(&stack.runner, event.to_string().as_bytes(), None).await.unwrap();
    assert_eq!(serde_json::from_slice::<Json>(&answer).unwrap()["batchItemFailures"], json!([]));
    let worker = stack.meter.take();
    // Claim, the record of the one effect, the terminal state with its result, and the index entry that goes; and for the
    // whole batch the sum of the day.
    assert!(worker.write_units <= 3 + 1 + 1, "worker: {worker:?}");
    assert_eq!(worker.calls_of("PutItem"), 1 + 1, "one record, of up to 1 KB, and the sum: {worker:?}");
    assert_eq!(stack.provider.seen().len(), 1);

    let polled = stack.ended(&task).await;
    assert_eq!(polled["result"], json!({"text": "a short answer"}));
    let poll = stack.meter.take();
    assert!(poll.read_units <= 1.0, "poll: {poll:?}");
    assert_eq!(poll.write_units, 0, "poll: {poll:?}");
    assert_eq!(calls(&poll).values().sum::<u64>(), 1, "poll: {poll:?}");

    // The same message again: refused by the claim's condition, and no model is called.
    millrace_worker::handle_json(&stack.runner, event.to_string().as_bytes(), None).await.unwrap();
    let duplicate = stack.meter.take();
    assert!(duplicate.write_units <= 1, "duplicate: {duplicate:?}");
    assert_eq!(stack.provider.seen().len(), 1);
    println!("submit {submit:?}\nworker {worker:?}\npoll {poll:?}\nduplicate {duplicate:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_task_run_at_once_is_one_item_with_its_index() {
    let (stack, path) = warm().await;
    let answer = stack.post(&path, &json!({"inputs": {"text": "hi"}})).await;
    assert_eq!(answer.body["result"], json!({"text": "a short answer"}));
    let usage = stack.meter.take();
    assert!(usage.write_units <= 2, "{usage:?}");
    assert_eq!(usage.calls_of("SendMessage"), 0);
    assert_eq!(usage.calls_of("PutItem"), 1, "{usage:?}");
    println!("at once {usage:?}");
}

/// A request that is refused before anything is done writes nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refusals_write_nothing() {
    let (stack, path) = warm().await;
    for (path, body) in [
        (path.as_str(), json!({"inputs": 5})),
        (path.as_str(), json!({"inputs": {}, "tweaks": {"Nobody": {}}, "sync": false})),
        ("/api/v1/process/00000000-0000-0000-0000-000000000000", json!({})),
    ] {
        let answer = stack.post(path, &body).await;
        assert!((400..500).contains(&answer.status), "{}", answer.body);
        let usage = stack.meter.take();
        assert_eq!((usage.write_units, usage.calls_of("SendMessage")), (0, 0), "{body}: {usage:?}");
    }
}
