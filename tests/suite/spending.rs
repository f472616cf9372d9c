//! Budgets: a run stops before its next effect, and says which budget it was.

use millrace_runner::Prices;
use reqwest::Method;
use serde_json::{Value as Json, json};

use crate::durability::{process_path, until};
use crate::provider::Reply;
use crate::stack::{Setup, Stack};
use crate::usage::queued;

/// Each answer of the provider costs a dollar and a half, and what AWS takes is next to nothing.
fn dear() -> Setup {
    let prices: Prices =
        r#"{"models": {"gpt-3.5-turbo": {"input": 100000, "output": 100000}}}"#.parse().unwrap();
    Setup { prices, max_failures: 5, ..Setup::default() }
}

/// An agent that asks its model four times.
const REPLIES: [&str; 4] = [
    "I guess.\nAction: cat\nAction Input: meow",
    "I have no idea what to do.",
    "The parrot then.\nAction: parrot\nAction Input: \"hello\"",
    "I now know the final answer\nFinal Answer: hello",
];

/// Runs the agent and gives its task and the calls that the model saw.
async fn agent(stack: &Stack, path: &str, sync: bool, budget: Option<f64>) -> (Json, usize) {
    stack.provider.script(REPLIES.map(|reply| Reply::next(json!(reply))));
    let body = json!({"inputs": {"input": "?"}, "sync": sync, "budget": budget});
    let answer = stack.post(path, &body).await;
    let task = answer.task().unwrap_or_else(|| queued(&answer));
    let ended = stack.ended(&task).await;
    assert!(sync || answer.status == 200);
    assert_eq!(sync && answer.status != 200, sync && ended["status"] != "SUCCESS", "{}", answer.body);
    (ended, stack.provider.seen().len())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_task_stops_before_the_call_that_its_budget_does_not_hold() {
    let stack = Stack::with(dear()).await;
    let path = process_path(&stack, "agent_reacts").await;
    for sync in [true, false] {
        // Three calls cost 4.5 dollars and a little: a budget of 4.5 is then used up.
        for (budget, calls) in [(4.6, 4), (4.5, 3), (1.0, 1)] {
            let (task, seen) = agent(&stack, &path, sync, Some(budget)).await;
            assert_eq!(seen, calls, "{budget}: {task}");
            if calls == 4 {
                assert_eq!(task["status"], "SUCCESS", "{task}");
                continue;
            }
            let says = format!(
                "The run used up its budget: by estimate it cost {budget} US dollars, the limit for this task"
            );
            assert_eq!((&task["status"], &task["result"]), (&json!("FAILURE"), &json!(says)), "{task}");
            assert_eq!(
                task["error"],
                json!({"kind": "limit", "message": says, "retryable": false}),
                "{task}"
            );
            assert_eq!(task["usage"]["effects"], json!(calls), "{task}");
        }
    }
}

/// The operator's own holds for every task, and a call can only ask for less.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_smaller_of_two_budgets_counts() {
    let stack = Stack::with(Setup { task_budget: Some(3.1), ..dear() }).await;
    let path = process_path(&stack, "agent_reacts").await;
    for (budget, calls) in [(None, 3), (Some(100.0), 3), (Some(1.0), 1)] {
        let (task, seen) = agent(&stack, &path, false, budget).await;
        assert_eq!((seen, &task["status"]), (calls, &json!("FAILURE")), "{budget:?}: {task}");
    }
}

