//! Agents against recordings of Langflow 0.6: the same replies must lead to the same calls.

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use millrace_engine::{
    Capability, Chain, ChatReply, ChatRequest, Context, Entry, Inputs, RunError, Tool, ToolCall, ToolForm,
    ToolInput, Value,
};
use serde_json::{Map, Value as Json, json};

use super::{agent_initializer, zero_shot_agent};
use crate::memories::buffer;
use crate::stand_in::{Scripted, Stand, reply};
use crate::tools::calculator;

/// A tool with an answer to everything; without one it says what it is told.
#[derive(Debug)]
struct Told(&'static str, Option<&'static str>);

#[async_trait]
impl Tool for Told {
    fn name(&self) -> &str {
        self.0
    }

    fn description(&self) -> &str {
        "Answers."
    }

    async fn call(&self, _: &Context, input: ToolInput) -> Result<String, RunError> {
        Ok(self.1.map_or_else(|| input.into_text(), str::to_owned))
    }
}

struct Case {
    golden: &'static str,
    /// The kind of agent; empty for the node ZeroShotAgent.
    kind: &'static str,
    tool: Told,
    /// Fields of the memory, if there is one.
    memory: Option<Json>,
    iterations: u32,
}

const ECHO: Told = Told("PythonFunction", None);
const PARAGRAPHS: &str = "330 metres tall.\n\n330 metres tall.\n\n330 metres tall.\n\n330 metres tall.";

fn cases() -> Vec<Case> {
    let case = |golden, kind, tool| Case { golden, kind, tool, memory: None, iterations: 10 };
    let remembering = |golden, kind, memory| Case {
        memory: Some(memory),
        ..case(golden, kind, Told("PythonFunction", None))
    };
    vec![
        case("python_function_06", "zero-shot-react-description", ECHO),
        case("tool_python_function_06", "zero-shot-react-description", ECHO),
        Case { iterations: 3, ..case("agent_max_iterations", "zero-shot-react-description", ECHO) },
        case("serpapi_tool", "", Told("Search", Some("SERP[president]"))),
        case("agent_chat_zero_shot_06", "chat-zero-shot-react-description", ECHO),
        case("agent_retriever_tool_06", "openai-functions", Told("notes", Some(PARAGRAPHS))),
        case("calculator_06", "openai-functions", Told("Calculator", None)),
        case("multi_functions_06", "openai-multi-functions", Told("Search", Some("SERP[president]"))),
        remembering("agent_conversational_06", "conversational-react-description", json!({})),
        remembering(
            "agent_chat_conversational_06",
            "chat-conversational-react-description",
            json!({"return_messages": true}),
        ),
        remembering("agent_functions_memory_06", "openai-functions", json!({"memory_key": "history"})),
    ]
}

#[tokio::test]
async fn recorded_replies_lead_to_recorded_calls() {
    for case in cases() {
        let Some(golden) = golden(case.golden) else {
            println!("skipped: no recordings beside the repository");
            return;
        };
        replay(&case, &golden).await;
    }
}

async fn replay(case: &Case, golden: &Json) {
    let mut sessions = None;
    for turn in golden["turns"].as_array().unwrap() {
        let mut stand = Stand::offline();
        stand.services.sessions = sessions.unwrap_or(stand.services.sessions);
        let cx = stand.cx();
        let calls: Vec<&Json> = turn["llm_calls"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|c| c["body"]["messages"].is_array())
            .collect();
        let model = Scripted::replying(calls.iter().map(|call| recorded(&call["reply"])).collect());
        let agent = agent(case, model.clone(), &cx).await;
        let inputs: Map<String, Json> = turn["request"]["body"]["inputs"].as_object().unwrap().clone();
        let outputs = agent.call(&cx, inputs).await.unwrap().outputs;
        let result = &turn["response"]["result"];
        let result = if result["result"].is_object() { &result["result"] } else { result };
        assert_eq!(&Json::Object(outputs), result, "{}", case.golden);
        let asked = model.asked.lock().unwrap();
        assert_eq!(asked.len(), calls.len(), "{}", case.golden);
        for (ours, theirs) in asked.iter().zip(&calls) {
            assert_eq!(shape(ours), recorded_shape(&theirs["body"]), "{}", case.golden);
        }
        let work = asked.iter().map(|request| contents(&messages(request)));
        let theirs = calls.iter().map(|call| contents(call["body"]["messages"].as_array().unwrap()));
        let first = calls[0]["reply"]["content"].as_str().unwrap_or_default();
        // A call of the calculator's own shows no work, but an example and its question.
        for (ours, theirs) in work.zip(theirs).skip(1).filter(|(_, theirs)| !theirs.contains("numexpr")) {
            assert_eq!(since(&ours, first), since(&theirs, first), "{}", case.golden);
        }
        sessions = Some(stand.services.sessions.clone());
    }
}

