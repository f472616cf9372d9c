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
    let (cx, documents) = (stand.cx().scope(name), documents(texts));
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
