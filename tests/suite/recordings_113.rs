//! Flows of Langflow 1.13 give what Langflow 1.13 gave, over `/run` and its stream.

use serde_json::{Value as Json, json};

use crate::provider::Reply;
use crate::recordings::{self, same};
use crate::stack::{Answer, Stack};

/// The steps of a recording that are calls of a route there is here.
const STEPS: [&str; 2] = ["v1_run", "v1_run_stream"];
/// Values that vary from run to run, the flow's own id, and the icon, which only Langflow's stream has.
const VOLATILE: [&str; 7] = ["id", "flow_id", "run_id", "graph_run_id", "timestamp", "session_id", "icon"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn recordings_replay() {
    let Some(folder) = recordings::folder("langflow-1.13") else { return };
    let stack = Stack::start().await;
    let (mut ran, mut skipped, mut faults) = (Vec::new(), Vec::new(), Vec::new());
    for path in recordings::goldens(&folder) {
        let (name, recording) = (recordings::name(&path), recordings::read(&path, &stack.provider.url()));
        let Some(file) = recording["flow_file"].as_str() else { continue };
        let data = recordings::read(&folder.join("flows").join(file), &stack.provider.url())["data"].take();
        let missing = recordings::missing(&data);
        if !missing.is_empty() {
            skipped.push((name, missing));
            continue;
        }
        let flow = stack.create_flow(&data).await;
        let steps = recording["steps"].as_array().unwrap().iter();
        for step in steps.filter(|step| STEPS.iter().any(|name| step["name"] == *name)) {
            let found = replay(&stack, &flow, step).await;
            faults.extend(found.into_iter().map(|fault| format!("{name}, {}: {fault}", step["name"])));
        }
        ran.push(name);
    }
    recordings::report("langflow-1.13", &ran, &skipped);
    assert!(ran.iter().any(|name| name == "Basic_Prompting"));
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

async fn replay(stack: &Stack, flow: &str, step: &Json) -> Vec<String> {
    let events = step["response"]["_raw_text"].as_str().map(frames);
    let recorded = match &events {
        Some(events) => events.last().unwrap()["data"]["result"].clone(),
        None => step["response"].clone(),
    };
    let text = &recorded["outputs"][0]["outputs"][0]["results"]["message"]["text"];
    stack.provider.script([Reply::next(text.clone())]);
    let path = step["request"]["path"].as_str().unwrap();
    let query = path.split_once('?').map(|(_, query)| format!("?{query}")).unwrap_or_default();
    let answer = stack.post(&format!("/api/v1/run/{flow}{query}"), &step["request"]["body"]).await;
    let mut faults = Vec::new();
    if answer.status != 200 {
        return vec![format!("{}: {}", answer.status, answer.body)];
    }
    let ours = match &events {
        Some(events) => stream_result(&answer, events, &mut faults),
        None => answer.body.clone(),
    };
    if ours["session_id"] != recorded["session_id"] {
        faults.push(format!("session {}", ours["session_id"]));
    }
    let (mut ours, mut theirs) = (ours, recorded);
    blank(&mut ours);
    blank(&mut theirs);
    if !same(&ours, &theirs) {
        faults.push(format!("answer\n{ours}\nwant\n{theirs}"));
    }
    faults.extend(requests(stack, step));
    faults
}

/// The frames of Langflow's stream.
fn frames(text: &str) -> Vec<Json> {
    text.split_terminator("\n\n").map(|frame| serde_json::from_str(frame).unwrap()).collect()
}

/// The result at the end of a stream that has the same kinds of events: how often a message is sent again while
/// it grows, and in how many pieces, is the server's own affair.
fn stream_result(answer: &Answer, recorded: &[Json], faults: &mut Vec<String>) -> Json {
    let ours = frames(answer.body.as_str().unwrap_or_default());
    let kinds = |frames: &[Json]| {
        let mut kinds: Vec<String> = frames.iter().map(|frame| frame["event"].to_string()).collect();
        kinds.dedup();
        kinds.sort();
        kinds.dedup();
        kinds
    };
    if kinds(&ours) != kinds(recorded) {
        faults.push(format!("events {:?}, want {:?}", kinds(&ours), kinds(recorded)));
    }
    let spoken = |frames: &[Json]| {
        let chunks = frames.iter().filter(|frame| frame["event"] == "token");
        chunks.map(|frame| frame["data"]["chunk"].as_str().unwrap_or_default()).collect::<String>()
    };
    if spoken(&ours) != spoken(recorded) {
        faults.push(format!("tokens {:?}, want {:?}", spoken(&ours), spoken(recorded)));
    }
    ours.last().map(|frame| frame["data"]["result"].clone()).unwrap_or_default()
}

/// The requests to the model, but for whether the model streams: here it never does.
fn requests(stack: &Stack, step: &Json) -> Vec<String> {
    let plain = |body: &Json| {
        let mut body = body.clone();
        let fields = body.as_object_mut().unwrap();
        fields.remove("stream");
        fields.remove("stream_options");
        body
    };
    let recorded: Vec<Json> =
        step["llm_requests"].as_array().unwrap().iter().map(|r| plain(&r["body"])).collect();
    let seen: Vec<Json> = stack.provider.seen().iter().map(|request| plain(&request.body)).collect();
    let differ = !same(&Json::Array(seen.clone()), &Json::Array(recorded.clone()));
    if differ { vec![format!("requests {seen:?}, want {recorded:?}")] } else { Vec::new() }
}

/// Blanks what varies.
fn blank(value: &mut Json) {
    match value {
        Json::Object(map) => {
            for (name, value) in map.iter_mut() {
                let is_source = name == "id" && value.as_str().is_some_and(|id| id.contains("Component-"));
                if VOLATILE.contains(&name.as_str()) && !is_source {
                    *value = json!("…");
                } else {
                    blank(value);
                }
            }
        }
        Json::Array(list) => list.iter_mut().for_each(blank),
        _ => {}
    }
}
