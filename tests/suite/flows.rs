//! Every folder below `flows/`: an export, calls, and what has to come of them; through the API, and once more
//! through queue and worker. `README.md` says how to write one.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use millrace_engine::{InputType, OutputSelection};
use millrace_runner::{Call, Job, Options};
use reqwest::Method;
use serde::Deserialize;
use serde_json::{Map, Value as Json, json};

use crate::provider::Reply;
use crate::stack::Stack;

/// `case.json`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    /// What it shows, in a sentence.
    about: String,
    /// Which route is called.
    kind: Kind,
    /// The calls, one after the other.
    calls: Vec<CaseCall>,
}

#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Process,
    Run,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct CaseCall {
    /// The request's body. `{session}` stands for the session of the first call's answer.
    body: Json,
    /// What the provider answers, in order.
    #[serde(default)]
    replies: Vec<Json>,
    /// What the provider is asked: each request holds at least this.
    #[serde(default)]
    requests: Vec<Json>,
    /// The status, if it is not 200.
    #[serde(default = "ok")]
    status: u16,
    /// The bare result (process), or the text of each output by the id of its node (run).
    #[serde(default)]
    result: Json,
    /// A part of the sentence of a failure.
    error: Option<String>,
}

fn ok() -> u16 {
    200
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Way {
    AtOnce,
    Queued,
}

/// What came of a call.
struct Done {
    status: u16,
    session: String,
    result: Json,
    error: String,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_flow_does_what_its_case_says_at_once() {
    run_all(Way::AtOnce).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_flow_does_what_its_case_says_through_the_queue() {
    run_all(Way::Queued).await;
}

async fn run_all(way: Way) {
    run_all_in(&Stack::start().await, way).await;
}

/// Every case, in a stack with a worker.
pub async fn run_all_in(stack: &Stack, way: Way) {
    let folders = folders();
    assert!(folders.len() >= 12);
    let mut faults = Vec::new();
    for folder in folders {
        faults.extend(run_case(stack, &folder, way).await);
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// Where the cases are.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("flows")
}

fn folders() -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> =
        std::fs::read_dir(root()).unwrap().map(|entry| entry.unwrap().path()).collect();
    folders.retain(|path| path.is_dir());
    folders.sort();
    folders
}

/// A case's name, its flow, and for each call the body and what the provider answers.
type Told = (String, Json, Vec<(Json, Vec<Reply>)>);

/// All cases, to be run by others. A file of a case is named by its path below [`root`].
pub fn stories(provider: &str) -> Vec<Told> {
    let story = |folder: PathBuf| {
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        let read = |file: &str| {
            let text = std::fs::read_to_string(folder.join(file)).unwrap();
            let text = text.replace("{provider}", &format!("{provider}/v1"));
            let files = files(&folder);
            let text = files.iter().fold(text, |text, file| {
                text.replace(&format!("{{file:{file}}}"), &format!("{name}/files/{file}"))
            });
            serde_json::from_str::<Json>(&text).unwrap()
        };
        let case: Case = serde_json::from_value(read("case.json")).unwrap();
        let calls = case.calls.into_iter().map(|call| {
            let replies = call.replies.into_iter().map(Reply::next).collect();
            (call.body, replies)
        });
        let flow = read("flow.json");
        (name, flow.get("data").cloned().unwrap_or(flow), calls.collect())
    };
    folders().into_iter().map(story).collect()
}

async fn run_case(stack: &Stack, folder: &Path, way: Way) -> Vec<String> {
    let name = folder.file_name().unwrap().to_string_lossy().into_owned();
    let read = |file: &str| {
        let text =
            std::fs::read_to_string(folder.join(file)).unwrap_or_else(|e| panic!("{name}/{file}: {e}"));
        serde_json::from_str::<Json>(&text.replace("{provider}", &stack.provider.base_url())).unwrap()
    };
    let case: Case = serde_json::from_value(read("case.json")).unwrap_or_else(|e| panic!("{name}: {e}"));
    assert!(case.about.ends_with('.'), "{name}: about is a sentence");
    let flow = uploaded(stack, folder, &stack.drawn(&name)).await;
    let mut session = None;
    let mut faults = Vec::new();
    for (i, call) in case.calls.iter().enumerate() {
        stack.provider.script(call.replies.iter().cloned().map(Reply::next));
        let body = with_session(&call.body, session.as_deref());
        let done = match way {
            Way::AtOnce => at_once(stack, case.kind, &flow, &body).await,
            Way::Queued => queued(stack, case.kind, &flow, &body).await,
        };
        let found = compare(stack, call, &done, case.kind, way);
        faults.extend(found.into_iter().map(|fault| format!("{name}, call {i}, {way:?}: {fault}")));
        session.get_or_insert(done.session);
    }
    faults
}

/// Stores a flow with the files of its case, each named by the reference that its upload was answered with.
async fn uploaded(stack: &Stack, folder: &Path, data: &Json) -> String {
    let flow = stack.create_flow(data).await;
    let mut text = data.to_string();
    for file in files(folder) {
        let bytes = std::fs::read(folder.join("files").join(&file)).unwrap();
        let reference = stack.upload(&flow, &file, bytes).await;
        text = text.replace(&format!("{{file:{file}}}"), &reference);
    }
    let data: Json = serde_json::from_str(&text).unwrap();
    stack.call(Method::PATCH, &format!("/api/v1/flows/{flow}"), Some(&json!({"data": data}))).await;
    flow
}

/// The names of a case's files.
fn files(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder.join("files")).into_iter().flatten();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

fn with_session(body: &Json, session: Option<&str>) -> Json {
    let Some(session) = session else { return body.clone() };
    body.to_string().replace("{session}", session).parse().unwrap()
}

async fn at_once(stack: &Stack, kind: Kind, flow: &str, body: &Json) -> Done {
    let route = if kind == Kind::Process { "process" } else { "run" };
    let answer = stack.post(&format!("/api/v1/{route}/{flow}"), body).await;
    let done = Done {
        status: answer.status,
        session: text(&answer.body["session_id"]),
        result: if kind == Kind::Process { answer.body["result"].clone() } else { answer.body.clone() },
        error: answer.detail(),
    };
    // A run leaves a task that says the same.
    if let Some(task) = answer.task() {
        let polled = stack.ended(&task).await;
        let wanted = if answer.status == 200 { "SUCCESS" } else { "FAILURE" };
        assert_eq!(polled["status"], wanted, "{polled}");
        assert!(answer.status != 200 || polled["result"] == done.result, "{polled}");
    }
    done
}

async fn queued(stack: &Stack, kind: Kind, flow: &str, body: &Json) -> Done {
    let (task, session) = match kind {
        Kind::Process => {
            let mut body = body.clone();
            body["sync"] = json!(false);
            let answer = stack.post(&format!("/api/v1/process/{flow}"), &body).await;
            if answer.status != 200 {
                let error = answer.detail();
                return Done { status: answer.status, session: String::new(), result: Json::Null, error };
            }
            assert_eq!((&answer.body["status"], &answer.body["result"]), (&json!("PENDING"), &Json::Null));
            (text(&answer.body["task"]["id"]), text(&answer.body["session_id"]))
        }
        Kind::Run => submitted(stack, flow, body).await,
    };
    let polled = stack.ended(&task).await;
    let failed = polled["status"] == "FAILURE";
    Done {
        status: if failed { 500 } else { 200 },
        session,
        result: polled["result"].clone(),
        error: if failed { text(&polled["result"]) } else { String::new() },
    }
}

/// A 1.x call for the worker. The route that queues takes neither input type nor output selection, so the call is
/// handed to the runner.
async fn submitted(stack: &Stack, flow: &str, body: &Json) -> (String, String) {
    let tenant = "default".parse().unwrap();
    let flow = stack.runner.store().flow(&tenant, flow.parse().unwrap()).await.unwrap().unwrap();
    let session = body["session_id"].as_str().map_or_else(|| flow.id.to_string(), str::to_owned);
    let output = match (body["output_component"].as_str(), body["output_type"].as_str().unwrap_or("chat")) {
        (Some(component), _) => OutputSelection::Component(component.to_owned()),
        (None, "any") => OutputSelection::Any,
        (None, "debug") => OutputSelection::Debug,
        (None, word) => OutputSelection::Named(word.to_owned()),
    };
    let call = Call::Run {
        input_value: body["input_value"].as_str().map(str::to_owned),
        input_type: serde_json::from_value::<InputType>(body["input_type"].clone()).unwrap_or_default(),
        output,
        tweaks: body["tweaks"].as_object().cloned().unwrap_or_default(),
    };
    let session_id = session.as_str().try_into().unwrap();
    let job = Job { tenant, flow, session: session_id, call, options: Options::default() };
    (stack.runner.submit(&job).await.unwrap().task.to_string(), session)
}

fn compare(stack: &Stack, call: &CaseCall, done: &Done, kind: Kind, way: Way) -> Vec<String> {
    let mut faults = Vec::new();
    // A task has failed or not; which status a failure has is a matter of the synchronous answer.
    let same_status =
        done.status == call.status || way == Way::Queued && done.status >= 400 && call.status >= 400;
    if !same_status {
        faults.push(format!("status {}, want {}: {}", done.status, call.status, done.error));
    }
    if call.status == 200 {
        let result = if kind == Kind::Process { done.result.clone() } else { texts(&done.result) };
        if result != call.result {
            faults.push(format!("result {result}, want {}", call.result));
        }
    }
    if let Some(error) = &call.error
        && !done.error.contains(error)
    {
        faults.push(format!("error {:?}, want {error:?}", done.error));
    }
    let seen = stack.provider.seen();
    if seen.len() != call.requests.len() {
        faults.push(format!("{} requests, want {}", seen.len(), call.requests.len()));
    }
    for wanted in &call.requests {
        if !seen.iter().any(|request| holds(&json!({"path": request.path, "body": request.body}), wanted)) {
            faults.push(format!(
                "no request holds {wanted}; seen {:?}",
                seen.iter().map(|s| &s.body).collect::<Vec<_>>()
            ));
        }
    }
    faults
}

/// The text of each output of a 1.x answer, by the id of its node; what has no text, by its kind.
fn texts(answer: &Json) -> Json {
    let outputs = answer["outputs"][0]["outputs"].as_array().cloned().unwrap_or_default();
    let all: Map<String, Json> = outputs
        .iter()
        .map(|output| {
            let results: BTreeMap<String, Json> =
                serde_json::from_value(output["results"].clone()).unwrap_or_default();
            let texts: Vec<String> = results
                .values()
                .map(|value| value["text"].as_str().map_or_else(|| value.to_string(), str::to_owned))
                .collect();
            (text(&output["component_id"]), json!(texts.join("|")))
        })
        .collect();
    Json::Object(all)
}

/// Whether `value` has all that `wanted` has: fields of objects, entries of lists one by one.
fn holds(value: &Json, wanted: &Json) -> bool {
    match (value, wanted) {
        (Json::Object(value), Json::Object(wanted)) => {
            wanted.iter().all(|(name, wanted)| value.get(name).is_some_and(|value| holds(value, wanted)))
        }
        (Json::Array(value), Json::Array(wanted)) => {
            value.len() == wanted.len()
                && value.iter().zip(wanted).all(|(value, wanted)| holds(value, wanted))
        }
        (value, wanted) => value == wanted,
    }
}

fn text(value: &Json) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
