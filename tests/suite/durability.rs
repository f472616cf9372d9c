//! What is promised of a task, seen from outside: over HTTP, with a queue, a worker and a provider that counts.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value as Json, json};

use crate::provider::Reply;
use crate::stack::{Setup, Stack, send};

/// How long a synchronous caller waits where a test wants a run to outgrow that.
const PATIENCE: Duration = Duration::from_millis(250);

fn impatient(background: bool) -> Setup {
    Setup { sync_timeout: PATIENCE, background, max_failures: 5, ..Setup::default() }
}

/// Stores a flow of `flows/` and gives the path that calls it.
pub async fn process_path(stack: &Stack, flow: &str) -> String {
    format!("/api/v1/process/{}", stack.create_flow(&stack.drawn(flow)).await)
}

fn later(text: &str, after_ms: u64) -> Reply {
    Reply::next(json!({"after_ms": after_ms, "say": text}))
}

/// How often the provider was asked.
pub fn sends(stack: &Stack) -> usize {
    stack.provider.seen().len()
}

/// Waits until it holds.
pub async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let started = Instant::now();
    while !holds().await {
        assert!(started.elapsed() < Duration::from_secs(30), "{what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// The call in flight is finished after the answer, recorded, and not made again by the worker.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_synchronous_run_that_takes_too_long_becomes_a_task_and_pays_once() {
    let stack = Stack::with(impatient(true)).await;
    let path = process_path(&stack, "chat_prompt").await;
    stack.provider.script([later("a late answer", 700)]);
    let answer = stack.post(&path, &json!({"inputs": {"text": "hi"}})).await;
    assert_eq!((answer.status, &answer.body["status"]), (200, &json!("PENDING")), "{}", answer.body);
    assert_eq!(answer.body["result"], Json::Null);
    let ended = stack.ended(answer.body["task"]["id"].as_str().unwrap()).await;
    assert_eq!((&ended["status"], &ended["result"]["text"]), (&json!("SUCCESS"), &json!("a late answer")));
    assert_eq!(sends(&stack), 1, "the call was paid for twice");
}

/// Nobody waits for it any longer: a passing failure of the call in flight is no end of the task.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_passing_failure_after_the_answer_goes_back_to_the_queue() {
    let stack = Stack::with(impatient(true)).await;
    let path = process_path(&stack, "chat_prompt").await;
    let busy = |after_ms: u64| {
        let refusal = json!({"status": 503, "body": {"error": {"message": "busy"}}});
        Reply::next(json!({"after_ms": after_ms, "say": refusal}))
    };
    stack.provider.script([busy(500), busy(0), busy(0), Reply::next(json!("at last"))]);
    let answer = stack.post(&path, &json!({"inputs": {"text": "hi"}})).await;
    assert_eq!(answer.body["status"], "PENDING", "{}", answer.body);
    let ended = stack.ended(answer.body["task"]["id"].as_str().unwrap()).await;
    assert_eq!(
        (&ended["status"], &ended["result"]["text"]),
        (&json!("SUCCESS"), &json!("at last")),
        "{ended}"
    );
    assert_eq!((&ended["attempt"], &ended["failures"]), (&json!(2), &json!(1)), "{ended}");
}

/// Without time after the answer the call in flight counts as interrupted; what was recorded is not repeated.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_time_after_the_answer_only_the_call_in_flight_is_repeated() {
    let stack = Stack::with(impatient(false)).await;
    let path = process_path(&stack, "list_of_inputs").await;
    let slow = Reply { to: Some(asked("slow")), reply: json!({"after_ms": 900, "say": "slow answer"}) };
    let quick = Reply { to: Some(asked("quick")), reply: json!("quick answer") };
    let again = Reply { to: Some(asked("slow")), reply: json!("second answer") };
    stack.provider.script([quick, slow, again]);
    let answer = stack.post(&path, &json!({"inputs": [{"text": "quick"}, {"text": "slow"}]})).await;
    assert_eq!(answer.body["status"], "PENDING", "{}", answer.body);
    let ended = stack.ended(answer.body["task"]["id"].as_str().unwrap()).await;
    assert_eq!(ended["status"], "SUCCESS", "{ended}");
    assert_eq!(ended["result"][0]["text"], "quick answer");
    assert_eq!(ended["result"][1]["text"], "second answer");
    let of = |text: &str| {
        let seen = stack.provider.seen();
        seen.iter().filter(|seen| seen.body["messages"] == asked(text)["messages"]).count()
    };
    assert_eq!((of("quick"), of("slow")), (1, 2));
}

