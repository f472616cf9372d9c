//! Recorded conversations of Langflow 0.6.19, played again with the recorded replies.

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use millrace_engine::{
    Capability, Chain, Context, Document, Entry, Inputs, Retriever, Role, RunError, Value,
};
use serde_json::{Map, Value as Json, json};

use super::*;
use crate::memories;
use crate::stand_in::{Scripted, Stand};

/// A recording and the chain of its flow.
struct Case {
    recording: &'static str,
    chain: &'static Entry,
    fields: Json,
    /// The wired memory and its fields.
    memory: Option<(&'static Entry, Json)>,
    /// How the wired documents are asked about.
    combine: Option<&'static str>,
}

impl Case {
    fn of(recording: &'static str, chain: &'static Entry, fields: Json) -> Self {
        Self { recording, chain, fields, memory: None, combine: None }
    }

    fn memory(self, memory: &'static Entry, fields: Json) -> Self {
        Self { memory: Some((memory, fields)), ..self }
    }

    fn combine(self, chain_type: &'static str) -> Self {
        Self { combine: Some(chain_type), ..self }
    }
}

fn recording(name: &str) -> Option<Json> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/langflow-0.6/goldens");
    let Ok(text) = std::fs::read_to_string(root.join(format!("{name}.json"))) else {
        println!("skipped: the recording {name} is not here");
        return None;
    };
    Some(serde_json::from_str(&text).unwrap())
}

/// The model calls of a turn, without embeddings.
fn calls(turn: &Json) -> Vec<&Json> {
    let all = turn["llm_calls"].as_array().unwrap();
    all.iter().filter(|call| call["body"].get("messages").is_some()).collect()
}

/// The documents that the recorded prompts show.
fn documents(turn: &Json) -> Vec<Document> {
    let mut found = Vec::new();
    for call in calls(turn) {
        for message in call["body"]["messages"].as_array().unwrap() {
            let content = message["content"].as_str().unwrap();
            let shown = content.split_once("----------------\n").or_else(|| content.split_once("___\n"));
            let Some((_, texts)) = shown.filter(|_| message["role"] == "system") else { continue };
            // What the last prompt of map_reduce shows are replies.
            found.extend(texts.split("\n\n").filter(|text| !text.starts_with("MOCK")).map(str::to_owned));
        }
    }
    let document = |page_content| Document { page_content, metadata: Map::new() };
    found.into_iter().map(document).collect()
}

#[derive(Debug)]
struct Shelf(Vec<Document>);

#[async_trait]
impl Retriever for Shelf {
    async fn retrieve(&self, _: &Context, _: &str) -> Result<Vec<Document>, RunError> {
        Ok(self.0.clone())
    }
}

fn fields(json: &Json) -> Inputs {
    json.as_object().unwrap().iter().map(|(name, value)| (name.clone(), Value::Json(value.clone()))).collect()
}

async fn made(entry: &Entry, inputs: Inputs, cx: &Context) -> Value {
    let outputs = entry.run(inputs, cx).await.unwrap();
    outputs.get(entry.spec.outputs[0].name).unwrap().clone()
}

async fn chain(case: &Case, llm: &Arc<Scripted>, shelf: Vec<Document>, cx: &Context) -> Arc<dyn Chain> {
    let model = || ("llm".to_owned(), Value::Capability(Capability::ChatModel(llm.clone())));
    let mut inputs = fields(&case.fields);
    inputs.push(model());
    if let Some(Json::String(template)) = case.fields.get("prompt") {
        let prompt = millrace_engine::Prompt::plain(millrace_engine::Template::parse(template).unwrap());
        inputs.retain(|(name, _)| name != "prompt");
        inputs.push(("prompt".to_owned(), Value::Capability(Capability::Prompt(Arc::new(prompt)))));
    }
    if let Some((entry, json)) = &case.memory {
        let mut memory = fields(json);
        memory.push(model());
        inputs.push(("memory".to_owned(), made(entry, memory, cx).await));
    }
    if let Some(chain_type) = case.combine {
        let combine = vec![model(), ("chain_type".to_owned(), Value::text(chain_type))];
        let combine = made(&combine_docs_chain::ENTRY, combine, cx).await;
        inputs.push(("combine_documents_chain".to_owned(), combine));
    }
    inputs.push(("retriever".to_owned(), Value::Capability(Capability::Retriever(Arc::new(Shelf(shelf))))));
    match made(case.chain, inputs, cx).await {
        Value::Capability(Capability::Chain(chain)) => chain,
        other => panic!("{}: {other:?}", case.recording),
    }
}

