//! What one flow and one run may have: at the limit it passes, one above it is refused, and the refusal names the limit.

use millrace_engine::FlowLimits;
use millrace_runner::RunLimits;
use reqwest::Method;
use serde_json::{Value as Json, json};

use crate::durability::process_path;
use crate::provider::Reply;
use crate::stack::{KEY, Setup, Stack, send};

/// A stack in which a flow may have three nodes and two edges, as `chat_prompt` has.
async fn small() -> Stack {
    Stack::with(Setup { flow_limits: FlowLimits { vertices: 3, edges: 2 }, ..Setup::default() }).await
}

async fn limited(run_limits: RunLimits) -> (Stack, String) {
    let stack = Stack::with(Setup { run_limits, max_failures: 5, ..Setup::default() }).await;
    let flow = stack.create_flow(&stack.drawn("chat_prompt")).await;
    let path = format!("/api/v1/process/{flow}");
    (stack, path)
}

/// A call with so many inputs, each of which is one model call of 15 tokens.
fn call(inputs: usize, sync: bool) -> Json {
    json!({"inputs": vec![json!({"text": "x"}); inputs], "sync": sync})
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_and_edges_of_a_flow() {
    let stack = small().await;
    let fits = stack.drawn("chat_prompt");
    let (mut nodes, mut edges) = (fits.clone(), fits.clone());
    let (node, edge) = (fits["nodes"][0].clone(), fits["edges"][0].clone());
    nodes["nodes"].as_array_mut().unwrap().push(node);
    edges["edges"].as_array_mut().unwrap().push(edge);
    let flow = stack.create_flow(&fits).await;
    for (data, says) in
        [(nodes, "The flow has 4 nodes; the limit is 3"), (edges, "The flow has 3 edges; the limit is 2")]
    {
        let body = json!({"name": "large", "data": data});
        let (good, path) = (json!({"name": "small", "data": fits}), format!("/api/v1/flows/{flow}"));
        let batch = json!({"flows": [good, body]});
        let uploaded = upload(&stack, &body.to_string()).await;
        for refused in [
            stack.post("/api/v1/flows/", &body).await,
            stack.call(Method::PATCH, &path, Some(&body)).await,
            stack.post("/api/v1/flows/batch/", &batch).await,
            uploaded,
        ] {
            assert_eq!((refused.status, refused.detail().as_str()), (413, says));
        }
    }
    let kept = stack.call(Method::GET, "/api/v1/flows/", None).await;
    assert_eq!(
        kept.body.as_array().unwrap().len(),
        1,
        "nothing of what was refused is kept, not even in part"
    );
}

/// A flow that was kept under larger limits does not run under smaller ones.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn limits_hold_again_when_a_flow_is_planned() {
    let stack = small().await;
    let mut data = stack.drawn("chat_prompt");
    let node = data["nodes"][0].clone();
    data["nodes"].as_array_mut().unwrap().push(node);
    let draft = millrace_store::FlowDraft { name: "old".into(), data: Some(data), ..Default::default() };
    let store = stack.runner.store();
    let flow = store.create_flow(&"default".parse().unwrap(), draft, Vec::new()).await.unwrap();
    let path = format!("/api/v1/process/{}", flow.id);
    let refused = stack.post(&path, &call(1, true)).await;
    assert_eq!((refused.status, refused.detail().as_str()), (422, "The flow has 4 nodes; the limit is 3"));
    let queued = stack.post(&path, &call(1, false)).await;
    let task = stack.ended(queued.body["task"]["id"].as_str().unwrap()).await;
    assert_eq!((&task["status"], &task["error"]["kind"]), (&json!("FAILURE"), &json!("limit")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn effects_of_a_run() {
    let (stack, path) = limited(RunLimits { effects: 3, ..RunLimits::default() }).await;
    assert_eq!(stack.post(&path, &call(3, true)).await.status, 200);
    stack.provider.script([]);
    let says = "The run used up its effects: the limit is 3 for one run";
    let refused = stack.post(&path, &call(4, true)).await;
    assert_eq!((refused.status, refused.detail().as_str()), (422, says));
    assert_eq!(stack.provider.seen().len(), 3);

    stack.provider.script([]);
    let queued = stack.post(&path, &call(4, false)).await;
    let failed = stack.ended(queued.body["task"]["id"].as_str().unwrap()).await;
    assert_eq!((&failed["status"], &failed["error"]["kind"]), (&json!("FAILURE"), &json!("limit")));
    assert_eq!((&failed["result"], &failed["error"]["retryable"]), (&json!(says), &json!(false)));
    assert_eq!(stack.provider.seen().len(), 3, "it is not tried again by itself");

    // What is replayed counts: a retry gets no fresh allowance.
    let retried =
        stack.post(&format!("/api/v1/task/{}/retry", failed["task_id"].as_str().unwrap()), &json!({})).await;
    let again = stack.ended(retried.body["task"]["id"].as_str().unwrap()).await;
    assert_eq!((&again["status"], &again["result"]), (&json!("FAILURE"), &json!(says)));
    assert_eq!(stack.provider.seen().len(), 3);
}

/// An agent that asks its model four times, 15 tokens each: before the fourth it has used 45.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tokens_of_a_run() {
    let replies = [
        "I guess.\nAction: cat\nAction Input: meow",
        "I have no idea what to do.",
        "The parrot then.\nAction: parrot\nAction Input: \"hello\"",
        "I now know the final answer\nFinal Answer: hello",
    ];
    for (tokens, calls) in [(45, 4), (44, 3)] {
        let limits = RunLimits { tokens, ..RunLimits::default() };
        let stack = Stack::with(Setup { run_limits: limits, max_failures: 5, ..Setup::default() }).await;
        let path = process_path(&stack, "agent_reacts").await;
        for sync in [true, false] {
            stack.provider.script(replies.map(|reply| Reply::next(json!(reply))));
            let body = json!({"inputs": {"input": "What does the parrot say?"}, "sync": sync});
            let answer = stack.post(&path, &body).await;
            let task = match sync {
                true => answer.task().unwrap(),
                false => answer.body["task"]["id"].as_str().unwrap().to_owned(),
            };
            let task = stack.ended(&task).await;
            assert_eq!(stack.provider.seen().len(), calls, "{tokens}: {task}");
            if calls == 4 {
                assert_eq!(task["status"], "SUCCESS", "{task}");
                continue;
            }
            let says = "The run used up its tokens: the limit is 44 for one run";
            assert_eq!((&task["error"]["kind"], &task["result"]), (&json!("limit"), &json!(says)));
            assert_eq!(answer.status, if sync { 422 } else { 200 });
        }
    }
}

/// An export that comes as a file is as deep as a body may be.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn depth_of_an_export_in_a_file() {
    let stack = Stack::without_worker().await;
    let nested = |levels: usize| {
        let data = format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        format!(r#"{{"name": "deep", "data": {{"nodes": [], "edges": [], "deep": {data}}}}}"#)
    };
    assert_eq!(upload(&stack, &nested(62)).await.status, 201);
    for levels in [63, 100_000] {
        let refused = upload(&stack, &nested(levels)).await;
        assert_eq!(refused.status, 422);
        assert!(
            refused.detail().contains("More than 64 levels of arrays and objects"),
            "{}",
            refused.detail()
        );
    }
}

async fn upload(stack: &Stack, export: &str) -> crate::stack::Answer {
    let head = "--x\r\ncontent-disposition: form-data; name=\"file\"; filename=\"flow.json\"\r\n\r\n";
    let request = stack.request(Method::POST, "/api/v1/flows/upload/").header("x-api-key", KEY);
    let request = request.header("content-type", "multipart/form-data; boundary=x");
    send(request.body(format!("{head}{export}\r\n--x--\r\n"))).await
}