/// A retry gets no fresh allowance for what was paid before, and a larger one goes on where the first one stopped.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_retry_with_a_larger_budget_goes_on() {
    let stack = Stack::with(dear()).await;
    let path = process_path(&stack, "agent_reacts").await;
    let (failed, _) = agent(&stack, &path, false, Some(1.0)).await;
    let again = format!("/api/v1/task/{}/retry", failed["task_id"].as_str().unwrap());
    stack.provider.script(REPLIES[1..].iter().map(|reply| Reply::next(json!(reply))));
    let retried = stack.post(&again, &json!({"budget": 50})).await;
    let ended = stack.ended(&queued(&retried)).await;
    assert_eq!((&ended["status"], stack.provider.seen().len()), (&json!("SUCCESS"), 3), "{ended}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tenant_stops_when_its_day_is_spent_and_no_other_does() {
    let stack = Stack::with(Setup { tenant_budget: Some(2.0), ..dear() }).await;
    let path = process_path(&stack, "chat_prompt").await;
    let tenant = "default".parse().unwrap();
    for (sync, calls) in [(true, 1), (false, 2)] {
        let answer = stack.post(&path, &json!({"inputs": {"text": "hi"}, "sync": sync})).await;
        let task = answer.task().unwrap_or_else(|| queued(&answer));
        assert_eq!(stack.ended(&task).await["status"], "SUCCESS");
        assert_eq!(stack.provider.seen().len(), calls);
        // It counts a moment after its end can be seen: when the worker knows that it is recorded.
        until("it counts", async || {
            let days = stack.runner.usage_of(&tenant, &[stack.runner.today()]).await.unwrap();
            days[0]["tasks"]["succeeded"] == calls
        })
        .await;
    }
    let says = "The budget of the day is used up: the limit is 2 US dollars a day (UTC), by estimate";
    for sync in [true, false] {
        let answer = stack.post(&path, &json!({"inputs": {"text": "hi"}, "sync": sync})).await;
        assert_eq!(answer.status, if sync { 422 } else { 200 }, "{}", answer.body);
        let task = answer.task().unwrap_or_else(|| queued(&answer));
        let ended = stack.ended(&task).await;
        assert_eq!((&ended["status"], &ended["result"]), (&json!("FAILURE"), &json!(says)), "{ended}");
    }
    assert_eq!(stack.provider.seen().len(), 2, "no model was called for what was refused");
    // Another process knows what was spent as soon as it was put.
    let setup = Setup { worker: false, tenant_budget: Some(2.0), ..dear() };
    stack.runner.put_usage(false).await;
    let elsewhere = stack.another_runner(&setup);
    let days = elsewhere.usage_of(&tenant, &[elsewhere.today()]).await.unwrap();
    assert_eq!(days[0]["cost_usd"].as_f64().unwrap().floor(), 3.0, "{}", days[0]);

    let other = "other".parse().unwrap();
    stack.runner.store().seed_key(&other, "key-of-another", "another's").await.unwrap();
    let flow = json!({"name": "theirs", "data": stack.drawn("chat_prompt")});
    let flow = stack.call_as("key-of-another", Method::POST, "/api/v1/flows/", Some(&flow)).await;
    let path = format!("/api/v1/process/{}", flow.body["id"].as_str().unwrap());
    let theirs =
        stack.call_as("key-of-another", Method::POST, &path, Some(&json!({"inputs": {"text": "hi"}}))).await;
    assert_eq!(theirs.status, 200, "{}", theirs.body);
}

/// What nobody can price cannot be held to a budget: it is not called.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_model_without_a_price_is_not_called_under_a_budget() {
    let stack = Stack::with(dear()).await;
    let path = process_path(&stack, "chat_prompt").await;
    let body = |budget: Json| {
        let tweaks = json!({"ChatOpenAI-1": {"model_name": "our-own"}});
        json!({"inputs": {"text": "hi"}, "tweaks": tweaks, "budget": budget})
    };
    let refused = stack.post(&path, &body(json!(5))).await;
    let says = "The run has a budget, and the model our-own has no price in this installation's table";
    assert_eq!((refused.status, refused.detail().as_str()), (422, says));
    assert_eq!(stack.provider.seen().len(), 0);
    assert_eq!(stack.post(&path, &body(Json::Null)).await.status, 200, "without one it is");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_budget_that_is_none_is_refused_by_name() {
    let stack = Stack::with(dear()).await;
    let path = process_path(&stack, "chat_prompt").await;
    for (budget, says) in [
        (json!(0), "greater than or equal to 0.000001"),
        (json!(-1), "greater than or equal to 0.000001"),
        (json!(1_000_001), "less than or equal to 1000000"),
        (json!("lots"), "valid number"),
        (json!([]), "valid number"),
    ] {
        let refused = stack.post(&path, &json!({"inputs": {"text": "hi"}, "budget": budget})).await;
        assert_eq!(refused.status, 422, "{}", refused.body);
        let fault = &refused.body["detail"][0];
        assert_eq!(fault["loc"], json!(["body", "budget"]), "{fault}");
        assert!(fault["msg"].as_str().unwrap().contains(says), "{fault}");
    }
    assert_eq!(stack.provider.seen().len(), 0);
    until("nothing was kept", async || stack.messages().await.is_empty()).await;
}
