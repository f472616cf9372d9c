//! What a task used, told with it and summed up by day: compared with what was counted beside it, not with itself.

use millrace_runner::Prices;
use reqwest::Method;
use serde_json::{Value as Json, json};

use crate::durability::process_path;
use crate::provider::Reply;
use crate::stack::{Answer, KEY, Setup, Stack};

/// What the worker function does with the message of a task.
pub async fn work(runner: &millrace_runner::Runner, task: &str) {
    let body = format!(r#"{{"v":1,"tenant":"default","task":"{task}"}}"#);
    let event = json!({"Records": [{"messageId": "m-1", "body": body, "eventSource": "aws:sqs"}]});
    let answer = millrace_worker::handle_json(runner, event.to_string().as_bytes(), None).await.unwrap();
    assert_eq!(serde_json::from_slice::<Json>(&answer).unwrap()["batchItemFailures"], json!([]));
}

/// The id of the task that a queued call made.
pub fn queued(answer: &Answer) -> String {
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.body["task"]["id"].as_str().unwrap().to_owned()
}

async fn usage_of(stack: &Stack, key: &str, query: &str) -> Answer {
    stack.call_as(key, Method::GET, &format!("/api/v1/usage{query}"), None).await
}

/// What the numbers cost by the built-in list prices, added up here by hand.
fn cost(usage: &Json, front: f64) -> f64 {
    let number = |path: &str| usage.pointer(path).and_then(Json::as_f64).unwrap();
    let gb_second = if cfg!(target_arch = "aarch64") { 0.000_013_333_4 } else { 0.000_016_666_7 };
    let tokens = (number("/input") * 0.5 + number("/output") * 1.5) / 1e6;
    tokens
        + front
        + number("/gb_seconds") * gb_second
        + number("/requests/lambda") * 2e-7
        + number("/requests/sqs") * 4e-7
        + number("/write_units") * 6.25e-7
        + number("/read_units") * 1.25e-7
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_task_tells_what_it_used() {
    let stack = Stack::without_worker().await;
    let path = process_path(&stack, "chat_prompt").await;
    stack.post(&path, &json!({"inputs": {"text": "warm"}})).await;
    stack.runner.put_usage(false).await;
    stack.meter.take();

    let task = queued(&stack.post(&path, &json!({"inputs": {"text": "hi"}, "sync": false})).await);
    work(&stack.runner, &task).await;
    let counted = stack.meter.take();
    let ended = stack.ended(&task).await;
    let usage = &ended["usage"];
    assert_eq!((&usage["input"], &usage["output"], &usage["effects"]), (&json!(10), &json!(5), &json!(1)));
    assert_eq!(usage["models"], json!({"gpt-3.5-turbo": {"input": 10, "output": 5}}));
    assert_eq!(usage["unpriced_models"], json!([]));
    // The sum of the day is a write of the batch, not of the task.
    assert_eq!(
        usage["write_units"].as_f64().unwrap(),
        counted.write_units as f64 - 1.0,
        "{usage} {counted:?}"
    );
    let to_the_table: u64 =
        counted.calls.iter().filter(|(name, _)| *name != "SendMessage").map(|(_, n)| n).sum();
    assert_eq!(usage["requests"]["dynamodb"].as_u64(), Some(to_the_table - 1), "{usage} {counted:?}");
    // One that accepted it and one that ran it; one message.
    assert_eq!((&usage["requests"]["lambda"], &usage["requests"]["sqs"]), (&json!(2), &json!(1)));
    // The provider takes 40 ms.
    assert!(usage["billed_ms"].as_u64().unwrap() >= 40, "{usage}");
    let gb_seconds = usage["billed_ms"].as_f64().unwrap() / 1000.0 * 256.0 / 1024.0;
    assert!((usage["gb_seconds"].as_f64().unwrap() - gb_seconds).abs() <= 0.000_25, "{usage}");
    let (told, by_hand) = (usage["cost_usd"].as_f64().unwrap(), cost(usage, 1e-6));
    assert!((told - by_hand).abs() < 2e-9, "{told} is not {by_hand}: {usage}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn prices_are_the_operators() {
    let prices: Prices = r#"{"models": {"gpt-3.5-turbo": {"input": 1000000, "output": 0}}}"#.parse().unwrap();
    let stack = Stack::with(Setup { prices, ..Setup::default() }).await;
    let path = process_path(&stack, "chat_prompt").await;
    for sync in [true, false] {
        let answer = stack.post(&path, &json!({"inputs": {"text": "hi"}, "sync": sync})).await;
        let task = answer.task().unwrap_or_else(|| queued(&answer));
        let usage = stack.ended(&task).await["usage"].take();
        assert_eq!(usage["cost_usd"].as_f64().unwrap().floor(), 10.0, "{usage}");
    }
}

/// A task that failed, and one whose model nobody has a price for, tell what they used all the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_failed_was_used_too() {
    let stack = Stack::start().await;
    let path = process_path(&stack, "agent_reacts").await;
    stack.provider.script([
        Reply::next(json!("I guess.\nAction: cat\nAction Input: meow")),
        Reply::next(json!({"status": 401, "body": {"error": {"message": "no"}}})),
    ]);
    let tweaks = json!({"ChatOpenAI-1": {"model_name": "our-own"}});
    let body = json!({"inputs": {"input": "?"}, "sync": false, "tweaks": tweaks});
    let failed = stack.ended(&queued(&stack.post(&path, &body).await)).await;
    assert_eq!(failed["status"], "FAILURE", "{failed}");
    let usage = &failed["usage"];
    assert_eq!(usage["models"], json!({"our-own": {"input": 10, "output": 5}}), "{failed}");
    assert_eq!(usage["unpriced_models"], json!(["our-own"]));
    assert!(usage["cost_usd"].as_f64().unwrap() > 0.0, "{usage}");
}

/// Each process has a row of its own, and none overwrites another's.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_day_is_the_sum_over_all_processes_and_of_one_tenant() {
    let setup = Setup { worker: false, ..Setup::default() };
    let stack = Stack::with(setup.clone()).await;
    let path = process_path(&stack, "chat_prompt").await;
    let workers = [stack.another_runner(&setup), stack.another_runner(&setup)];
    let submit = json!({"inputs": {"text": "hi"}, "sync": false});
    for worker in [&workers[0], &workers[1], &workers[0]] {
        work(worker, &queued(&stack.post(&path, &submit).await)).await;
    }
    let cancelled = queued(&stack.post(&path, &submit).await);
    let href = format!("/api/v1/task/{cancelled}");
    assert_eq!(stack.call(Method::DELETE, &href, None).await.status, 200);
    stack.provider.script([Reply::next(json!({"status": 401, "body": {"error": {"message": "no"}}}))]);
    assert_ne!(stack.post(&path, &json!({"inputs": {"text": "hi"}})).await.status, 200);

    let sums = usage_of(&stack, KEY, "").await;
    let [day] = sums.body["days"].as_array().unwrap().as_slice() else { panic!("{}", sums.body) };
    assert_eq!(day["tasks"], json!({"succeeded": 3, "failed": 1, "cancelled": 1}), "{day}");
    assert_eq!(day["models"], json!({"gpt-3.5-turbo": {"input": 30, "output": 15}}));
    assert_eq!((&day["input"], &day["output"]), (&json!(30), &json!(15)));
    assert!(day["cost_usd"].as_f64().unwrap() > 0.0, "{day}");
    assert_eq!(day["date"], json!(stack.runner.today().to_string()));

    let other = "other".parse().unwrap();
    stack.runner.store().seed_key(&other, "key-of-another", "another's").await.unwrap();
    let theirs = usage_of(&stack, "key-of-another", "").await;
    assert_eq!(theirs.body["days"][0]["tasks"], json!({"succeeded": 0, "failed": 0, "cancelled": 0}));
    assert_eq!(theirs.body["days"][0]["cost_usd"], json!(0.0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn days_that_are_none_are_refused_by_name() {
    let stack = Stack::without_worker().await;
    for query in ["?from=tomorrow", "?from=2026-13-01"] {
        let refused = usage_of(&stack, KEY, query).await;
        assert_eq!(refused.status, 422, "{}", refused.body);
        assert_eq!(refused.body["detail"][0]["loc"], json!(["query", "from"]), "{}", refused.body);
    }
    let refused = usage_of(&stack, KEY, "?to=1999-01-01").await;
    assert_eq!(refused.status, 400, "{}", refused.body);
    assert!(refused.detail().starts_with("to has to be a day from "), "{}", refused.body);
}
