//! Conversations: named by the client, kept apart, and kept whole.

use serde_json::{Value as Json, json};

use crate::provider::Reply;
use crate::stack::Stack;

/// Sessions are names of the client's own: any text is one, and none is another.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn session_ids_of_all_kinds() {
    let stack = Stack::start().await;
    let path = format!("/api/v1/process/{}", stack.create_flow(&stack.drawn("buffer_memory")).await);
    let long = "x".repeat(512);
    for session in ["a/b#c", "a", "a#", "é", "e\u{301}", "..", " ", "a\u{0}b", "a\nb", long.as_str()] {
        for (text, history) in [("one", ""), ("two", "Human: one\nAI: ok")] {
            stack.provider.script([Reply::next(json!("ok"))]);
            let answer = stack.post(&path, &json!({"inputs": {"text": text}, "session_id": session})).await;
            assert_eq!((answer.status, &answer.body["session_id"]), (200, &json!(session)));
            let prompt = stack.provider.seen()[0].body["messages"][0]["content"].clone();
            assert_eq!(prompt, format!("{history}\nHuman: {text}\nAI:"), "{session:?}");
        }
    }
}

/// Turns of calls that run at the same time are all kept, each once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_session_from_many_sides() {
    let stack = Stack::start().await;
    let path = format!("/api/v1/process/{}", stack.create_flow(&stack.drawn("buffer_memory")).await);
    let call = |text: String| json!({"inputs": {"text": text}, "session_id": "shared"});
    let bodies: Vec<Json> = (0..10).map(|i| call(format!("turn {i}."))).collect();
    stack.provider.script(bodies.iter().map(|_| Reply::next(json!("ok"))));
    let answers = futures::future::join_all(bodies.iter().map(|body| stack.post(&path, body))).await;
    assert!(answers.iter().all(|answer| answer.status == 200));
    stack.post(&path, &call("last".to_owned())).await;
    let seen = stack.provider.seen();
    let prompt = seen.last().unwrap().body["messages"][0]["content"].as_str().unwrap();
    for i in 0..10 {
        assert_eq!(prompt.matches(&format!("Human: turn {i}.\nAI: ok\n")).count(), 1, "{prompt}");
    }
}
