//! What is wrong gets a clear error with the right status, at once and through the queue, and never a crash.

use reqwest::Method;
use serde_json::{Value as Json, json};

use crate::provider::Reply;
use crate::stack::{Answer, KEY, Stack, send};

async fn chat(stack: &Stack) -> String {
    format!("/api/v1/process/{}", stack.create_flow(&stack.drawn("chat_prompt")).await)
}

async fn raw(stack: &Stack, path: &str, body: impl Into<reqwest::Body>) -> Answer {
    let request =
        stack.request(Method::POST, path).header("x-api-key", KEY).header("content-type", "application/json");
    send(request.body(body)).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bodies_that_are_none() {
    let stack = Stack::start().await;
    let path = chat(&stack).await;
    let run = path.replace("process", "run");
    let deep = |open: &str, close: &str| {
        format!(r#"{{"inputs": {{"text": {}1{}}}}}"#, open.repeat(10_000), close.repeat(10_000))
    };
    let cases = [
        ("cut off", r#"{"inputs": {"text""#.to_owned(), 422, "json_invalid"),
        ("text", "hello".to_owned(), 422, "json_invalid"),
        ("two values", "{} {}".to_owned(), 422, "json_invalid"),
        ("not UTF-8 escaped", r#"{"inputs": {"text": "\ud800"}}"#.to_owned(), 422, ""),
        ("a list", "[1]".to_owned(), 422, "missing"),
        ("inputs of text", r#"{"inputs": "x"}"#.to_owned(), 422, "dict_type"),
        ("tweaks of a number", r#"{"tweaks": 1}"#.to_owned(), 422, "dict_type"),
        ("sync of perhaps", r#"{"sync": "perhaps"}"#.to_owned(), 422, "bool_parsing"),
        ("a session of numbers", r#"{"session_id": 7}"#.to_owned(), 422, "string_type"),
        ("a session without end", format!(r#"{{"session_id": "{}"}}"#, "s".repeat(5_000)), 422, "session_id"),
        ("nothing", String::new(), 400, "Missing some input keys"),
        ("null", "null".to_owned(), 400, "Missing some input keys"),
        ("10,000 lists", deep("[", "]"), 422, "json_invalid"),
        ("10,000 objects", deep(r#"{"a":"#, "}"), 422, "json_invalid"),
    ];
    for (title, body, status, part) in cases {
        let answer = raw(&stack, &path, body).await;
        assert_eq!(answer.status, status, "{title}: {}", answer.body);
        assert!(answer.detail().contains(part), "{title}: {}", answer.body);
    }
    for (title, body) in
        [("cut off", r#"{"input_value""#), ("a number", r#"{"input_value": 5}"#), ("a list", "[]")]
    {
        assert_eq!(raw(&stack, &run, body).await.status, 422, "{title}");
    }
    assert_eq!(stack.provider.seen().len(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bodies_that_are_too_large() {
    let stack = Stack::start().await;
    let path = chat(&stack).await;
    // More than the API reads, than Lambda takes, than the gateway takes.
    for megabytes in [5.5, 7.0, 11.0] {
        let body = json!({"inputs": {"text": "x".repeat((megabytes * 1_000_000.0) as usize)}}).to_string();
        let answer = raw(&stack, &path, body).await;
        assert_eq!(answer.status, 413, "{megabytes} MB: {}", answer.body);
    }
    assert_eq!(stack.provider.seen().len(), 0);
    // What fits the API fits the table, if not one item of it: nothing that was accepted is lost.
    let text = noise(1_500_000);
    stack.provider.script([Reply::next(json!("read"))]);
    let answer = stack.post(&path, &json!({"inputs": {"text": text}, "sync": false})).await;
    assert_eq!((answer.status, &answer.body["status"]), (200, &json!("PENDING")), "{}", answer.body);
    let ended = stack.ended(answer.body["task"]["id"].as_str().unwrap()).await;
    assert_eq!(ended["result"]["text"], "read", "{ended}");
    let asked = stack.provider.seen()[0].body["messages"][0]["content"].as_str().unwrap().to_owned();
    assert!(asked.contains(&text), "the input was cut");
}

/// Text that does not get smaller.
fn noise(length: usize) -> String {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let letter = |state: &mut u64| {
        *state ^= *state << 13;
        *state ^= *state >> 7;
        *state ^= *state << 17;
        char::from(b'!' + (*state % 90) as u8)
    };
    (0..length).map(|_| letter(&mut state)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_of_nothing() {
    let stack = Stack::start().await;
    let none = "00000000-0000-0000-0000-000000000000";
    let cases = [
        (Method::POST, format!("/api/v1/process/{none}"), format!("Flow {none} not found")),
        (Method::POST, "/api/v1/process/abc".to_owned(), "Flow abc not found".to_owned()),
        (Method::POST, format!("/api/v1/run/{none}"), format!("Flow identifier {none} not found")),
        (
            Method::POST,
            "/api/v1/run/no-such-name".to_owned(),
            "Flow identifier no-such-name not found".to_owned(),
        ),
        (Method::GET, format!("/api/v1/task/{none}"), "Task not found".to_owned()),
        (
            Method::GET,
            "/api/v1/task/0192f0c4-7c1e-7a57-9d0a-51a4d3f0c2bb".to_owned(),
            "Task not found".to_owned(),
        ),
        (Method::GET, "/api/v1/task/a%2Fb".to_owned(), "Task not found".to_owned()),
        (Method::GET, format!("/api/v1/flows/{none}"), "Flow not found".to_owned()),
        (Method::DELETE, format!("/api/v1/api_key/{none}"), String::new()),
        (Method::GET, "/api/v1/all".to_owned(), "Not Found".to_owned()),
    ];
    for (method, path, detail) in cases {
        let body = (method == Method::POST).then(|| json!({}));
        let answer = stack.call(method, &path, body.as_ref()).await;
        assert_eq!(answer.status, 404, "{path}: {}", answer.body);
        assert!(answer.detail().contains(&detail), "{path}: {}", answer.body);
    }
    for key in ["", "sk-none", "local-ke", "local-key2", "ключ"] {
        let request = stack.request(Method::GET, "/api/v1/flows/");
        let answer = send(request.header("x-api-key", key.as_bytes())).await;
        assert_eq!(answer.status, 403, "{key:?}: {}", answer.body);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn flows_that_cannot_run() {
    let stack = Stack::start().await;
    let good = stack.drawn("chat_prompt");
    let edited = |edit: &dyn Fn(&mut Json)| {
        let mut data = good.clone();
        edit(&mut data);
        data
    };
    let cases = [
        ("no nodes", json!({"nodes": [], "edges": []}), "No root vertex found"),
        (
            "a missing end",
            edited(&|data| data["edges"][0]["source"] = json!("Gone-1")),
            "ChatOpenAI is not connected to any other components",
        ),
        (
            "an unknown type",
            edited(&|data| data["nodes"][0]["data"]["type"] = json!("NoSuchNode")),
            "Error building node NoSuchNode(ID:ChatOpenAI-1): Could not find: NoSuchNode",
        ),
        (
            "a circle",
            edited(&|data| {
                let mut back = data["edges"][0].clone();
                back["source"] = json!("LLMChain-1");
                back["target"] = json!("ChatOpenAI-1");
                back["data"]["targetHandle"] = json!({"fieldName": "model_name", "id": "ChatOpenAI-1"});
                data["edges"].as_array_mut().unwrap().push(back);
            }),
            "The flow has a cycle",
        ),
        (
            "a lone node",
            edited(&|data| drop(data["edges"].as_array_mut().unwrap().remove(1))),
            "is not connected",
        ),
        (
            "nothing at a required field",
            edited(&|data| data["edges"][1]["data"]["targetHandle"]["fieldName"] = json!("memory")),
            "Error building node LLMChain(ID:LLMChain-1): field",
        ),
        (
            "a broken template",
            edited(&|data| {
                data["nodes"][1]["data"]["node"]["template"]["template"]["value"] = json!("{text")
            }),
            "Error building node PromptTemplate(ID:PromptTemplate-1): field 'template': the template has a single '{'",
        ),
    ];
    for (title, data, part) in cases {
        let path = format!("/api/v1/process/{}", stack.create_flow(&data).await);
        let failed = fails(&stack, &path, &json!({"inputs": {"text": "x"}})).await;
        assert_eq!(failed.status, 500, "{title}");
        assert!(failed.message.contains(part), "{title}: {}", failed.message);
    }
    assert_eq!(stack.provider.seen().len(), 0);
}

/// Two vertices that feed no other: the first is run, and the owner is told when the flow is stored.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flow_of_two_roots_runs_the_first() {
    let stack = Stack::start().await;
    let mut data = stack.drawn("chat_prompt");
    let mut second = data["nodes"][2].clone();
    second["id"] = json!("LLMChain-2");
    data["nodes"].as_array_mut().unwrap().push(second);
    let mut edge = data["edges"][0].clone();
    edge["target"] = json!("LLMChain-2");
    data["edges"].as_array_mut().unwrap().push(edge);
    let created = stack.post("/api/v1/flows/", &json!({"name": "two", "data": data})).await;
    let warnings = created.body["warnings"].to_string();
    assert!(
        warnings.contains("More than one node feeds no other (LLMChain-1, LLMChain-2); the first is run"),
        "{warnings}"
    );
    let path = format!("/api/v1/process/{}", created.body["id"].as_str().unwrap());
    assert_eq!(stack.post(&path, &json!({"inputs": {"text": "x"}})).await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_of_inputs_of_all_lengths() {
    let stack = Stack::start().await;
    let path = chat(&stack).await;
    for count in [0, 1, 1_000] {
        let inputs: Vec<Json> = (0..count).map(|i| json!({"text": format!("input {i}")})).collect();
        stack.provider.script([]);
        let answer = stack.post(&path, &json!({"inputs": inputs})).await;
        assert_eq!(answer.status, 200, "{count}: {}", answer.body);
        let result = answer.body["result"].as_array().unwrap();
        assert_eq!((result.len(), stack.provider.seen().len()), (count, count));
        let ends_with =
            |(i, one): (usize, &Json)| one["text"].as_str().unwrap().ends_with(&format!("input {i}"));
        assert!(result.iter().enumerate().all(ends_with));
    }
    stack.provider.script([]);
    let failed = fails(&stack, &path, &json!({"inputs": vec![json!({"text": "x"}); 1_001]})).await;
    assert_eq!(
        (failed.status, failed.message.as_str()),
        (400, "Error: inputs has 1001 entries; the limit is 1000")
    );
    assert_eq!(stack.provider.seen().len(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn providers_that_fail() {
    let stack = Stack::start().await;
    let path = chat(&stack).await;
    let status = |status: u16, body: Json| json!({"status": status, "body": body});
    let said = |text: &str| json!({"error": {"message": text}});
    let cases = [
        (
            "401",
            status(401, said("Incorrect API key provided: sk-flow")),
            502,
            "the provider answered 401: Incorrect API key provided: ***",
        ),
        ("429", status(429, said("slow down")), 502, "the provider answered 429: slow down"),
        ("500", status(500, said("oops")), 502, "the provider answered 500: oops"),
        (
            "503 in HTML",
            status(503, json!("<h1>Down</h1>")),
            502,
            "the provider answered 503: its answer is no JSON",
        ),
        ("200 in HTML", status(200, json!("<h1>Welcome</h1>")), 502, "not what the OpenAI protocol says"),
        (
            "200 of another kind",
            status(200, json!({"choices": []})),
            502,
            "not what the OpenAI protocol says",
        ),
        ("half a body", json!({"fault": "half"}), 502, "ChatOpenAI (ChatOpenAI-1): "),
        ("nothing in time", json!({"fault": "hang"}), 504, "ChatOpenAI (ChatOpenAI-1): "),
    ];
    let tweaks = json!({"ChatOpenAI-1": {"request_timeout": 1, "max_retries": 0}});
    let body = json!({"inputs": {"text": "x"}, "tweaks": tweaks});
    for (title, reply, status, part) in cases {
        stack.provider.script([Reply::next(reply.clone()), Reply::next(reply)]);
        let failed = fails(&stack, &path, &body).await;
        assert_eq!(failed.status, status, "{title}: {}", failed.message);
        assert!(failed.message.contains(part), "{title}: {}", failed.message);
        assert_eq!(stack.provider.seen().len(), 2, "{title}: one request at once, one through the queue");
    }
    // Port 1 of this machine: nobody listens.
    let mut nowhere = body.clone();
    nowhere["tweaks"]["ChatOpenAI-1"]["openai_api_base"] = json!("http://127.0.0.1:1/v1");
    let failed = fails(&stack, &path, &nowhere).await;
    assert_eq!(failed.status, 502, "{}", failed.message);
    // An address that the guard refuses is the flow's fault, and is not connected to.
    nowhere["tweaks"]["ChatOpenAI-1"]["openai_api_base"] = json!("http://169.254.169.254/v1");
    let failed = fails(&stack, &path, &nowhere).await;
    assert_eq!(failed.status, 500, "{}", failed.message);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_provider_that_recovers_is_asked_again() {
    let stack = Stack::start().await;
    let path = chat(&stack).await;
    let busy = json!({"status": 429, "body": {"error": {"message": "slow down"}}});
    stack.provider.script([Reply::next(busy), Reply::next(json!("here I am"))]);
    let answer = stack.post(&path, &json!({"inputs": {"text": "x"}})).await;
    assert_eq!((answer.status, &answer.body["result"]), (200, &json!({"text": "here I am"})));
    assert_eq!(stack.provider.seen().len(), 2);
    assert!(stack.provider.seen().iter().all(|request| request.key.as_deref() == Some("sk-flow")));
}

/// A result of more than one item is kept in parts. What no answer could carry is a failure that says so.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn results_that_do_not_fit_an_item() {
    let stack = Stack::start().await;
    let path = chat(&stack).await;
    let call = |sync: bool| json!({"inputs": {"text": "x"}, "sync": sync});
    let long = json!(noise(1_500_000));
    stack.provider.script([Reply::next(long.clone()), Reply::next(long.clone())]);
    let accepted = stack.post(&path, &call(false)).await;
    let queued = stack.ended(accepted.body["task"]["id"].as_str().unwrap()).await;
    let answer = stack.post(&path, &call(true)).await;
    assert_eq!((answer.status, &answer.body["result"]["text"]), (200, &long));
    let kept = stack.ended(&answer.task().unwrap()).await;
    for task in [queued, kept] {
        assert_eq!((&task["status"], &task["result"]["text"]), (&json!("SUCCESS"), &long));
    }
    stack.provider.script([Reply::next(json!(noise(5_600_000)))]);
    let accepted = stack.post(&path, &call(false)).await;
    let task = stack.ended(accepted.body["task"]["id"].as_str().unwrap()).await;
    assert_eq!((&task["status"], &task["error"]["kind"]), (&json!("FAILURE"), &json!("output_too_large")));
    assert!(task["result"].as_str().unwrap().contains("the limit is"), "{}", task["result"]);
}

/// A failure, in the same words at once and through the queue.
struct Failed {
    status: u16,
    message: String,
}

/// Calls at once and through the queue. Each leaves a task that has failed for the same reason.
async fn fails(stack: &Stack, path: &str, body: &Json) -> Failed {
    let answer = stack.post(path, body).await;
    let message = answer.detail();
    let task = answer.task().unwrap_or_else(|| panic!("{} {} of no task", answer.status, answer.body));
    let kept = stack.ended(&task).await;
    assert_eq!((&kept["status"], &kept["result"]), (&json!("FAILURE"), &json!(message)));
    let mut queued = body.clone();
    queued["sync"] = json!(false);
    let accepted = stack.post(path, &queued).await;
    assert_eq!((accepted.status, &accepted.body["status"]), (200, &json!("PENDING")), "{}", accepted.body);
    let ended = stack.ended(accepted.body["task"]["id"].as_str().unwrap()).await;
    assert_eq!((&ended["status"], &ended["result"]), (&json!("FAILURE"), &json!(message)));
    assert_eq!(ended["state"], "failed");
    Failed { status: answer.status, message }
}

/// Either route takes either dialect where the call fits it, and says so where it does not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_of_the_other_dialect() {
    let stack = Stack::start().await;
    let older = stack.create_flow(&stack.drawn("chat_prompt")).await;
    let newer = format!("/api/v1/process/{}", stack.create_flow(&stack.drawn("v1_prompt_model")).await);

    let answer = stack.post(&format!("/api/v1/run/{older}"), &json!({"input_value": "hi"})).await;
    assert_eq!(answer.status, 400, "{}", answer.body);
    assert!(answer.detail().contains("call it by POST /api/v1/process/"), "{}", answer.body);

    let failed = fails(&stack, &newer, &json!({"inputs": [{"input_value": "hi"}]})).await;
    assert_eq!(failed.status, 400);
    assert!(failed.message.contains("not a list"), "{}", failed.message);
    assert_eq!(stack.provider.seen().len(), 0);

    // The newer dialect through the queue, by the route that has one.
    let queued = stack.post(&newer, &json!({"inputs": {"input_value": "hi"}, "sync": false})).await;
    let ended = stack.ended(queued.body["task"]["id"].as_str().unwrap()).await;
    assert_eq!(ended["status"], "SUCCESS");
    let text = &ended["result"]["outputs"][0]["outputs"][0]["results"]["message"]["text"];
    assert!(text.as_str().unwrap().ends_with("hi"), "{ended}");
}
