//! Flows that call flows.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use millrace_engine::{
    ErrorKind, Flows, LoadedFlow, MAX_FLOW_DEPTH, MemoryJournal, MemorySessions, ProcessInputs, Run,
    RunError, Services, process,
};
use serde_json::{Map, Value as Json, json};

use crate::stand::{self, Outside, flow, node};

/// Flows by name; the newest version of each is the last.
#[derive(Clone, Default)]
struct Shelf(Arc<Mutex<HashMap<String, Vec<Json>>>>);

impl Shelf {
    fn put(&self, name: &str, data: Json) {
        self.0.lock().unwrap().entry(name.to_owned()).or_default().push(data);
    }
}

#[async_trait]
impl Flows for Shelf {
    async fn load(&self, flow: &str, version: Option<&str>) -> Result<LoadedFlow, RunError> {
        let all = self.0.lock().unwrap();
        let absent = || RunError::new(ErrorKind::Flow, format!("there is no flow {flow}"));
        let versions = all.get(flow).ok_or_else(absent)?;
        let version = version.map_or(versions.len() - 1, |version| version.parse().unwrap());
        Ok(LoadedFlow {
            id: flow.to_owned(),
            version: version.to_string(),
            plan: stand::plan(&versions[version]).unwrap(),
            sessions: Arc::new(MemorySessions::default()),
        })
    }
}

fn calls(name: &str) -> Json {
    flow(&[node("Call-1", "Call", json!({"flow": name, "text": "hi"}))], &[])
}

fn run(shelf: &Shelf, outside: &Outside, journal: &Arc<MemoryJournal>) -> Run {
    let plan = stand::plan(&calls("inner")).unwrap();
    let services =
        Services { flows: Arc::new(shelf.clone()), journal: journal.clone(), ..stand::services(outside) };
    stand::run(&plan, services)
}

async fn answer(run: &Run) -> Result<Json, RunError> {
    Ok(process(run, ProcessInputs::One(Map::new())).await?.result)
}

#[tokio::test]
async fn the_text_goes_to_the_only_input_and_the_result_comes_back() {
    let (shelf, outside, journal) = (Shelf::default(), Outside::default(), Arc::default());
    shelf.put("inner", flow(&[node("Ask-1", "Ask", json!({}))], &[]));
    let answer = answer(&run(&shelf, &outside, &journal)).await.unwrap();
    let text = answer.as_str().unwrap();
    assert!(text.starts_with("<before> {") && text.ends_with("} <after>"), "{text}");
    assert!(text.contains("hi"), "{text}");
    assert_eq!(outside.performed(), 4);
}

/// A flow that is changed while a task that calls it is under way is called as it was.
#[tokio::test]
async fn a_run_that_is_resumed_repeats_nothing_and_calls_the_same_version() {
    let (shelf, outside, journal) = (Shelf::default(), Outside::default(), Arc::default());
    shelf.put("inner", flow(&[node("Ask-1", "Ask", json!({"extra": "first"}))], &[]));
    let first = answer(&run(&shelf, &outside, &journal)).await.unwrap();
    shelf.put("inner", flow(&[node("Ask-1", "Ask", json!({"extra": "second"}))], &[]));
    let second = answer(&run(&shelf, &outside, &journal)).await.unwrap();
    assert_eq!(first, second);
    assert_eq!(outside.performed(), 4);
}

#[tokio::test]
async fn flows_that_call_each_other_without_end_are_stopped() {
    let (shelf, outside, journal) = (Shelf::default(), Outside::default(), Arc::default());
    shelf.put("inner", calls("inner"));
    let error = answer(&run(&shelf, &outside, &journal)).await.unwrap_err();
    assert!(error.message.contains(&format!("more than {MAX_FLOW_DEPTH} deep")), "{error}");
    assert_eq!(outside.performed() as u32, MAX_FLOW_DEPTH + 1);
}

#[tokio::test]
async fn a_flow_that_is_not_there_is_named() {
    let (shelf, outside, journal) = (Shelf::default(), Outside::default(), Arc::default());
    let error = answer(&run(&shelf, &outside, &journal)).await.unwrap_err();
    assert!(error.message.contains("there is no flow inner"), "{error}");
}
