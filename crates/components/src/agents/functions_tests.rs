use std::sync::Mutex;

use millrace_engine::Chain;

use super::super::executor::Executor;
use super::*;
use crate::stand_in::{Scripted, Stand, reply};

/// A tool that keeps the scopes and inputs of its calls.
#[derive(Debug, Default)]
struct Kept(Mutex<Vec<ToolInput>>);

#[async_trait]
impl Tool for Kept {
    fn name(&self) -> &str {
        "Keep"
    }

    fn description(&self) -> &str {
        "Keeps."
    }

    async fn call(&self, cx: &Context, input: ToolInput) -> Result<String, RunError> {
        self.0.lock().unwrap().push(input);
        cx.now().await.map(|_| "kept".to_owned())
    }
}

fn call(name: &str, arguments: &str) -> ToolCall {
    ToolCall { id: String::new(), name: name.to_owned(), arguments: arguments.to_owned() }
}

async fn run(offer: Offer, replies: Vec<ChatReply>) -> (Json, Arc<Scripted>, Arc<Kept>, Stand) {
    let (model, tool, stand) = (Scripted::replying(replies), Arc::new(Kept::default()), Stand::offline());
    let tools: Vec<Arc<dyn Tool>> = vec![tool.clone()];
    let planner = Box::new(FunctionsPlanner::new(model.clone(), &tools, offer));
    let agent = Executor { planner, tools, memory: None, max_iterations: 5 };
    let inputs = Map::from_iter([("input".to_owned(), json!("go"))]);
    let answer = agent.call(&stand.cx(), inputs).await.unwrap().outputs["output"].clone();
    (answer, model, tool, stand)
}

#[tokio::test]
async fn the_model_is_told_what_it_did_wrong() {
    let replies = vec![
        reply("", vec![call("Keep", "{broken")]),
        reply("", vec![call("Fly", "{}")]),
        reply("", vec![call("Keep", "")]),
        reply("done", Vec::new()),
    ];
    let (answer, model, tool, _) = run(Offer::Each, replies).await;
    assert_eq!(answer, "done");
    assert_eq!(*tool.0.lock().unwrap(), [ToolInput::Fields(Map::new())]);
    let asked = model.asked.lock().unwrap();
    let last: Vec<_> = asked[3].messages.iter().map(|m| (m.role, m.content.as_str())).collect();
    assert_eq!(
        last[2..],
        [
            (Role::Assistant, "The call of Keep could not be read, its arguments are no JSON: {broken"),
            (Role::Assistant, ""),
            (Role::Tool, "Fly is not a valid tool, try one of [Keep]."),
            (Role::Assistant, ""),
            (Role::Tool, "kept"),
        ]
    );
    assert_eq!(asked[3].messages[4].answers.as_ref().unwrap().name, "Fly");
    assert_eq!(asked[0].tools[0].parameters, one_text_parameters());
}

#[tokio::test]
async fn several_actions_have_scopes_of_their_own() {
    let actions = r#"{"actions": [{"action_name": "Keep", "action": {"tool_input": "a"}},
                                  {"action_name": "Keep", "__arg1": "b"}]}"#;
    let replies = vec![
        reply("", vec![ToolCall { id: "x".into(), ..call("tool_selection", actions) }]),
        reply("done", Vec::new()),
    ];
    let (answer, model, tool, _) = run(Offer::Selection, replies).await;
    assert_eq!(answer, "done");
    let texts: Vec<_> = tool.0.lock().unwrap().iter().map(|input| input.clone().into_text()).collect();
    assert_eq!(texts, ["a", "b"]);
    let asked = model.asked.lock().unwrap();
    let answers: Vec<_> = asked[1].messages.iter().filter_map(|m| m.answers.as_ref()).collect();
    let ids: Vec<_> = answers.iter().map(|call| (call.name.as_str(), call.id.as_str())).collect();
    assert_eq!(ids, [("Keep", "x-0"), ("Keep", "x-1")]);
}

#[tokio::test]
async fn too_many_calls_are_not_begun() {
    let actions = vec![json!({"action_name": "Keep", "action": {}}); MAX_ACTIONS + 1];
    let arguments = json!({"actions": actions}).to_string();
    let replies = vec![reply("", vec![call("tool_selection", &arguments)]), reply("done", Vec::new())];
    let (_, model, tool, _) = run(Offer::Selection, replies).await;
    assert!(tool.0.lock().unwrap().is_empty());
    assert!(model.prompts()[1].contains("more than 32 calls"));
}

#[test]
fn selections_that_cannot_be_read() {
    let cases = [
        ("{}", "no list"),
        ("[]", "no list"),
        (r#"{"actions": []}"#, "empty"),
        (r#"{"actions": [3]}"#, "no object"),
        (r#"{"actions": [{"action": {}}]}"#, "no 'action_name'"),
    ];
    for (arguments, why) in cases {
        let error = selected(&call("tool_selection", arguments)).unwrap_err();
        assert!(error.contains(why), "{arguments}: {error}");
    }
}

#[tokio::test]
async fn a_resumed_run_asks_nothing_twice() {
    let replies = vec![reply("", vec![call("Keep", r#"{"__arg1": "a"}"#)]), reply("done", Vec::new())];
    let (_, model, tool, stand) = run(Offer::Each, replies).await;
    let tools: Vec<Arc<dyn Tool>> = vec![tool];
    let planner = Box::new(FunctionsPlanner::new(model.clone(), &tools, Offer::Each));
    let agent = Executor { planner, tools, memory: None, max_iterations: 5 };
    let inputs = Map::from_iter([("input".to_owned(), json!("go"))]);
    // The script is at its end: a call that is not answered from the journal would panic.
    assert_eq!(agent.call(&stand.cx(), inputs).await.unwrap().outputs["output"], "done");
    assert_eq!(model.asked.lock().unwrap().len(), 2);
}
