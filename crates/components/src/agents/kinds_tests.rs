use async_trait::async_trait;
use millrace_engine::{Chain, Context, ToolInput};
use serde_json::Map;

use super::super::executor::Executor;
use super::*;
use crate::stand_in::{Scripted, Stand};

#[derive(Debug)]
struct Named(&'static str);

#[async_trait]
impl Tool for Named {
    fn name(&self) -> &str {
        self.0
    }

    fn description(&self) -> &str {
        "Takes {anything}"
    }

    async fn call(&self, _: &Context, input: ToolInput) -> Result<String, RunError> {
        Ok(format!("<{}>", input.into_text()))
    }
}

fn tools(names: &[&'static str]) -> Vec<Arc<dyn Tool>> {
    names.iter().map(|name| Arc::new(Named(name)) as Arc<dyn Tool>).collect()
}

/// What an agent of a kind answers, and its model, whose replies are these.
async fn ask(kind: &str, names: &[&'static str], replies: &[&str]) -> (Json, Arc<Scripted>) {
    let (model, tools) = (Scripted::saying(replies), tools(names));
    let planner = planner(kind, model.clone(), &tools).unwrap();
    let agent = Executor { planner, tools, memory: None, max_iterations: 5 };
    assert_eq!(agent.input_keys(), ["input"], "{kind}");
    let inputs = Map::from_iter([("input".to_owned(), json!("go"))]);
    let call = agent.call(&Stand::offline().cx(), inputs).await.unwrap();
    (call.outputs["output"].clone(), model)
}

/// Kind, tools, what the model says first and then, and what it is shown in between.
const CASES: &[(&str, &[&str], &str, &str, &str)] = &[
    (
        "react-docstore",
        &["Search", "Lookup"],
        "I look\nAction: Search[x]",
        "Action: Finish[done]",
        "I look\nAction: Search[x]\nObservation: <x>\nThought:",
    ),
    (
        "self-ask-with-search",
        &["Intermediate Answer"],
        " Yes.\nFollow up: x",
        "So the final answer is: done",
        "needed here: Yes.\nFollow up: x\nIntermediate answer: <x>\n",
    ),
    (
        "conversational-react-description",
        &["T"],
        "Action: T\nAction Input: x",
        "AI: done",
        "Action: T\nAction Input: x\nObservation: <x>\nThought:",
    ),
    (
        "chat-zero-shot-react-description",
        &["T"],
        "```\n{\"action\": \"T\", \"action_input\": \"x\"}\n```",
        "Final Answer: done",
        "```\nObservation: <x>\nThought:",
    ),
    (
        "chat-conversational-react-description",
        &["T"],
        "```json\n{\"action\": \"T\", \"action_input\": \"x\"}\n```",
        "{\"action\": \"Final Answer\", \"action_input\": \"done\"}",
        "ANSWERS:\n----------------------\n<x>\n",
    ),
    (
        "structured-chat-zero-shot-react-description",
        &["T"],
        "```\n{\"action\": \"T\", \"action_input\": {\"a\": \"x\"}}\n```",
        "done",
        "```\nObservation: <x>\nThought:",
    ),
];

#[tokio::test]
async fn every_kind_acts_looks_and_answers() {
    for (kind, tools, first, second, shown) in CASES {
        let (answer, model) = ask(kind, tools, &[first, second]).await;
        assert_eq!(answer, "done", "{kind}");
        let prompts = model.prompts();
        assert!(prompts[1].contains(shown), "{kind}: {}", prompts[1]);
        assert!(!prompts[1].contains("{tool") && !prompts[1].contains("{input}"), "{kind}: {}", prompts[1]);
    }
}

#[tokio::test]
async fn a_structured_answer_that_cannot_be_read_is_put_right_once() {
    let fixed = "```\n{\"action\": \"Final Answer\", \"action_input\": \"done\"}\n```";
    let kind = "structured-chat-zero-shot-react-description";
    let (answer, model) =
        ask(kind, &["T"], &["```\n{broken\n```", "```\nstill\n```", "```\n{again", fixed]).await;
    // The third has no fence that ends, so it is an answer in plain words.
    assert_eq!(answer, "```\n{again");
    let prompts = model.prompts();
    assert!(prompts[1].contains("```\n{broken\n```") && prompts[1].contains("Invalid Format"));
    assert!(prompts[2].contains("```\nstill\n```\nObservation: Invalid Format"));
    assert!(model.asked.lock().unwrap()[1].stop.is_empty());
}

#[test]
fn kinds_that_do_not_fit_are_refused() {
    for (kind, names, why) in [
        ("zero-shot", &["T"][..], "is none of"),
        ("react-docstore", &["Search"], "[Lookup, Search], and got [Search]"),
        ("self-ask-with-search", &["T"], "[Intermediate Answer], and got [T]"),
    ] {
        let error = planner(kind, Scripted::saying(&[]), &tools(names)).err().unwrap();
        assert_eq!(error.kind, ErrorKind::Flow);
        assert!(error.message.contains(why), "{error}");
    }
}
