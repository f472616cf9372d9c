//! What each function asks of AWS, observed: every route, every payload, every flow and whatever else reaches a call
//! that those do not, each function with clients of its own. The list is `infra/operations.json`, and
//! `infra/check_template.py` allows each role that and no more.
//!
//! `UPDATE=1 cargo test -p millrace-tests permissions` writes the list anew.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value as Json, json};

use crate::durability::{noise, process_path, until};
use crate::isolation::tenants::{Owner, run};
use crate::isolation::{asked, rows};
use crate::observer::Observed;
use crate::provider::Reply;
use crate::stack::{Setup, Stack};
use crate::{callbacks, events, flows, kms};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_function_calls_what_its_role_allows() {
    let observed = Observed::new(&kms::start().await);
    every_route(&observed).await;
    events::play(&Stack::with(Setup { worker: false, ..setup(&observed) }).await).await;
    for way in [flows::Way::AtOnce, flows::Way::Queued] {
        flows::run_all_in(&Stack::with(setup(&observed)).await, way).await;
    }
    large_values_and_secrets(&observed).await;
    what_comes_with_time(&observed).await;
    a_full_house(&observed).await;
    what_the_sweeper_moves_on(&observed).await;

    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../infra/operations.json");
    let seen = observed.list();
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, &seen).unwrap();
    }
    let listed = std::fs::read_to_string(&path).unwrap();
    assert!(seen == listed, "infra/operations.json is not what the functions call: {seen}");
}

/// A stack whose functions are observed. Rates and slots are counted, though no limit is reached.
fn setup(observed: &Observed) -> Setup {
    Setup {
        observed: Some(observed.clone()),
        tenant_concurrency: 1_000,
        requests_per_minute: 100_000,
        ..Setup::default()
    }
}

/// What opens the connection before the first event is half a read unit, and no failure where there is no table.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_warm_up_is_one_read_and_holds_nothing_up() {
    let observed = Observed::new(&kms::start().await);
    let stack = Stack::with(setup(&observed)).await;
    stack.meter.take();
    stack.worker.store().warm_up().await;
    let usage = stack.meter.take();
    assert_eq!((usage.calls_of("GetItem"), usage.calls.len()), (1, 1), "{usage:?}");
    assert_eq!((usage.read_units, usage.write_units), (0.5, 0), "{usage:?}");
    assert!(observed.list().contains("\"dynamodb:GetItem table\""));
    stack.remove_table().await;
    stack.worker.store().warm_up().await;
}

/// The routes of the API, as their owner asks them.
async fn every_route(observed: &Observed) {
    let owner = Owner::settled_in(setup(observed)).await;
    for ask in rows::rows(&owner) {
        let answer = asked(&owner.stack, &ask, Some(&owner.stack.key)).await;
        assert_eq!(answer.status, ask.owner, "{} {}: {}", ask.method, ask.path, answer.body);
    }
}

/// What stands in the bucket and what is sealed: question, answer, a callback; and a conversation that is forgotten.
async fn large_values_and_secrets(observed: &Observed) {
    let stack = Stack::with(setup(observed)).await;
    let path = process_path(&stack, "chat_prompt").await;
    let (url, called) = callbacks::listener(0).await;
    for callback in [Json::Null, json!(url)] {
        stack.provider.script([Reply::next(json!(noise(1_000_000, 2)))]);
        let sync = callback.is_null();
        let body = json!({"inputs": {"text": noise(900_000, 1)}, "sync": sync, "callback_url": callback});
        succeeded(&stack, &path, &body).await;
    }
    until("nobody is called back", async || !called.lock().unwrap().is_empty()).await;
    let path = process_path(&stack, "buffer_memory").await;
    for sync in [true, false] {
        let call = |clear: bool| json!({"inputs": {"text": "x"}, "session_id": "one", "sync": sync, "clear_cache": clear});
        succeeded(&stack, &path, &call(false)).await;
        succeeded(&stack, &path, &call(true)).await;
    }
}