fn asked(text: &str) -> Json {
    json!({"messages": [{"role": "user", "content": text}]})
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_of_a_later_flow_that_takes_too_long_is_202_with_its_task() {
    let stack = Stack::with(impatient(true)).await;
    let flow = stack.create_flow(&stack.drawn("v1_prompt_model")).await;
    stack.provider.script([later("late", 600)]);
    let answer = stack.post(&format!("/api/v1/run/{flow}"), &json!({"input_value": "hi"})).await;
    assert_eq!((answer.status, &answer.body["outputs"]), (202, &json!([])), "{}", answer.body);
    let ended = stack.ended(answer.body["task"]["id"].as_str().unwrap()).await;
    assert_eq!(ended["status"], "SUCCESS", "{ended}");
    assert!(ended["result"]["outputs"].to_string().contains("late"), "{ended}");
    assert_eq!(sends(&stack), 1);
}

/// With its journal off there is nothing to go on with: the caller is told that the time is over.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_without_a_journal_ends_with_its_callers_patience() {
    let stack = Stack::with(impatient(true)).await;
    let path = process_path(&stack, "chat_prompt").await;
    stack.provider.script([later("late", 600)]);
    let answer = stack.post(&path, &json!({"inputs": {"text": "hi"}, "journal": "off"})).await;
    assert_eq!(answer.status, 504, "{}", answer.body);
    assert_eq!(stack.ended(&answer.task().unwrap()).await["error"]["kind"], "timeout");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_journal_mode_runs_both_ways_and_says_nothing_of_it() {
    let stack = Stack::start().await;
    let path = process_path(&stack, "buffer_memory").await;
    for mode in ["effects", "memory", "off"] {
        let call = |sync: bool| json!({"inputs": {"text": "hi"}, "journal": mode, "sync": sync});
        let now = stack.post(&path, &call(true)).await;
        assert_eq!(now.status, 200, "{mode}: {}", now.body);
        let queued = stack.post(&path, &call(false)).await;
        let ended = stack.ended(queued.body["task"]["id"].as_str().unwrap()).await;
        assert_eq!((&ended["status"], &ended["result"]), (&json!("SUCCESS"), &now.body["result"]), "{mode}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_passing_failure_goes_back_to_the_queue_and_a_final_one_does_not() {
    let stack = Stack::with(Setup { max_failures: 5, ..Setup::default() }).await;
    let path = process_path(&stack, "chat_prompt").await;
    // `x-should-retry` is not set: the request itself is tried three times, then the task goes back.
    let busy = || Reply::next(json!({"status": 503, "body": {"error": {"message": "busy"}}}));
    stack.provider.script((0..3).map(|_| busy()).chain([Reply::next(json!("at last"))]));
    let submitted = stack.post(&path, &json!({"inputs": {"text": "hi"}, "sync": false})).await;
    let ended = stack.ended(submitted.body["task"]["id"].as_str().unwrap()).await;
    assert_eq!(
        (&ended["status"], &ended["attempt"], &ended["failures"]),
        (&json!("SUCCESS"), &json!(2), &json!(1))
    );

    let refusal = json!({"status": 401, "body": {"error": {"message": "no such key"}}});
    stack.provider.script([Reply::next(refusal)]);
    let submitted = stack.post(&path, &json!({"inputs": {"text": "hi"}, "sync": false})).await;
    let ended = stack.ended(submitted.body["task"]["id"].as_str().unwrap()).await;
    assert_eq!((&ended["status"], &ended["attempt"]), (&json!("FAILURE"), &json!(1)), "{ended}");
    assert_eq!(sends(&stack), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_running_task_stops_when_it_is_cancelled() {
    let stack = Stack::with(Setup { lease: Duration::from_secs(3), ..Setup::default() }).await;
    let path = process_path(&stack, "chat_prompt").await;
    stack.provider.script([Reply::next(json!({"fault": "hang"}))]);
    let submitted = stack.post(&path, &json!({"inputs": {"text": "hi"}, "sync": false})).await;
    let task = submitted.body["task"]["id"].as_str().unwrap();
    until("the model is not called", async || sends(&stack) == 1).await;
    let href = format!("/api/v1/task/{task}");
    let cancelled = stack.call(Method::DELETE, &href, None).await;
    assert_eq!(
        (cancelled.status, &cancelled.body["state"]),
        (200, &json!("cancelled")),
        "{}",
        cancelled.body
    );
    assert_eq!(stack.call(Method::DELETE, &href, None).await.status, 409);
    // The worker is free again: one that waited for the call that hangs would not be.
    let next = stack.post(&path, &json!({"inputs": {"text": "next"}, "sync": false})).await;
    assert_eq!(stack.ended(next.body["task"]["id"].as_str().unwrap()).await["status"], "SUCCESS");
    assert_eq!(stack.ended(task).await["state"], "cancelled");
}

/// A poll of a running task shows what is done, what runs and what it cost, as of the last heartbeat.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_running_task_says_how_far_it_is() {
    let stack = Stack::with(Setup { lease: Duration::from_millis(1_500), ..Setup::default() }).await;
    let path = process_path(&stack, "list_of_inputs").await;
    let hang = Reply { to: Some(asked("slow")), reply: json!({"fault": "hang"}) };
    stack.provider.script([hang, Reply { to: Some(asked("quick")), reply: json!("done") }]);
    let body = json!({"inputs": [{"text": "quick"}, {"text": "slow"}], "sync": false});
    let submitted = stack.post(&path, &body).await;
    let href = format!("/api/v1/task/{}", submitted.body["task"]["id"].as_str().unwrap());
    let mut seen = Json::Null;
    until("no progress is shown", async || {
        seen = stack.call(Method::GET, &href, None).await.body;
        seen["progress"]["usage"]["output"].as_u64().is_some_and(|tokens| tokens > 0)
    })
    .await;
    assert_eq!((&seen["status"], &seen["state"]), (&json!("PENDING"), &json!("running")));
    let (done, running) = (&seen["progress"]["done"], &seen["progress"]["running"]);
    assert!(done.as_array().is_some_and(|ids| !ids.is_empty()), "{seen}");
    assert_eq!(running.as_array().map(Vec::len), Some(1), "the root is being called: {seen}");
    assert_eq!(stack.call(Method::DELETE, &href, None).await.status, 200);
}

/// The new task starts with what the old one recorded; the old one stays as it was.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_retry_does_not_repeat_what_the_failed_task_recorded() {
    let stack = Stack::start().await;
    let path = process_path(&stack, "list_of_inputs").await;
    let refusal = json!({"after_ms": 300, "say": {"status": 401, "body": {"error": {"message": "no"}}}});
    stack.provider.script([
        Reply { to: Some(asked("good")), reply: json!("kept") },
        Reply { to: Some(asked("bad")), reply: refusal },
        Reply { to: Some(asked("bad")), reply: json!("mended") },
    ]);
    let body = json!({"inputs": [{"text": "good"}, {"text": "bad"}], "sync": false});
    let submitted = stack.post(&path, &body).await;
    let old = submitted.body["task"]["id"].as_str().unwrap().to_owned();
    assert_eq!(stack.ended(&old).await["status"], "FAILURE");
    let retried = stack.post(&format!("/api/v1/task/{old}/retry"), &json!(null)).await;
    assert_eq!(retried.status, 200, "{}", retried.body);
    let new = retried.body["task"]["id"].as_str().unwrap().to_owned();
    assert_ne!(new, old);
    let ended = stack.ended(&new).await;
    assert_eq!((&ended["status"], &ended["origin"]), (&json!("SUCCESS"), &json!(old)), "{ended}");
    assert_eq!(
        (&ended["result"][0]["text"], &ended["result"][1]["text"]),
        (&json!("kept"), &json!("mended"))
    );
    assert_eq!(sends(&stack), 3);
    assert_eq!(stack.ended(&old).await["status"], "FAILURE");
    assert_eq!(stack.post(&format!("/api/v1/task/{new}/retry"), &json!(null)).await.status, 409);
}

/// No more than the cap run at once; all of them run.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tenants_cap_delays_and_drops_nothing() {
    let stack = Stack::with(Setup { tenant_concurrency: 1, worker: false, ..Setup::default() }).await;
    let path = process_path(&stack, "chat_prompt").await;
    stack.provider.script([later("one", 300)]);
    let mut messages = Vec::new();
    for n in 0..2 {
        let answer = stack.post(&path, &json!({"inputs": {"text": format!("{n}")}, "sync": false})).await;
        messages.push(answer.body["task"]["id"].as_str().unwrap().to_owned());
    }
    let batch = deliveries(&messages);
    let answer = millrace_worker::handle_json(&stack.runner, batch.as_bytes(), None).await.unwrap();
    assert_eq!(serde_json::from_slice::<Json>(&answer).unwrap()["batchItemFailures"], json!([]));
    let mut states = Vec::new();
    for task in &messages {
        let polled = stack.call(Method::GET, &format!("/api/v1/task/{task}"), None).await;
        states.push((polled.body["state"].as_str().unwrap().to_owned(), polled.body["attempt"].clone()));
    }
    states.sort_by(|a, b| a.0.cmp(&b.0));
    assert_eq!(states, [("queued".to_owned(), json!(0)), ("succeeded".to_owned(), json!(1))]);
    // Its new message comes after the delay; brought at once, it runs now that there is room.
    for task in &messages {
        let one = deliveries(std::slice::from_ref(task));
        let answer = millrace_worker::handle_json(&stack.runner, one.as_bytes(), None).await.unwrap();
        assert_eq!(serde_json::from_slice::<Json>(&answer).unwrap()["batchItemFailures"], json!([]));
        assert_eq!(stack.ended(task).await["status"], "SUCCESS");
    }
    assert_eq!(sends(&stack), 2);
}

fn deliveries(tasks: &[String]) -> String {
    let record = |(n, task): (usize, &String)| {
        let body = json!({"v": 1, "tenant": "default", "task": task}).to_string();
        json!({"messageId": format!("m-{n}"), "receiptHandle": "r", "body": body, "eventSource": "aws:sqs"})
    };
    json!({"Records": tasks.iter().enumerate().map(record).collect::<Vec<_>>()}).to_string()
}

/// A thousand copies of a message are one run.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_delivered_a_thousand_times_is_one_run() {
    let stack = Stack::without_worker().await;
    let path = process_path(&stack, "chat_prompt").await;
    let answer = stack.post(&path, &json!({"inputs": {"text": "hi"}, "sync": false})).await;
    let task = answer.body["task"]["id"].as_str().unwrap().to_owned();
    let batch = deliveries(&vec![task.clone(); 10]);
    for _ in 0..10 {
        let batches = (0..10).map(|_| millrace_worker::handle_json(&stack.runner, batch.as_bytes(), None));
        for answer in futures::future::join_all(batches).await {
            let answer: Json = serde_json::from_slice(&answer.unwrap()).unwrap();
            assert_eq!(answer["batchItemFailures"], json!([]));
        }
    }
    let ended = stack.ended(&task).await;
    assert_eq!((&ended["status"], &ended["attempt"]), (&json!("SUCCESS"), &json!(1)));
    assert_eq!(sends(&stack), 1);
}

/// Messages made by hand: nothing runs, nothing is written, and what is nobody's becomes a dead letter.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_by_hand_touch_nothing() {
    let stack = Stack::without_worker().await;
    let path = process_path(&stack, "chat_prompt").await;
    let answer = stack.post(&path, &json!({"inputs": {"text": "hi"}, "sync": false})).await;
    let task = answer.body["task"]["id"].as_str().unwrap().to_owned();
    stack.meter.take();
    for body in [
        "not JSON".to_owned(),
        json!({"v": 2, "tenant": "default", "task": task}).to_string(),
        json!({"v": 1, "tenant": "default", "task": "01890a5d-ac96-774b-bcce-b302099a8057"}).to_string(),
        // Another tenant cannot even address the row.
        json!({"v": 1, "tenant": "other", "task": task}).to_string(),
    ] {
        let batch =
            json!({"Records": [{"messageId": "m", "body": body, "eventSource": "aws:sqs"}]}).to_string();
        let answer = millrace_worker::handle_json(&stack.runner, batch.as_bytes(), None).await.unwrap();
        let failed = serde_json::from_slice::<Json>(&answer).unwrap()["batchItemFailures"].clone();
        assert_eq!(failed.as_array().unwrap().len(), 1, "{body}");
        // The dead letter that it becomes is looked at and laid aside.
        let answer = millrace_sweeper::handle_json(&stack.runner, batch.as_bytes(), None).await.unwrap();
        assert_eq!(
            serde_json::from_slice::<Json>(&answer).unwrap()["batchItemFailures"],
            json!([]),
            "{body}"
        );
    }
    let polled = stack.call(Method::GET, &format!("/api/v1/task/{task}"), None).await;
    assert_eq!((&polled.body["state"], &polled.body["attempt"]), (&json!("queued"), &json!(0)));
    assert_eq!(sends(&stack), 0);
}

