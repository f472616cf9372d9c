use std::path::Path;
use std::sync::Arc;

use millrace_engine::{
    Capability, ChatModel, Embedder, Entry, ErrorKind, Inputs, Object, Outputs, Value, VectorStore,
};
use serde_json::{Map, Value as Json, json};

use super::{vector_store_agent, vector_store_router_agent};
use crate::retrieval::collection::Collection;
use crate::retrieval::embedder_stand_in::{Letters, documents};
use crate::retrieval::nearest::Metric;
use crate::stand_in::{Scripted, Stand};
use crate::toolkits::vector_store_info::StoreInfo;
use crate::toolkits::vector_store_tools::{store_tools, toolkit};

async fn info(stand: &Stand, name: &str, texts: &[&str]) -> Arc<StoreInfo> {
    let embedder: Arc<dyn Embedder> = Letters::of(26);
    let (cx, mut documents) = (stand.cx().scope(name), documents(texts));
    for document in &mut documents {
        document.metadata.insert("source".to_owned(), json!("people.csv"));
    }
    // All under one name: flows of several stores often leave the collection's name as it was drawn.
    let collection = "langflow".to_owned();
    let store = Collection::open(&cx, collection, Metric::SquaredL2, embedder, &documents, false).await;
    let store: Arc<dyn VectorStore> = Arc::new(store.unwrap());
    Arc::new(StoreInfo { store, name: name.to_owned(), description: format!("what {name} knows") })
}

async fn run(entry: &Entry, stand: &Stand, inputs: Inputs) -> Outputs {
    entry.run(inputs, &stand.cx()).await.unwrap()
}

fn object(info: Arc<StoreInfo>) -> Value {
    let info: Arc<dyn Object> = info;
    Value::Capability(Capability::Object(info))
}

fn model(model: &Arc<Scripted>) -> (String, Value) {
    let model: Arc<dyn ChatModel> = model.clone();
    ("llm".to_owned(), Value::Capability(Capability::ChatModel(model)))
}

async fn asked(stand: &Stand, outputs: &Outputs, question: &str) -> Json {
    let Some(Value::Capability(Capability::Chain(agent))) = outputs.get("agent") else { panic!("no agent") };
    let inputs = Map::from_iter([("input".to_owned(), json!(question))]);
    Json::Object(agent.call(&stand.cx(), inputs).await.unwrap().outputs)
}

/// Both generations of the node: one is wired to the description, one to a toolkit.
#[tokio::test]
async fn the_agent_asks_the_store_and_answers() {
    for by_toolkit in [false, true] {
        let stand = Stand::offline();
        let llm = Scripted::saying(&[
            "I have to look\nAction: People\nAction Input: alice",
            "she is 31",
            "I know\nFinal Answer: 31",
        ]);
        let info = info(&stand, "People", &["alice is 31", "bob is 25"]).await;
        let wired = match by_toolkit {
            false => ("vectorstoreinfo".to_owned(), object(info)),
            true => {
                let llm: Arc<dyn ChatModel> = llm.clone();
                ("vector_store_toolkit".to_owned(), toolkit(store_tools(&info, &llm)))
            }
        };
        let agent = run(&vector_store_agent::ENTRY, &stand, vec![model(&llm), wired]).await;
        assert_eq!(asked(&stand, &agent, "how old is alice?").await, json!({"output": "31"}));
        let prompts = llm.prompts();
        assert!(
            prompts[0].contains("People:") && prompts[0].contains("People_with_sources:"),
            "{}",
            prompts[0]
        );
        assert!(prompts[0].contains("what People knows"), "{}", prompts[0]);
        assert!(prompts[1].contains("alice is 31\n\nbob is 25"), "{}", prompts[1]);
        assert!(prompts[2].contains("Observation: she is 31"), "{}", prompts[2]);
    }
}

#[tokio::test]
async fn sources_are_named_by_the_other_tool() {
    let stand = Stand::offline();
    let llm = Scripted::saying(&[
        "Action: People_with_sources\nAction Input: alice",
        "she is 31\nSOURCES: people.csv",
        "Final Answer: 31, says people.csv",
    ]);
    let info = object(info(&stand, "People", &["alice is 31"]).await);
    let inputs = vec![model(&llm), ("vectorstoreinfo".to_owned(), info)];
    let agent = run(&vector_store_agent::ENTRY, &stand, inputs).await;
    assert_eq!(asked(&stand, &agent, "and who says so?").await, json!({"output": "31, says people.csv"}));
    let (_, observed) =
        llm.prompts()[2].rsplit_once("Observation: ").map(|(a, b)| (a.len(), b.to_owned())).unwrap();
    let observed: Json = serde_json::from_str(observed.lines().next().unwrap()).unwrap();
    assert_eq!(observed["sources"], "people.csv");
}