/// A run that outlives heartbeats, whose message is kept hidden; and an api that opens the data key that another made.
async fn what_comes_with_time(observed: &Observed) {
    let stack = Stack::with(Setup { lease: Duration::from_secs(1), ..setup(observed) }).await;
    let path = process_path(&stack, "chat_prompt").await;
    let variable = json!({"name": "first", "value": "sealed", "type": "Credential"});
    assert_eq!(stack.post("/api/v1/variables/", &variable).await.status, 201);
    // A data key is known for five minutes.
    observed.api.put_ahead(1);
    let variable = json!({"name": "second", "value": "sealed", "type": "Credential"});
    assert_eq!(stack.post("/api/v1/variables/", &variable).await.status, 201);
    observed.api.put_ahead(0);
    stack.provider.script([Reply::next(json!({"after_ms": 900, "say": "at last"}))]);
    succeeded(&stack, &path, &json!({"inputs": {"text": "x"}, "sync": false})).await;
}

/// Calls a flow and waits for the task's end.
async fn succeeded(stack: &Stack, path: &str, body: &Json) {
    let answer = stack.post(path, body).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let ended = stack.ended(&answer.task().unwrap()).await;
    assert_eq!(ended["status"], "SUCCESS", "{ended}");
}

/// A tenant's cap is reached: what has to wait is sent again.
async fn a_full_house(observed: &Observed) {
    let setup = Setup { worker: false, tenant_concurrency: 1, ..setup(observed) };
    let stack = Stack::with(setup).await;
    let path = process_path(&stack, "chat_prompt").await;
    let busy = Reply::next(json!({"after_ms": 300, "say": "one"}));
    stack.provider.script([busy]);
    let mut tasks = Vec::new();
    for _ in 0..2 {
        let answer = stack.post(&path, &json!({"inputs": {"text": "x"}, "sync": false})).await;
        tasks.push(answer.task().unwrap());
    }
    let deliveries = tasks.iter().map(|task| run(&stack, "default", task));
    assert_eq!(futures::future::join_all(deliveries).await, [false, false]);
}

/// Lost messages, tasks that nobody ran, callbacks that were not taken, of results small, large and gone.
async fn what_the_sweeper_moves_on(observed: &Observed) {
    let stack = Stack::with(Setup { worker: false, ..setup(observed) }).await;
    let path = process_path(&stack, "chat_prompt").await;
    let (url, called) = callbacks::listener(1).await;
    let body = json!({"inputs": {"text": "x"}, "sync": false, "callback_url": url});
    // One that nobody runs, whose callback is the first use of its tenant's secret.
    let waits = stack.post(&path, &body).await.task().unwrap();
    stack.drop_messages().await;
    observed.sweeper.put_ahead(1);
    assert_eq!(sweep(&stack).await["resent"], 1);
    observed.sweeper.put_ahead(4 * 24);
    assert_eq!(sweep(&stack).await["ended"], 1);
    assert_eq!(stack.ended(&waits).await["status"], "FAILURE");
    assert_eq!(sweep(&stack).await["callbacks"], 1);
    assert_eq!(called.lock().unwrap().len(), 1, "it was not taken");

    // Others whose results are in the bucket, or were.
    for gone in [false, true] {
        let (url, called) = callbacks::listener(1).await;
        stack.provider.script([Reply::next(json!(noise(1_000_000, 3)))]);
        let body = json!({"inputs": {"text": "x"}, "sync": false, "callback_url": url});
        let task = stack.post(&path, &body).await.task().unwrap();
        assert!(!run(&stack, "default", &task).await);
        assert_eq!(called.lock().unwrap().len(), 1);
        if gone {
            stack.remove_objects("default/values/").await;
        }
        observed.sweeper.put_ahead(5 * 24);
        sweep(&stack).await;
        assert_eq!(called.lock().unwrap().len(), if gone { 1 } else { 2 });
    }
}

async fn sweep(stack: &Stack) -> Json {
    let answer = millrace_sweeper::handle_json(&stack.sweeper, b"{}", None).await.unwrap();
    serde_json::from_slice(&answer).unwrap()
}
