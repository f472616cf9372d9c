//! The agents over files against recordings of Langflow 0.6: the same replies must lead to the same calls,
//! and to the same observations in them.

use std::path::{Path, PathBuf};

use millrace_engine::{Capability, Context, Inputs, Value};
use serde_json::{Value as Json, json};

use crate::registry;
use crate::stand_in::{Scripted, Stand};

fn recordings() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/langflow-0.6")
}

async fn made(cx: &Context, name: &str, inputs: Inputs) -> Value {
    let entry = registry().get(name).unwrap();
    entry.run(inputs, cx).await.unwrap().get(entry.spec.outputs[0].name).cloned().unwrap()
}

fn field(name: &str, value: Value) -> (String, Value) {
    (name.to_owned(), value)
}

async fn agent(cx: &Context, kind: &str, file: &str, llm: Value) -> Value {
    let path = field("path", Value::Json(json!(file)));
    if kind == "CSVAgent" {
        return made(cx, kind, vec![field("llm", llm), path]).await;
    }
    let length = field("max_value_length", Value::Json(json!(4000)));
    let spec = made(cx, "JsonSpec", vec![path, length]).await;
    let toolkit = made(cx, "JsonToolkit", vec![field("spec", spec)]).await;
    made(cx, kind, vec![field("llm", llm), field("toolkit", toolkit)]).await
}

/// What the tools answered, in order, as a prompt shows it.
fn observations(prompt: &str) -> Vec<String> {
    let (_, worked) = prompt.rsplit_once("Question: ").unwrap();
    let parts = worked.split("Observation: ").skip(1);
    parts.map(|part| part.split("\nThought:").next().unwrap_or_default().to_owned()).collect()
}

#[tokio::test]
async fn recorded_replies_lead_to_recorded_calls() {
    let cases = [
        ("json_agent", "JsonAgent", "spec.json"),
        ("json_agent_errors", "JsonAgent", "spec.json"),
        ("csv_agent_06", "CSVAgent", "people.csv"),
    ];
    for (golden, kind, file) in cases {
        let Ok(recorded) = std::fs::read_to_string(recordings().join(format!("goldens/{golden}.json")))
        else {
            println!("skipped: no recordings beside the repository");
            return;
        };
        let recorded: Json = serde_json::from_str(&recorded).unwrap();
        let turn = &recorded["turns"][0];
        let calls = turn["llm_calls"].as_array().unwrap();
        let replies: Vec<&str> =
            calls.iter().map(|call| call["reply"]["content"].as_str().unwrap()).collect();
        let model = Scripted::saying(&replies);
        let bytes = std::fs::read(recordings().join("fixtures").join(file)).unwrap();
        let stand = Stand::offline().files(&[(file, &bytes)]);
        let cx = stand.cx();
        let llm = Value::Capability(Capability::ChatModel(model.clone()));
        let Value::Capability(Capability::Chain(chain)) = agent(&cx, kind, file, llm).await else {
            panic!("{golden}: a chain")
        };
        let inputs = turn["request"]["body"]["inputs"].as_object().unwrap().clone();
        let answer = chain.call(&cx, inputs).await.unwrap();
        assert_eq!(Json::Object(answer.outputs), turn["response"]["result"], "{golden}");
        let prompts = model.prompts();
        assert_eq!(prompts.len(), calls.len(), "{golden}");
        for (prompt, call) in prompts.iter().zip(calls) {
            let expected = call["body"]["messages"][0]["content"].as_str().unwrap();
            assert_eq!(observations(prompt), observations(expected), "{golden}");
        }
        let stops = calls[0]["body"]["stop"].as_array().unwrap();
        assert!(
            model.asked.lock().unwrap().iter().all(|request| json!(request.stop) == json!(stops)),
            "{golden}"
        );
    }
}
