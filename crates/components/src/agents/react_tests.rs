use std::sync::Arc;

use async_trait::async_trait;
use millrace_engine::{Chain, Context, ErrorKind, RunError, Tool, ToolInput};
use serde_json::{Map, json};

use super::*;
use crate::stand_in::{Scripted, Stand};

#[derive(Debug)]
struct Echo {
    direct: bool,
}

#[async_trait]
impl Tool for Echo {
    fn name(&self) -> &str {
        "Echo"
    }

    fn description(&self) -> &str {
        "Says {it} again"
    }

    fn return_direct(&self) -> bool {
        self.direct
    }

    async fn call(&self, _: &Context, input: ToolInput) -> Result<String, RunError> {
        Ok(input.into_text())
    }
}

fn agent(model: &Arc<Scripted>, direct: bool, iterations: u32) -> Arc<dyn Chain> {
    let prompt = ReactPrompt {
        prefix: wording::ZERO_SHOT_PREFIX.to_owned(),
        suffix: wording::ZERO_SHOT_SUFFIX.to_owned(),
        format_instructions: None,
    };
    react_agent(model.clone(), vec![Arc::new(Echo { direct })], prompt, iterations)
}

async fn ask(agent: &dyn Chain) -> Json {
    let inputs = Map::from_iter([("input".to_owned(), json!("say x"))]);
    agent.call(&Stand::offline().cx(), inputs).await.unwrap().outputs["output"].clone()
}

const ACT: &str = "I try\nAction: Echo\nAction Input: x";

#[tokio::test]
async fn a_tool_is_called_and_its_answer_shown() {
    let model = Scripted::saying(&[ACT, "I know\nFinal Answer: it said x"]);
    let agent = agent(&model, false, 15);
    assert_eq!(agent.input_keys(), ["input"]);
    assert_eq!(ask(agent.as_ref()).await, "it said x");
    let prompts = model.prompts();
    assert!(prompts[0].contains("\n\nEcho: Says {it} again\n\n"), "{}", prompts[0]);
    assert!(prompts[0].contains("one of [Echo]"));
    assert!(prompts[0].ends_with("Question: say x\nThought:"));
    assert_eq!(prompts[1], format!("{}{ACT}\nObservation: x\nThought:", prompts[0]));
    assert_eq!(model.asked.lock().unwrap()[0].stop, ["\nObservation:", "\n\tObservation:"]);
}

#[tokio::test]
async fn the_model_is_told_what_it_did_wrong() {
    let unknown = "Action: Fly\nAction Input: up";
    let model = Scripted::saying(&["hm", "Action: Echo", unknown, "Final Answer: done"]);
    assert_eq!(ask(agent(&model, false, 15).as_ref()).await, "done");
    let last = model.prompts().pop().unwrap();
    for told in [
        "hm\nObservation: Invalid Format: Missing 'Action:' after 'Thought:'\nThought:",
        "Action: Echo\nObservation: Invalid Format: Missing 'Action Input:' after 'Action:'\nThought:",
        "\nObservation: Fly is not a valid tool, try one of [Echo].\nThought:",
    ] {
        assert!(last.contains(told), "{last}");
    }
}

#[tokio::test]
async fn it_ends_with_its_iterations_or_with_a_tool_that_ends_it() {
    let model = Scripted::saying(&[ACT, ACT]);
    assert_eq!(
        ask(agent(&model, false, 2).as_ref()).await,
        "Agent stopped due to iteration limit or time limit."
    );
    assert_eq!(ask(agent(&Scripted::saying(&[ACT]), true, 2).as_ref()).await, "x");
}

#[tokio::test]
async fn a_missing_input_costs_no_call() {
    let model = Scripted::saying(&[]);
    let answer = agent(&model, false, 15).call(&Stand::offline().cx(), Map::new()).await;
    let error = answer.err().unwrap();
    assert_eq!(error.kind, ErrorKind::Input);
    assert_eq!(error.to_string(), "Missing some input keys: {'input'}");
}