/// Plays the turns of one session and compares: the result, and of each call the roles, the stop texts, and
/// whether it shows what the recorded one shows of inputs, replies and documents.
async fn play(case: &Case, turns: &[&Json]) {
    let all: Vec<&Json> = turns.iter().flat_map(|turn| calls(turn)).collect();
    let replies: Vec<&str> = all.iter().map(|call| call["reply"]["content"].as_str().unwrap()).collect();
    let shelf = documents(turns[0]);
    let mut shown: Vec<String> = replies.iter().map(|reply| (*reply).to_owned()).collect();
    shown.extend(shelf.iter().map(|document| document.page_content.clone()));
    let (stand, llm) = (Stand::offline(), Scripted::saying(&replies));
    let chain = chain(case, &llm, shelf, &stand.cx()).await;
    for (place, turn) in turns.iter().enumerate() {
        let inputs = turn["request"]["body"]["inputs"].as_object().unwrap().clone();
        shown.extend(inputs.values().map(|value| value.as_str().unwrap().to_owned()));
        let result = &turn["response"]["result"];
        let wanted = result.get("result").filter(|inner| inner.is_object()).unwrap_or(result);
        let answer = chain.call(&stand.cx().scope(&format!("turn-{place}")), inputs).await.unwrap();
        assert_eq!(&Json::Object(answer.outputs), wanted, "{}, turn {place}", case.recording);
    }
    let asked = llm.asked.lock().unwrap();
    assert_eq!(asked.len(), all.len(), "{}: model calls", case.recording);
    for (ours, theirs) in asked.iter().zip(&all) {
        let messages = theirs["body"]["messages"].as_array().unwrap();
        let roles: Vec<_> = messages.iter().map(|message| message["role"].clone()).collect();
        assert_eq!(json!(ours.messages.iter().map(|m| m.role).collect::<Vec<Role>>()), json!(roles));
        assert!(ours.stop.is_empty() && theirs["body"].get("stop").is_none());
        for (our, their) in ours.messages.iter().zip(messages) {
            let their = their["content"].as_str().unwrap();
            for text in shown.iter().filter(|text| their.contains(text.as_str())) {
                assert!(our.content.contains(text), "{}: {text:?} in {:?}", case.recording, our.content);
            }
        }
    }
}

