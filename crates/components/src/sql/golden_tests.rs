//! SQLDatabaseChain against a recording of Langflow 0.6: the same replies must lead to the same prompts.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use millrace_engine::{Capability, File, Files, Inputs, Nowhere, RunError, Value};
use millrace_outbound::{Sql, SqlConfig};
use serde_json::{Value as Json, json};

use crate::registry;
use crate::stand_in::{Scripted, Stand};

fn recordings() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/langflow-0.6")
}

fn recorded(path: &str) -> Option<Json> {
    let text = std::fs::read_to_string(recordings().join(path)).ok()?;
    serde_json::from_str(&text).ok()
}

struct Fixtures;

#[async_trait]
impl Files for Fixtures {
    async fn read(&self, reference: &str, limit: u64) -> Result<File, RunError> {
        Nowhere.read(reference, limit).await
    }

    async fn list(&self, folder: &str) -> Result<Vec<String>, RunError> {
        Nowhere.list(folder).await
    }

    async fn on_disk(&self, reference: &str) -> Result<PathBuf, RunError> {
        Ok(recordings().join(reference))
    }
}

/// The prompt's text in a flow.
fn template(flow: &Json) -> String {
    let nodes = flow["data"]["nodes"].as_array().unwrap().iter();
    let mut templates =
        nodes.filter_map(|node| node["data"]["node"]["template"]["template"]["value"].as_str());
    templates.next().unwrap().to_owned()
}

#[tokio::test]
async fn recorded_replies_lead_to_recorded_prompts() {
    let (Some(golden), Some(flow)) =
        (recorded("goldens/simple_database.json"), recorded("flows/Simple Database Example.json"))
    else {
        println!("skipped: no recordings beside the repository");
        return;
    };
    let mut stand = Stand::offline();
    stand.services.files = Arc::new(Fixtures);
    stand.services.resources = stand.services.resources.with(Sql::new(SqlConfig::default()));
    let cx = stand.cx();
    let turn = &golden["turns"][0];
    let calls = turn["llm_calls"].as_array().unwrap();
    let replies: Vec<&str> = calls.iter().map(|call| call["reply"]["content"].as_str().unwrap()).collect();
    let model = Scripted::saying(&replies);
    let made = |name: &'static str, inputs: Vec<(&str, Value)>| {
        let cx = cx.clone();
        let inputs: Inputs = inputs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        async move {
            let entry = registry().get(name).unwrap();
            entry.run(inputs, &cx).await.unwrap().get(entry.spec.outputs[0].name).cloned().unwrap()
        }
    };
    let db =
        made("SQLDatabase", vec![("database_uri", Value::Json(json!("sqlite:///fixtures/shop.db")))]).await;
    let prompt = made("PromptTemplate", vec![("template", Value::Json(json!(template(&flow))))]).await;
    let llm = Value::Capability(Capability::ChatModel(model.clone()));
    let chain = made("SQLDatabaseChain", vec![("llm", llm), ("db", db), ("prompt", prompt)]).await;
    let Value::Capability(Capability::Chain(chain)) = chain else { panic!("a chain") };
    let inputs = turn["request"]["body"]["inputs"].as_object().unwrap().clone();
    let answer = chain.call(&cx, inputs).await.unwrap();
    assert_eq!(Json::Object(answer.outputs), turn["response"]["result"]);
    let expected: Vec<&str> =
        calls.iter().map(|call| call["body"]["messages"][0]["content"].as_str().unwrap()).collect();
    assert_eq!(model.prompts(), expected);
}