/// Two stores whose collections have one name stay apart.
#[tokio::test]
async fn the_router_asks_the_store_it_names() {
    let stand = Stand::offline();
    let llm =
        Scripted::saying(&["Action: Towns\nAction Input: paris", "in france", "Final Answer: in France"]);
    let stores = Value::List(vec![
        object(info(&stand, "People", &["alice is 31"]).await),
        object(info(&stand, "Towns", &["paris is in france"]).await),
    ]);
    let inputs = vec![model(&llm), ("vectorstores".to_owned(), stores)];
    let agent = run(&vector_store_router_agent::ENTRY, &stand, inputs).await;
    assert_eq!(asked(&stand, &agent, "where is paris?").await, json!({"output": "in France"}));
    let prompts = llm.prompts();
    assert!(!prompts[0].contains("with_sources"), "{}", prompts[0]);
    assert!(prompts[1].contains("paris is in france") && !prompts[1].contains("alice"), "{}", prompts[1]);
}

#[tokio::test]
async fn an_agent_without_a_store_is_refused() {
    let (stand, llm) = (Stand::offline(), Scripted::saying(&[]));
    for entry in [&vector_store_agent::ENTRY, &vector_store_router_agent::ENTRY] {
        let error = entry.run(vec![model(&llm)], &stand.cx()).await.unwrap_err();
        assert_eq!((error.kind, error.message.contains("connect it")), (ErrorKind::Flow, true), "{error}");
    }
}

/// Recordings of Langflow 0.6: the same replies lead to the same calls. Those of the leak are told apart by
/// what they must not know.
#[tokio::test]
async fn recorded_replies_lead_to_recorded_calls() {
    let cases = [
        ("vector_store", "UploadExamples"),
        ("csv_loader", "People"),
        ("pdf_loader", "PDF"),
        ("vector_agent_with_sources", "People"),
        ("chroma_leak_a", "UploadExamples"),
        ("chroma_leak_b", "People"),
    ];
    for (name, tool) in cases {
        let path = format!("../../../shared/langflow-0.6/goldens/{name}.json");
        let Ok(text) = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)) else {
            println!("skipped: no recordings beside the repository");
            return;
        };
        replay(name, tool, &serde_json::from_str::<Json>(&text).unwrap()["turns"][0]).await;
    }
}

async fn replay(name: &str, tool: &str, turn: &Json) {
    let all = turn["llm_calls"].as_array().unwrap();
    let calls: Vec<&Json> = all.iter().filter(|call| call["body"]["messages"].is_array()).collect();
    let said: Vec<&str> = calls.iter().map(|call| call["reply"]["content"].as_str().unwrap()).collect();
    let (stand, llm) = (Stand::offline(), Scripted::saying(&said));
    let texts = embedded(&all[0]["body"]["input"]);
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let info = object(info(&stand, tool, &texts).await);
    let inputs = vec![model(&llm), ("vectorstoreinfo".to_owned(), info)];
    let agent = run(&vector_store_agent::ENTRY, &stand, inputs).await;
    let question = turn["request"]["body"]["inputs"]["input"].as_str().unwrap();
    assert_eq!(asked(&stand, &agent, question).await, turn["response"]["result"], "{name}");

    let prompts = llm.prompts();
    let asked = llm.asked.lock().unwrap();
    assert_eq!(asked.len(), calls.len(), "{name}");
    for (ours, theirs) in asked.iter().zip(&calls) {
        let body = &theirs["body"];
        let roles = |messages: &Json| -> Vec<Json> {
            messages.as_array().unwrap().iter().map(|message| message["role"].clone()).collect()
        };
        assert_eq!(roles(&json!(ours.messages)), roles(&body["messages"]), "{name}");
        assert_eq!(json!(ours.stop), body.get("stop").cloned().unwrap_or_else(|| json!([])), "{name}");
    }
    assert!(texts.iter().all(|text| prompts[1].contains(text)), "{name}: {}", prompts[1]);
    assert_eq!(prompts[1].contains("name: Alice"), tool == "People", "{name}: {}", prompts[1]);
    assert_eq!(prompts[1].contains("How to upload"), tool == "UploadExamples", "{name}: {}", prompts[1]);
}

/// The texts of a recorded embedding call, which has their characters as numbers; of a long one the beginning.
fn embedded(input: &Json) -> Vec<String> {
    let text = |codes: &Json| -> String {
        let codes = codes.as_array().unwrap().iter().map(|code| code.as_u64().unwrap() as u32);
        codes.filter_map(char::from_u32).collect()
    };
    match input.get("first") {
        Some(first) => vec![text(first)],
        None => input.as_array().unwrap().iter().map(text).collect(),
    }
}
