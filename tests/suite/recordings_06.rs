//! Flows of Langflow 0.6 give what Langflow 0.6 gave: the recordings, replayed at once and through the queue.
//!
//! Compared are success or failure, the result, and every request to a model in whole, but for prompts that
//! Langflow brings along itself. Where Langflow failed, passing is not a fault.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use reqwest::Method;
use serde_json::{Value as Json, json};

use crate::differences;
use crate::provider::{Reply, Seen};
use crate::recordings::{self, same};
use crate::stack::{Setup, Stack};

/// Components with prompts of their own, in our words.
const OWN_WORDS: [&str; 24] = [
    "AgentInitializer",
    "Calculator",
    "CombineDocsChain",
    "ConversationChain",
    "ConversationEntityMemory",
    "ConversationKGMemory",
    "ConversationSummaryMemory",
    "ConversationalRetrievalChain",
    "CSVAgent",
    "JsonAgent",
    "LLMCheckerChain",
    "LLMMathChain",
    "MidJourneyPromptChain",
    "MultiQueryRetriever",
    "OpenAIConversationalAgent",
    "RetrievalQA",
    "RetrievalQAWithSourcesChain",
    "SeriesCharacterChain",
    "SQLAgent",
    "SQLDatabaseChain",
    "TimeTravelGuideChain",
    "VectorStoreAgent",
    "VectorStoreRouterAgent",
    "ZeroShotAgent",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn recordings_replay_at_once() {
    replay_all(false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn recordings_replay_through_the_queue() {
    replay_all(true).await;
}

async fn replay_all(queued: bool) {
    let Some(folder) = recordings::folder("langflow-0.6") else { return };
    let files = Some(folder.join("fixtures"));
    let stack = Stack::with(Setup { files, ..Setup::default() }).await;
    stack.provider.serve(&folder.join("fixtures/site"));
    let (mut ran, mut skipped, mut found) = (Vec::new(), Vec::new(), BTreeMap::new());
    for path in recordings::goldens(&folder) {
        let (name, recording) = (recordings::name(&path), recordings::read(&path, &stack.provider.url()));
        let data = flow_data(&folder, &recording, &stack.provider.url());
        let missing = recordings::missing(&data);
        if !missing.is_empty() {
            skipped.push((name, missing));
            continue;
        }
        let own_words =
            OWN_WORDS.iter().any(|kind| data.to_string().contains(&format!(r#""type":"{kind}""#)));
        let differing =
            Replay { stack: &stack, folder: &folder, queued, own_words }.turns(&recording, &data).await;
        found.extend(
            differing.into_iter().map(|(turn, difference)| (format!("{name}, turn {turn}"), difference)),
        );
        ran.push(name);
    }
    recordings::report("langflow-0.6", &ran, &skipped);
    assert!(ran.len() >= 10, "only {} recordings could be replayed", ran.len());
    differences::check("Recordings", &found);
}

/// The flow's data, changed as the recording says.
pub fn flow_data(folder: &Path, recording: &Json, provider: &str) -> Json {
    let file = Path::new(recording["flow_file"].as_str().unwrap()).file_name().unwrap();
    let mut data = recordings::read(&folder.join("flows").join(file), provider)["data"].take();
    for (id, fields) in recording["edit"].as_object().into_iter().flatten() {
        let nodes = data["nodes"].as_array_mut().unwrap();
        let node = nodes.iter_mut().find(|node| node["id"] == *id).unwrap();
        for (field, parts) in fields.as_object().unwrap() {
            for (part, value) in parts.as_object().unwrap() {
                node["data"]["node"]["template"][field][part] = value.clone();
            }
        }
    }
    data
}

/// The recorded calls of models that write. Embeddings are answered by rule, however often they are asked for, and
/// so are searches.
fn model_calls(turn: &Json) -> Vec<Json> {
    let calls = turn["llm_calls"].as_array().cloned().unwrap_or_default();
    let writes = |call: &Json| ["messages", "prompt"].iter().any(|name| call["body"].get(name).is_some());
    calls.into_iter().filter(writes).collect()
}

/// What the provider answers in a turn, each to the request that was recorded.
pub fn replies(turn: &Json) -> Vec<Reply> {
    let reply = |call: &Json| Reply { to: Some(call["body"].clone()), reply: call["reply"].clone() };
    model_calls(turn).iter().map(reply).collect()
}

fn names_of_files(value: &Json, names: &mut Vec<String>) {
    match value {
        Json::String(text) => names.extend(text.strip_prefix("fixtures/").map(str::to_owned)),
        Json::Array(list) => list.iter().for_each(|value| names_of_files(value, names)),
        Json::Object(map) => map.values().for_each(|value| names_of_files(value, names)),
        _ => {}
    }
}

struct Replay<'a> {
    stack: &'a Stack,
    folder: &'a Path,
    queued: bool,
    own_words: bool,
}

impl Replay<'_> {
    /// The turns that differ, counted from 0, and how.
    async fn turns(&self, recording: &Json, data: &Json) -> BTreeMap<usize, String> {
        let flow = self.stack.create_flow(data).await;
        let uploaded = self.with_files(&flow, data).await;
        if uploaded != *data {
            self.stack
                .call(Method::PATCH, &format!("/api/v1/flows/{flow}"), Some(&json!({"data": uploaded})))
                .await;
        }
        let mut sessions = HashMap::new();
        let mut differing = BTreeMap::new();
        for (i, turn) in recording["turns"].as_array().unwrap().iter().enumerate() {
            let faults = self.turn(turn, &flow, &mut sessions).await;
            if !faults.is_empty() {
                differing.insert(i, faults.join("; "));
            }
        }
        differing
    }

    /// The same with every file of the recordings uploaded, and the path of its answer in its place. A database is
    /// read where it lies.
    async fn with_files(&self, flow: &str, value: &Json) -> Json {
        let mut named = Vec::new();
        names_of_files(value, &mut named);
        let mut text = value.to_string();
        for name in named {
            let file = self.folder.join("fixtures").join(&name);
            if let Ok(bytes) = std::fs::read(&file) {
                let path = self.stack.upload(flow, &name, bytes).await;
                text = text.replace(&format!("\"fixtures/{name}\""), &json!(path).to_string());
            }
        }
        let database = format!("sqlite:///{}/", self.folder.join("fixtures").display());
        serde_json::from_str(&text.replace("sqlite:///fixtures/", &database)).unwrap()
    }

    async fn turn(&self, turn: &Json, flow: &str, sessions: &mut HashMap<String, Json>) -> Vec<String> {
        let mut body = self.with_files(flow, &turn["request"]["body"]).await;
        if let Some(ours) = body["session_id"].as_str().and_then(|recorded| sessions.get(recorded)) {
            body["session_id"] = ours.clone();
        }
        if self.queued {
            body["sync"] = json!(false);
        }
        let calls = model_calls(turn);
        self.stack.provider.script(replies(turn));
        let path = turn["request"]["path"].as_str().unwrap().replace("{flow_id}", flow);
        let answer = self.stack.post(&path, &body).await;
        if let Some(recorded) = turn["response"]["session_id"].as_str() {
            sessions.insert(recorded.to_owned(), answer.body["session_id"].clone());
        }
        let (passed, result) = match answer.body["task"]["id"].as_str() {
            Some(task) if answer.body["status"] == "PENDING" => {
                let polled = self.stack.ended(task).await;
                (polled["status"] == "SUCCESS", polled["result"].clone())
            }
            _ if answer.status < 400 => (true, answer.body["result"].clone()),
            _ => (false, answer.body.clone()),
        };
        self.compare(turn, passed, &result, &calls)
    }

    fn compare(&self, turn: &Json, passed: bool, result: &Json, calls: &[Json]) -> Vec<String> {
        let recorded = &turn["response"];
        let had_passed = turn["status"].as_u64() < Some(400) && recorded["status"] != "FAILURE";
        if !had_passed {
            if passed {
                println!(
                    "better: passes here, with Langflow: {}",
                    recorded.to_string().chars().take(90).collect::<String>()
                );
            }
            return Vec::new();
        }
        // What is not asynchronous in Langflow nests its result once more.
        let nested =
            recorded["result"]["session_id"].is_string() && recorded["result"].get("result").is_some();
        let wanted = if nested { &recorded["result"]["result"] } else { &recorded["result"] };
        let mut faults = Vec::new();
        if !passed || result != wanted {
            faults.push(format!("passed {passed}: {result}, want {wanted}"));
        }
        let mut seen = self.stack.provider.seen();
        seen.retain(|request| !request.path.ends_with("/embeddings"));
        if seen.len() != calls.len() {
            faults.push(format!("{} model calls, want {}", seen.len(), calls.len()));
            return faults;
        }
        for call in calls {
            // Parallel calls come in any order, so each recorded one takes the request that is it.
            match seen.iter().position(|request| self.is(request, call)) {
                Some(found) => drop(seen.remove(found)),
                None => faults.push(format!("no request is {}; seen {seen:?}", call["body"])),
            }
        }
        faults
    }

    fn is(&self, request: &Seen, call: &Json) -> bool {
        let (mut ours, mut theirs) = (request.body.clone(), call["body"].clone());
        if self.own_words {
            blank_texts(&mut ours);
            blank_texts(&mut theirs);
        }
        request.path == call["path"] && same(&ours, &theirs)
    }
}

fn blank_texts(body: &mut Json) {
    for offered in ["functions", "tools"] {
        for tool in body[offered].as_array_mut().into_iter().flatten() {
            let function = if tool["function"].is_object() { &tool["function"] } else { &*tool };
            *tool = json!({"name": function["name"]});
        }
    }
    for message in body["messages"].as_array_mut().into_iter().flatten() {
        message["content"] = json!("");
    }
}