/// The row is the outbox: a task without a message is sent by the sweeper.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_task_without_a_message_is_found() {
    let setup = Setup { sweeps: Some(Duration::from_millis(200)), ..Setup::default() };
    let stack = Stack::with(Setup { worker: false, ..setup }).await;
    let path = process_path(&stack, "chat_prompt").await;
    let answer = stack.post(&path, &json!({"inputs": {"text": "hi"}, "sync": false})).await;
    let task = answer.body["task"]["id"].as_str().unwrap().to_owned();
    stack.drop_messages().await;
    until("it is not sent again", async || !stack.messages().await.is_empty()).await;
    assert_eq!(stack.messages().await[0]["task"], task);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_key_is_the_same_task() {
    let stack = Stack::start().await;
    let path = process_path(&stack, "chat_prompt").await;
    let call = |key: &str, body: Json| {
        let request = stack.request(Method::POST, &path).header("x-api-key", crate::stack::KEY);
        send(request.header("idempotency-key", key).json(&body))
    };
    for sync in [true, false] {
        let key = format!("order-{sync}");
        let body = json!({"inputs": {"text": "hi"}, "sync": sync});
        let first = call(&key, body.clone()).await;
        let task = first.task().unwrap();
        stack.ended(&task).await;
        let before = sends(&stack);
        let second = call(&key, body).await;
        assert_eq!((second.status, second.task().unwrap()), (200, task), "{}", second.body);
        assert_eq!(second.body["session_id"], first.body["session_id"]);
        assert_eq!(sends(&stack), before, "it was run again");
        let other = call(&key, json!({"inputs": {"text": "something else"}, "sync": sync})).await;
        assert_eq!(other.status, 409, "{}", other.body);
        assert_eq!(sends(&stack), before);
    }
}

