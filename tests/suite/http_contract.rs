//! Langflow 0.6 over HTTP, case by case: equal, or listed in `docs/differences.md` with a reason.
//!
//! Equal means: the status, the kind of content, and every field that Langflow answers. Fields that are added to
//! a success are no difference, since clients ignore them. Ids, times and keys are blanked.

use std::collections::BTreeMap;
use std::path::Path;

use reqwest::Method;
use serde_json::{Value as Json, json};

use crate::recordings::{self, name, same};
use crate::stack::{Answer, KEY, Stack, send};
use crate::{differences, recordings::goldens};

/// Fields whose values vary from run to run.
const VOLATILE: [&str; 10] = [
    "id",
    "href",
    "session_id",
    "updated_at",
    "created_at",
    "user_id",
    "api_key",
    "last_used_at",
    "total_uses",
    "total_count",
];

/// What the recorded cases have to find: recorded id and ours.
type Ids = Vec<(String, String)>;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_recorded_case_is_equal_or_a_listed_difference() {
    let Some(folder) = recordings::folder("langflow-0.6") else { return };
    let stack = Stack::start().await;
    let ids = prepare(&stack, &folder).await;
    let recorded = recordings::read(&folder.join("goldens/_http_contract.json"), &stack.provider.url());
    let listed = differences::listed("HTTP");
    let mut found = BTreeMap::new();
    for case in recorded["cases"].as_array().unwrap() {
        let case: Json = replaced(&case.to_string(), &ids).parse().unwrap();
        let title = case["name"].as_str().unwrap().to_owned();
        let answer = ask(&stack, &case).await;
        let Some(difference) = difference(&case, &answer) else { continue };
        if let Some(row) = listed.get(&title) {
            let starts = |cell: &str, status: &Json| cell.starts_with(&status.to_string());
            assert!(starts(&row.langflow, &case["status"]), "{title}: the table says {}", row.langflow);
            assert!(
                starts(&row.millrace, &json!(answer.status)),
                "{title}: the table says {}; {difference}",
                row.millrace
            );
        }
        found.insert(title, difference);
    }
    differences::check("HTTP", &found);
}

/// Langflow with its task queue, which is the shape of an asynchronous answer here.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn asynchronous_answers_are_those_of_langflow_with_a_task_queue() {
    let Some(folder) = recordings::folder("langflow-0.6") else { return };
    let recorded = recordings::read(&folder.join("goldens/_celery_async.json"), "");
    let case = |title: &str| {
        let cases = recorded["cases"].as_array().unwrap();
        cases.iter().find(|case| case["name"] == title).unwrap_or_else(|| panic!("no case {title}")).clone()
    };
    assert_eq!(recorded["cases"].as_array().unwrap().len(), 4, "a new case has to be looked at");

    let waiting = Stack::without_worker().await;
    let flow = waiting.create_flow(&basic_flow(&folder, &waiting)).await;
    let inputs = json!({"inputs": {"text": "x"}, "sync": false});
    let queued = waiting.post(&format!("/api/v1/process/{flow}"), &inputs).await;
    let mut found = BTreeMap::new();
    let mut compare = |title: &str, recorded: &Json, answer: &Answer| {
        if let Some(difference) = difference(recorded, answer) {
            found.insert(title.to_owned(), difference);
        }
    };
    compare("sync false, immediate answer", &case("sync false, immediate answer"), &queued);
    let poll = |id: &str| format!("/api/v1/task/{id}");
    let id = queued.body["task"]["id"].as_str().unwrap();
    let pending = waiting.call(Method::GET, &poll(id), None).await;
    compare("GET task while queued", &case("GET task while queued / unknown id"), &pending);
    let unknown = waiting.call(Method::GET, &poll("0192f0c4-7c1e-7a57-9d0a-51a4d3f0c2bb"), None).await;
    compare("GET task of an unknown id", &case("GET task while queued / unknown id"), &unknown);

    let stack = Stack::start().await;
    let flow = stack.create_flow(&basic_flow(&folder, &stack)).await;
    for (title, inputs) in [("GET task done", json!({"text": "x"})), ("GET task failed", json!({"foo": 1}))] {
        stack.provider.script([crate::provider::Reply::next(json!("..."))]);
        let body = json!({"inputs": inputs, "sync": false});
        let queued = stack.post(&format!("/api/v1/process/{flow}"), &body).await;
        let id = queued.body["task"]["id"].as_str().unwrap();
        stack.ended(id).await;
        compare(title, &case(title), &stack.call(Method::GET, &poll(id), None).await);
    }
    differences::check("Task queue", &found);
}

fn basic_flow(folder: &Path, stack: &Stack) -> Json {
    let file = folder.join("flows/Basic Chat with Prompt and History.json");
    recordings::read(&file, &stack.provider.url())["data"].take()
}