async fn agent(case: &Case, model: Arc<Scripted>, cx: &Context) -> Arc<dyn Chain> {
    let llm = || ("llm".to_owned(), Value::Capability(Capability::ChatModel(model.clone())));
    let tool = match case.tool.0 {
        "Calculator" => built(&calculator::ENTRY, vec![llm()], cx).await,
        name => Value::Capability(Capability::Tool(Arc::new(Told(name, case.tool.1)))),
    };
    let mut inputs: Inputs = vec![
        llm(),
        ("tools".to_owned(), Value::List(vec![tool])),
        ("agent".to_owned(), Value::text(case.kind)),
        ("max_iterations".to_owned(), Value::Json(json!(case.iterations))),
    ];
    if let Some(Json::Object(fields)) = case.memory.clone() {
        let fields = fields.into_iter().map(|(name, value)| (name, Value::Json(value))).collect();
        inputs.push(("memory".to_owned(), built(&buffer::ENTRY, fields, cx).await));
    }
    let entry = if case.kind.is_empty() { &zero_shot_agent::ENTRY } else { &agent_initializer::ENTRY };
    match built(entry, inputs, cx).await {
        Value::Capability(Capability::Chain(agent)) => agent,
        other => panic!("{other:?} is no agent"),
    }
}

async fn built(entry: &Entry, inputs: Inputs, cx: &Context) -> Value {
    let outputs = entry.run(inputs, cx).await.unwrap();
    outputs.get(entry.spec.outputs[0].name).unwrap().clone()
}

fn golden(name: &str) -> Option<Json> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../..");
    let path = root.join("shared/langflow-0.6/goldens").join(name).with_extension("json");
    Some(serde_json::from_str(&std::fs::read_to_string(path).ok()?).unwrap())
}

fn recorded(message: &Json) -> ChatReply {
    let call = message.get("function_call").map(|call| ToolCall {
        id: String::new(),
        name: call["name"].as_str().unwrap().to_owned(),
        arguments: call["arguments"].as_str().unwrap().to_owned(),
    });
    reply(message["content"].as_str().unwrap_or_default(), call.into_iter().collect())
}

/// The messages as the provider gets them, as far as they are compared.
fn messages(request: &ChatRequest) -> Vec<Json> {
    let json = json!(request.messages);
    let mut messages = json.as_array().unwrap().clone();
    for message in &mut messages {
        if message["role"] == "tool" && request.tool_form == ToolForm::Functions {
            message["role"] = json!("function");
        }
    }
    messages
}

fn roles(messages: &[Json]) -> Vec<Json> {
    messages.iter().map(|message| message["role"].clone()).collect()
}

/// What all but the system says.
fn contents(messages: &[Json]) -> String {
    let said = messages.iter().filter(|message| message["role"] != "system");
    said.map(|message| message["content"].as_str().unwrap_or_default()).collect::<Vec<_>>().join("\n")
}

/// A text from this part on: what stands before is wording.
fn since<'a>(text: &'a str, part: &str) -> &'a str {
    text.find(part).map_or(text, |at| &text[at..])
}

fn shape(request: &ChatRequest) -> Json {
    let tools: Vec<_> = request.tools.iter().map(|tool| tool.name.clone()).collect();
    json!({"roles": roles(&messages(request)), "stop": request.stop, "tools": tools})
}

fn recorded_shape(body: &Json) -> Json {
    let functions = body["functions"].as_array().cloned().unwrap_or_default();
    let tools: Vec<_> = functions.iter().map(|function| function["name"].clone()).collect();
    let stop = body.get("stop").cloned().unwrap_or_else(|| json!([]));
    json!({"roles": roles(body["messages"].as_array().unwrap()), "stop": stop, "tools": tools})
}
