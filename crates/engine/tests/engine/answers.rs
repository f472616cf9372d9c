//! What a 1.x run answers: its shape, the selection of outputs, the inputs, the session, the usage.

use millrace_engine::{
    ChatInput, ErrorKind, InputType, Leniency, OutputSelection, RunAnswer, RunError, run_chat,
};
use serde_json::{Value as Json, json};

use crate::stand::{self, Outside, flow, output_edge, output_node, plan, resolve, services};

/// Chat and text in, two thoughts, two answers.
fn wide() -> Json {
    let nodes = [
        output_node(
            "ChatIn-1",
            "Enter",
            "Chat Input",
            &["message"],
            json!({"input_value": "drawn chat", "session_id": ""}),
        ),
        output_node("TextIn-1", "EnterText", "Text Input", &["text"], json!({"input_value": "drawn text"})),
        output_node("Think-1", "Think", "Thinker", &["thought", "doubt"], json!({})),
        output_node("Think-2", "Think", "Second Thinker", &["thought", "doubt"], json!({})),
        output_node("ChatOut-1", "Answer", "Chat Output", &["message"], json!({"session_id": ""})),
        output_node("TextOut-1", "Answer", "Text Output", &["message"], json!({})),
    ];
    let edges = [
        output_edge("ChatIn-1", "message", "Think-1", "input_value"),
        output_edge("Think-1", "thought", "ChatOut-1", "input_value"),
        output_edge("TextIn-1", "text", "Think-2", "input_value"),
        output_edge("Think-2", "thought", "TextOut-1", "input_value"),
    ];
    flow(&nodes, &edges)
}

async fn answered(value: Option<&str>, input_type: InputType, output: OutputSelection) -> RunAnswer {
    let plan = plan(&wide()).unwrap();
    let run = stand::run(&plan, services(&Outside::default()));
    run_chat(&run, &ChatInput { value: value.map(str::to_owned), input_type }, &output).await.unwrap()
}

/// Id and text of each output answered.
fn texts(answer: &RunAnswer) -> Vec<(String, String)> {
    let outputs = answer.outputs[0]["outputs"].as_array().unwrap();
    let text = |o: &Json| o["results"]["message"]["text"].as_str().unwrap_or_default().to_owned();
    outputs.iter().map(|o| (o["component_id"].as_str().unwrap().to_owned(), text(o))).collect()
}

fn pairs(all: &[(&str, &str)]) -> Vec<(String, String)> {
    all.iter().map(|(id, text)| ((*id).to_owned(), (*text).to_owned())).collect()
}

#[tokio::test]
async fn the_callers_text_goes_to_the_inputs_of_its_type() {
    let cases = [
        (None, InputType::Any, "<drawn chat>", "<drawn text>"),
        (Some("hi"), InputType::Chat, "<hi>", "<drawn text>"),
        (Some("hi"), InputType::Text, "<drawn chat>", "<hi>"),
        (Some("hi"), InputType::Any, "<hi>", "<hi>"),
        (Some(""), InputType::Chat, "<>", "<drawn text>"),
    ];
    for (value, input_type, chat, text) in cases {
        let answer = answered(value, input_type, OutputSelection::Any).await;
        assert_eq!(
            texts(&answer),
            pairs(&[("ChatOut-1", chat), ("TextOut-1", text)]),
            "{value:?} {input_type:?}"
        );
        let echoed = value.map_or(json!({}), |value| json!({"input_value": value}));
        assert_eq!(answer.outputs[0]["inputs"], echoed);
    }
}

#[tokio::test]
async fn outputs_are_selected_by_word_vertex_or_all() {
    let both = ["ChatOut-1", "TextOut-1"];
    let all = ["ChatIn-1", "TextIn-1", "Think-1", "Think-2", "ChatOut-1", "TextOut-1"];
    let cases: [(OutputSelection, &[&str]); 8] = [
        (OutputSelection::Named("chat".into()), &both[..1]),
        (OutputSelection::Named("text".into()), &both[1..]),
        // What fits none gets all outputs.
        (OutputSelection::Named("audio".into()), &both),
        (OutputSelection::Any, &both),
        (OutputSelection::Debug, &all),
        (OutputSelection::Component("Think-2".into()), &all[3..4]),
        (OutputSelection::Component("Chat Output".into()), &both[..1]),
        (OutputSelection::Component("nobody".into()), &both),
    ];
    for (selection, ids) in cases {
        let answer = answered(Some("hi"), InputType::Chat, selection.clone()).await;
        let answered: Vec<String> = texts(&answer).into_iter().map(|(id, _)| id).collect();
        assert_eq!(answered, ids, "{selection:?}");
        // The whole flow ran, whatever was asked for.
        assert_eq!((answer.usage.input, answer.usage.output), (6, 4));
    }
}