/// Text that no compression makes small.
pub fn noise(length: usize, seed: u64) -> String {
    let step = |x: &mut u64| {
        *x = x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        char::from(b'a' + u8::try_from((*x >> 33) % 26).unwrap())
    };
    std::iter::repeat_with({
        let mut x = seed;
        move || step(&mut x)
    })
    .take(length)
    .collect()
}

/// Input, record and result are too large for the table: they stand in the bucket, and the caller sees no difference.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn values_that_are_too_large_for_the_table_go_through_the_bucket() {
    let stack = Stack::start().await;
    let path = process_path(&stack, "chat_prompt").await;
    let (question, answer) = (noise(900_000, 1), noise(1_000_000, 2));
    stack.provider.script([Reply::next(json!(answer.as_str()))]);
    let queued = stack.post(&path, &json!({"inputs": {"text": question}, "sync": false})).await;
    assert_eq!(queued.status, 200, "{}", queued.body);
    let ended = stack.ended(queued.body["task"]["id"].as_str().unwrap()).await;
    assert_eq!(ended["status"], "SUCCESS", "{}", ended["result"]);
    assert!(ended["result"]["text"] == json!(answer));
    let objects = stack.objects().await;
    assert_eq!(objects.iter().filter(|key| key.starts_with("default/values/")).count(), 3, "{objects:?}");
    assert_eq!(sends(&stack), 1);
}
