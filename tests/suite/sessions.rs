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

/// Langflow names a session that begins, and goes on with the flow as it was tweaked then.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tweaks_last_as_long_as_the_conversation_that_they_began() {
    let stack = Stack::start().await;
    let path = format!("/api/v1/process/{}", stack.create_flow(&stack.drawn("buffer_memory")).await);
    let asked = async |body: Json| {
        stack.provider.script([Reply::next(json!("ok"))]);
        let answer = stack.post(&path, &body).await;
        if let Some(task) = answer.task().filter(|_| body["sync"] == false) {
            assert_eq!(stack.ended(&task).await["status"], "SUCCESS");
        }
        (answer.body["session_id"].clone(), stack.provider.seen()[0].body.clone())
    };
    let tweaks = json!({"ChatOpenAI-1": {"model_name": "gpt-4", "temperature": 0}});
    let (session, first) = asked(json!({"inputs": {"text": "a"}, "tweaks": tweaks})).await;
    assert_eq!((&first["model"], &first["temperature"]), (&json!("gpt-4"), &json!(0.0)));
    let next = json!({"inputs": {"text": "b"}, "session_id": session});
    for sync in [true, false] {
        let mut body = next.clone();
        body["sync"] = json!(sync);
        assert_eq!(asked(body).await.1["model"], "gpt-4");
    }
    let mut own = next.clone();
    own["tweaks"] = json!({"ChatOpenAI-1": {"temperature": 0.5}});
    let over = asked(own).await.1;
    assert_eq!((&over["model"], &over["temperature"]), (&json!("gpt-4"), &json!(0.5)));
    let mut anew = next;
    anew["clear_cache"] = json!(true);
    assert_eq!(asked(anew).await.1["model"], "gpt-3.5-turbo");
    // A session that the caller named has no first call.
    let tweaks = json!({"ChatOpenAI-1": {"model_name": "gpt-4"}});
    asked(json!({"inputs": {"text": "a"}, "tweaks": tweaks, "session_id": "mine"})).await;
    assert_eq!(
        asked(json!({"inputs": {"text": "b"}, "session_id": "mine"})).await.1["model"],
        "gpt-3.5-turbo"
    );
}

/// Langflow's way to begin a session under a name of the caller's own, or to end one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_preloaded_session_begins_anew_where_it_is_asked_to() {
    let stack = Stack::start().await;
    let flow = stack.create_flow(&stack.drawn("buffer_memory")).await;
    let call = json!({"inputs": {"text": "hi"}, "session_id": "ann"});
    let history = async || {
        stack.provider.script([Reply::next(json!("ok"))]);
        stack.post(&format!("/api/v1/process/{flow}"), &call).await;
        stack.provider.seen()[0].body["messages"][0]["content"].as_str().unwrap().contains("AI: ok")
    };
    let preload = async |query: &str, body: Json| {
        stack.post(&format!("/api/v1/process/preload/{flow}{query}"), &body).await
    };
    assert!(!history().await);
    let kept = preload("?session_id=ann", json!({})).await;
    assert_eq!((kept.status, kept.body), (200, json!({"session_id": "ann", "is_clear": null})));
    assert!(history().await);
    let cleared = preload("?session_id=ann", json!({"clear_session": true})).await;
    assert_eq!(cleared.body, json!({"session_id": "ann", "is_clear": true}));
    assert!(!history().await);
    assert_eq!(preload("", Json::Null).await.body, json!({"session_id": flow, "is_clear": null}));
    assert_eq!(preload("", json!({"clear_session": "perhaps"})).await.status, 422);
}