#[tokio::test]
async fn an_answer_carries_session_source_and_the_usage_upstream_of_it() {
    let answer = answered(Some("hi"), InputType::Chat, OutputSelection::Any).await;
    let message = &answer.outputs[0]["outputs"][0]["results"]["message"];
    assert_eq!(message["session_id"], "s-1");
    let source = json!({"id": "Think-1", "display_name": "Thinker", "source": "mind"});
    assert_eq!(message["properties"]["source"], source);
    // One of the two calls of this run is upstream of this answer.
    let usage = json!({"input_tokens": 3, "output_tokens": 2, "total_tokens": 5});
    assert_eq!(message["properties"]["usage"], usage);
    assert_eq!(message["data"]["session_metadata"]["graph_run_id"], "0197a000-0000-7000-8000-000000000001");
    assert_eq!(message["timestamp"], "1970-01-01 00:00:00.000000 UTC");
    let stored: Vec<&str> = answer.messages.iter().map(|message| message.text.as_str()).collect();
    assert_eq!(stored.len(), 2);
    assert!(stored.contains(&"<hi>") && stored.contains(&"<drawn text>"));
}

#[tokio::test]
async fn message_ids_are_the_same_in_every_attempt_and_differ_within_one() {
    let ids = |answer: &RunAnswer| -> Vec<String> { answer.messages.iter().map(|m| m.id.clone()).collect() };
    let mut first = ids(&answered(None, InputType::Any, OutputSelection::Any).await);
    let mut second = ids(&answered(None, InputType::Any, OutputSelection::Any).await);
    first.sort();
    second.sort();
    assert_eq!(first, second);
    assert_ne!(first[0], first[1]);
    assert_eq!(first[0].len(), 36);
}

/// Only outputs that something reads, or all where nothing does, are asked of a component.
#[tokio::test]
async fn outputs_that_nobody_reads_are_not_asked_for() {
    let answer = answered(None, InputType::Any, OutputSelection::Component("Think-1".into())).await;
    assert_eq!(answer.outputs[0]["outputs"][0]["results"]["doubt"], "unasked");
    let lone =
        plan(&flow(&[output_node("t", "Think", "Thinker", &["thought", "doubt"], json!({}))], &[])).unwrap();
    let run = stand::run(&lone, services(&Outside::default()));
    let answer = run_chat(&run, &ChatInput::default(), &OutputSelection::Debug).await.unwrap();
    assert_eq!(answer.outputs[0]["outputs"][0]["results"]["doubt"], "much");
}

#[tokio::test]
async fn text_and_a_tweak_of_it_collide() {
    let given = |value: &str| {
        let value = value.to_owned();
        async move {
            let plan = plan(&wide()).unwrap();
            let mut run = stand::run(&plan, services(&Outside::default()));
            run.tweaks =
                resolve(&plan, json!({"ChatIn-1": {"input_value": "tweaked"}}), Leniency::Strict).unwrap();
            let input = ChatInput { value: Some(value), input_type: InputType::Chat };
            run_chat(&run, &input, &OutputSelection::Any).await
        }
    };
    let error: RunError = given("hi").await.unwrap_err();
    assert_eq!(
        (error.kind, error.message.as_str()),
        (ErrorKind::Tweak, "ChatIn-1: give input_value or a tweak of it, not both")
    );
}

/// One recorded answer of Langflow 1.13, value by value, where the recordings are at hand.
#[tokio::test]
async fn the_answer_has_the_shape_that_langflow_gives_it() {
    let file =
        concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/langflow-1.13/goldens/Basic_Prompting.json");
    let Ok(text) = std::fs::read_to_string(file) else {
        println!("skipped: no recordings of Langflow 1.13 here");
        return;
    };
    let recording: Json = serde_json::from_str(&text).unwrap();
    let step = recording["steps"].as_array().unwrap().iter().find(|step| step["name"] == "v1_run").unwrap();
    let recorded = &step["response"]["outputs"];
    let outputs = answered(Some("hi"), InputType::Chat, OutputSelection::Named("chat".into())).await.outputs;
    assert_eq!(shape(&outputs), shape(recorded));
}

/// Each value replaced by its kind; what is null, empty or false stays as it is.
fn shape(value: &Json) -> Json {
    match value {
        Json::Object(map) => {
            Json::Object(map.iter().map(|(name, value)| (name.clone(), shape(value))).collect())
        }
        Json::Array(list) => Json::Array(list.iter().map(shape).collect()),
        Json::String(text) if text.is_empty() => json!(""),
        Json::String(_) => json!("text"),
        Json::Number(_) => json!("number"),
        other => other.clone(),
    }
}
