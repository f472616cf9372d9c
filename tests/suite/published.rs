//! The published examples of Langflow that Langflow 0.6 itself cannot run, as they are. The others are recordings.

use serde_json::{Value as Json, json};

use crate::provider::Reply;
use crate::recordings;
use crate::stack::Stack;

/// File, inputs and tweaks, what the models say, the result.
type Case = (&'static str, Json, Json, Vec<Json>, Json);

fn cases() -> Vec<Case> {
    let wants = |name: &str, arguments: &str| json!({"role": "assistant", "content": null, "function_call": {"name": name, "arguments": arguments}});
    let search = r#"{"actions": [{"action_name": "Search", "action": {"tool_input": "president"}}]}"#;
    let calculate = wants("Calculator", r#"{"__arg1": "3^4"}"#);
    vec![
        // A chain without a prompt.
        ("Basic Chat", json!({"text": "hello"}), json!({}), vec![json!("hi")], json!({"text": "hi"})),
        // Edges of a node that was deleted.
        (
            "Calculator",
            json!({"input": "3 to the 4th?"}),
            json!({}),
            vec![calculate, json!("```text\n3**4\n```\n"), json!("81")],
            json!({"output": "81"}),
        ),
        // An AgentInitializer of 0.5.
        (
            "Getting_started__python_function_applied_to_each_output",
            json!({"input": "Echo banana"}),
            json!({}),
            vec![json!("Final Answer: banana")],
            json!({"output": "banana"}),
        ),
        (
            "OpenAI Multi Functions Agent",
            json!({"input": "Who is president?"}),
            json!({"Search-KDPHH": {"serpapi_api_key": "k"}}),
            vec![wants("tool_selection", search), json!("SERP says so")],
            json!({"output": "SERP says so"}),
        ),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_langflow_cannot_run_runs_as_it_was_published() {
    let Some(folder) = recordings::folder("langflow-0.6") else { return };
    let stack = Stack::start().await;
    for (name, inputs, tweaks, replies, result) in cases() {
        let data =
            recordings::read(&folder.join(format!("flows/{name}.json")), &stack.provider.url())["data"]
                .take();
        let flow = stack.create_flow(&data).await;
        let asked = replies.len();
        stack.provider.script(replies.into_iter().map(Reply::next));
        let answer = stack
            .post(&format!("/api/v1/process/{flow}"), &json!({"inputs": inputs, "tweaks": tweaks}))
            .await;
        assert_eq!((answer.status, &answer.body["result"]), (200, &result), "{name}: {}", answer.body);
        assert_eq!(stack.provider.seen().len(), asked, "{name}");
    }
}

/// What is left out is said when the flow is stored.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn edges_of_nodes_that_are_gone_are_named() {
    let stack = Stack::start().await;
    let mut data = stack.drawn("chat_prompt");
    let mut loose = data["edges"][0].clone();
    loose["source"] = json!("Gone-1");
    data["edges"].as_array_mut().unwrap().push(loose);
    let stored = stack.post("/api/v1/flows/", &json!({"name": "a flow", "data": data})).await;
    let warning = "The edge from Gone-1 to LLMChain-1 is left out: one of them is not in the flow";
    assert_eq!(stored.body["warnings"], json!([warning]), "{}", stored.body);
    let path = format!("/api/v1/process/{}", stored.body["id"].as_str().unwrap());
    stack.provider.script([Reply::next(json!("ok"))]);
    assert_eq!(
        stack.post(&path, &json!({"inputs": {"text": "hi"}})).await.body["result"],
        json!({"text": "ok"})
    );
}