#[tokio::test]
async fn recorded_conversations_go_as_they_went() {
    let buffer = &memories::buffer::ENTRY;
    let history = || json!({"memory_key": "history"});
    let conversation = &conversation_chain::ENTRY;
    let entities = json!({"prompt": "{entities}\n{history}\nH: {input}\nA:"});
    let told = json!({"return_source_documents": false});
    let messages = json!({"return_messages": true});
    let sponge = json!({"character": "SpongeBob", "series": "SpongeBob"});
    let cases = [
        Case::of("series_character", &series_character_chain::ENTRY, sponge),
        Case::of("midjourney", &midjourney_prompt_chain::ENTRY, json!({})),
        Case::of("conv_nomem_06", conversation, json!({})),
        Case::of("conv_buffer_chat_history_06", conversation, json!({})).memory(buffer, history()),
        Case::of("buffer_memory_tweaked", conversation, json!({})).memory(buffer, json!({})),
        Case::of("conv_summary_06", conversation, json!({})).memory(&memories::summary::ENTRY, history()),
        Case::of("llmchain_entity_memory_06", &llm_chain::ENTRY, entities)
            .memory(&memories::entity::ENTRY, json!({})),
        Case::of("llm_checker_06", &llm_checker_chain::ENTRY, json!({})),
        Case::of("retrieval_qa_stuff_nosrc_06", &retrieval_qa::ENTRY, told.clone()).combine("stuff"),
        Case::of("retrieval_qa_faiss_06", &retrieval_qa::ENTRY, told.clone()).combine("stuff"),
        Case::of("retrieval_qa_map_reduce_nosrc_06", &retrieval_qa::ENTRY, told.clone())
            .combine("map_reduce"),
        Case::of("conversational_retrieval_nosrc_06", &conversational_retrieval_chain::ENTRY, told)
            .memory(buffer, messages),
    ];
    for case in cases {
        let Some(recording) = recording(case.recording) else { return };
        let turns = recording["turns"].as_array().unwrap();
        let mut sessions: Vec<Vec<&Json>> = Vec::new();
        for turn in turns {
            match sessions.last_mut() {
                Some(session) if turn["request"]["body"]["session_id"].is_string() => session.push(turn),
                _ => sessions.push(vec![turn]),
            }
        }
        for session in sessions {
            play(&case, &session).await;
        }
    }
}

#[tokio::test]
async fn the_prompt_runner_gives_a_document() {
    let Some(recording) = recording("root_prompt_runner_06") else { return };
    let turn = &recording["turns"][0];
    let llm = Scripted::saying(&[calls(turn)[0]["reply"]["content"].as_str().unwrap()]);
    let prompt = millrace_engine::Prompt::plain(millrace_engine::Template::parse("Say hello").unwrap());
    let inputs = vec![
        ("llm".to_owned(), Value::Capability(Capability::ChatModel(llm.clone()))),
        ("prompt".to_owned(), Value::Capability(Capability::Prompt(Arc::new(prompt)))),
    ];
    let cx = Context::detached(Stand::offline().services, &["document"]);
    let document = made(&prompt_runner::ENTRY, inputs, &cx).await;
    assert_eq!(document.to_json(), turn["response"]["result"]);
    assert_eq!(llm.prompts(), ["Say hello"]);
}

/// What Langflow cannot answer at all: the documents.
#[tokio::test]
async fn documents_are_answered_where_they_are_asked_for() {
    let metadata = json!({"source": "notes.txt"}).as_object().cloned().unwrap();
    let shelf = || vec![Document { page_content: "330 m".to_owned(), metadata: metadata.clone() }];
    let shown = json!([{"page_content": "330 m", "metadata": {"source": "notes.txt"}, "type": "Document"}]);
    let cases = [
        (&retrieval_qa::ENTRY, json!({}), "query", json!({"result": "A\nSOURCES: a"})),
        (
            &retrieval_qa_with_sources_chain::ENTRY,
            json!({}),
            "question",
            json!({"answer": "A\n", "sources": "a"}),
        ),
        (&conversational_retrieval_chain::ENTRY, json!({}), "question", json!({"answer": "A\nSOURCES: a"})),
    ];
    for (entry, fields, question, mut wanted) in cases {
        let case = Case::of("", entry, fields).combine("stuff").memory(&memories::buffer::ENTRY, json!({}));
        let (stand, llm) = (Stand::offline(), Scripted::saying(&["A\nSOURCES: a"]));
        let chain = chain(&case, &llm, shelf(), &stand.cx()).await;
        let inputs = Map::from_iter([(question.to_owned(), json!("How high?"))]);
        let answer = chain.call(&stand.cx().scope("call"), inputs).await.unwrap();
        wanted["source_documents"] = shown.clone();
        assert_eq!(Json::Object(answer.outputs), wanted);
        assert_eq!(chain.input_keys(), [question]);
        let error = chain.call(&stand.cx().scope("again"), Map::new()).await.unwrap_err();
        assert_eq!(error.message, format!("Missing some input keys: {{'{question}'}}"));
    }
}