/// Makes what the cases refer to: flows in all states, and two tasks that have ended.
async fn prepare(stack: &Stack, folder: &Path) -> Ids {
    assert!(goldens(folder).iter().any(|path| name(path) == "basic_chat_prompt_history"));
    let basic = basic_flow(folder, stack);
    let mut unconnected = basic.clone();
    let of_memory = |edge: &Json| edge["source"].as_str().unwrap().contains("Memory");
    unconnected["edges"].as_array_mut().unwrap().retain(|edge| !of_memory(edge));
    let mut unknown = basic.clone();
    let model = unknown["nodes"]
        .as_array_mut()
        .unwrap()
        .iter_mut()
        .find(|node| node["id"] == "ChatOpenAI-qdmsI")
        .unwrap();
    model["data"]["type"] = json!("NoSuchNode");
    let without_data = stack.post("/api/v1/flows/", &json!({"name": "no data", "data": null})).await;
    let empty_name = json!({"name": "empty1795454179542051002", "data": {"nodes": [], "edges": []}});
    let empty = stack.post("/api/v1/flows/", &empty_name).await;
    let id = |answer: &Answer| answer.body["id"].as_str().unwrap().to_owned();
    let flow = stack.create_flow(&basic).await;
    let ended = async |inputs: Json| {
        let answer =
            stack.post(&format!("/api/v1/process/{flow}"), &json!({"inputs": inputs, "sync": false})).await;
        let task = answer.body["task"]["id"].as_str().unwrap().to_owned();
        stack.ended(&task).await;
        task
    };
    [
        ("{flow_id}", flow.clone()),
        ("76dff756-f914-4b8b-8c34-3b083e1dd41a", flow.clone()),
        ("63b93ab1-765b-42be-b668-233062e2a394", id(&without_data)),
        ("449c007a-ec89-47b6-8bb9-d2fd0cc1bc0e", id(&empty)),
        ("ca643f7c-e065-492a-9ecf-67e76ba95290", stack.create_flow(&unconnected).await),
        ("3b79a2df-1f4a-49e9-a9d3-586018a44c51", stack.create_flow(&unknown).await),
        ("task/140014937689744", format!("task/{}", ended(json!({"text": "hi"})).await)),
        ("task/140014935074000", format!("task/{}", ended(json!({"foo": 1})).await)),
        ("{key}", KEY.to_owned()),
        ("{jwt}", "eyJhbGciOiJIUzI1NiJ9.e30.x".to_owned()),
    ]
    .map(|(recorded, ours)| (recorded.to_owned(), ours))
    .to_vec()
}

fn replaced(text: &str, ids: &Ids) -> String {
    ids.iter().fold(text.to_owned(), |text, (recorded, ours)| text.replace(recorded, ours))
}

async fn ask(stack: &Stack, case: &Json) -> Answer {
    stack.provider.script([]);
    let method: Method = case["method"].as_str().unwrap().parse().unwrap();
    let mut request = stack.request(method, case["path"].as_str().unwrap());
    let headers = case["headers"].as_object().unwrap();
    for (header, value) in headers {
        request = request.header(header, value.as_str().unwrap());
    }
    let body = match &case["body"] {
        Json::Null => None,
        // Recorded as sent, but for the one that is JSON itself.
        Json::String(text) if case["name"] == "string body" => Some(json!(text).to_string()),
        Json::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    };
    if let Some(body) = body {
        if !headers.contains_key("content-type") {
            request = request.header("content-type", "application/json");
        }
        request = request.body(body);
    }
    send(request).await
}

/// What differs between a recorded answer and ours, if anything does.
fn difference(case: &Json, answer: &Answer) -> Option<String> {
    let said =
        || format!("{} {}, Langflow {} {}", answer.status, answer.body, case["status"], case["response"]);
    if case["status"] != answer.status {
        return Some(said());
    }
    if let Some(recorded) = case["location"].as_str() {
        let path = |location: &str| location.split("/api/").nth(1).map(str::to_owned);
        let ours = answer.headers["location"].to_str().unwrap();
        return (path(ours) != path(recorded)).then(|| format!("location {ours}"));
    }
    if let Some(kind) = case["content_type"].as_str() {
        let ours = answer.headers["content-type"].to_str().unwrap();
        if !ours.starts_with(kind) {
            return Some(format!("content type {ours}, Langflow {kind}"));
        }
    }
    let (mut ours, mut theirs) = (answer.body.clone(), case["response"].clone());
    blank(&mut ours);
    blank(&mut theirs);
    let equal = if answer.status < 300 { has_all(&ours, &theirs) } else { same(&ours, &theirs) };
    (!equal).then(said)
}

/// Whether every field that Langflow answers is there with its value. Of a list of keys the first counts.
fn has_all(ours: &Json, theirs: &Json) -> bool {
    match (ours, theirs) {
        (Json::Object(ours), Json::Object(theirs)) => {
            theirs.iter().all(|(name, theirs)| match (ours.get(name), theirs) {
                (Some(Json::Array(ours)), Json::Array(theirs)) if name == "api_keys" => {
                    has_all(&ours[0], &theirs[0])
                }
                (Some(ours), theirs) => has_all(ours, theirs),
                (None, _) => false,
            })
        }
        (ours, theirs) => same(ours, theirs),
    }
}

fn blank(value: &mut Json) {
    match value {
        Json::Object(map) => {
            for (name, value) in map.iter_mut() {
                if VOLATILE.contains(&name.as_str()) {
                    *value = json!("…");
                } else if name == "name"
                    && value.as_str().is_some_and(|name| name == "k1" || name == "the suite's")
                {
                    *value = json!("the first key");
                } else {
                    blank(value);
                }
            }
        }
        Json::Array(list) => list.iter_mut().for_each(blank),
        _ => {}
    }
}
