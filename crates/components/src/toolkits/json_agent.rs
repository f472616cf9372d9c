//! JsonAgent: an agent that answers questions from a JSON file (0.x).

use millrace_engine::{
    Capability, Component, Context, Entry, Example, Outputs, RunError, Spec, Value, handles, message, output,
};
use serde::Deserialize;

use crate::agents::react::{ReactPrompt, react_agent};

/// Steps at most, as LangChain's executor.
const MAX_STEPS: u32 = 15;

const PREFIX: &str = "You answer questions from a JSON document.
You see it only through the tools below; use nothing that they did not tell you.
A tool is given a path in Python's syntax, such as `data[\"key\"][0]`, where `data` is the whole document.
Use only keys that `json_spec_list_keys` has shown you, and go down one key at a time.
After a \"KeyError\", go back to the path before, list its keys and choose another.
Where a value is a large dictionary, list its keys and go deeper until you have the answer itself: to point at a \
part of the document is no answer.
To a question that has nothing to do with the document, the answer is \"I don't know\".
Begin with `json_spec_list_keys` of `data`.";

const SUFFIX: &str = "Now begin.

Question: {input}
Thought: I should list the keys of data to see what there is
{agent_scratchpad}";

/// The node's fields.
#[derive(Deserialize)]
pub(crate) struct JsonAgent {
    llm: handles::ChatModel,
    toolkit: Vec<handles::Tool>,
}

impl Component for JsonAgent {
    const SPEC: Spec = Spec {
        names: &["JsonAgent"],
        about: "Answers a question from a JSON or YAML file: lists keys and looks at values, 15 steps at most. \
                Takes `input`, answers `output`.",
        inputs: &[message("llm", "The model."), message("toolkit", "The tools, from a JsonToolkit.")],
        outputs: &[output("agent")],
        examples: &[Example {
            title: "the question is its input",
            inputs: r#"{
                "llm": {"$component": "ChatOpenAI", "inputs": {"openai_api_key": "sk-x"}},
                "toolkit": {"$component": "JsonToolkit", "inputs": {
                    "spec": {"$component": "JsonSpec", "inputs": {"path": "flow/petstore.json"}}
                }}
            }"#,
            output: r#"{"agent": {"chain": {"inputs": ["input"], "outputs": ["output"]}}}"#,
        }],
        ..Spec::SUPPORTED
    };

    async fn run(self, _cx: &Context) -> Result<Outputs, RunError> {
        let prompt =
            ReactPrompt { prefix: PREFIX.to_owned(), suffix: SUFFIX.to_owned(), format_instructions: None };
        let tools = self.toolkit.into_iter().map(|tool| tool.0).collect();
        let agent = react_agent(self.llm.0, tools, prompt, MAX_STEPS);
        Ok(Outputs::one("agent", Value::Capability(Capability::Chain(agent))))
    }
}

pub(crate) const ENTRY: Entry = Entry::of::<JsonAgent>();

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use millrace_engine::Inputs;
    use serde_json::json;

    use super::*;
    use crate::registry;
    use crate::stand_in::{Scripted, Stand};

    async fn agent(stand: &Stand, model: Arc<Scripted>) -> Value {
        let cx = stand.cx();
        let made = |name: &'static str, inputs: Inputs| {
            let cx = cx.clone();
            async move {
                let entry = registry().get(name).unwrap();
                let outputs = entry.run(inputs, &cx).await.unwrap();
                outputs.get(entry.spec.outputs[0].name).cloned().unwrap()
            }
        };
        let path = Value::Json(json!("spec.json"));
        let spec = made("JsonSpec", vec![("path".to_owned(), path)]).await;
        let toolkit = made("JsonToolkit", vec![("spec".to_owned(), spec)]).await;
        let llm = Value::Capability(Capability::ChatModel(model));
        made("JsonAgent", vec![("llm".to_owned(), llm), ("toolkit".to_owned(), toolkit)]).await
    }

    #[tokio::test]
    async fn keys_and_values_are_observed_and_errors_survived() {
        let file: &[u8] = br#"{"info": {"title": "Pet API"}}"#;
        let stand = Stand::offline().files(&[("spec.json", file)]);
        let model = Scripted::saying(&[
            "Action: json_spec_list_keys\nAction Input: data",
            "Action: json_spec_get_value\nAction Input: data[\"nope\"]",
            "prose only",
            "Action: json_spec_get_value\nAction Input: data[\"info\"][\"title\"]",
            "Final Answer: The title is Pet API",
        ]);
        let Value::Capability(Capability::Chain(agent)) = agent(&stand, model.clone()).await else {
            panic!("a chain")
        };
        let inputs = json!({"input": "What is the title?"}).as_object().cloned().unwrap();
        let answer = agent.call(&stand.cx(), inputs).await.unwrap();
        assert_eq!(answer.outputs["output"], "The title is Pet API");
        let last = model.prompts().pop().unwrap();
        for seen in ["Observation: ['info']\n", "Observation: KeyError('nope')\n", "Observation: Pet API\n"] {
            assert!(last.contains(seen), "{seen} in {last}");
        }
        let first = model.prompts().remove(0);
        assert!(
            first.contains("Question: What is the title?\nThought: I should list the keys of data"),
            "{first}"
        );
        let stops = model.asked.lock().unwrap()[0].stop.clone();
        assert_eq!(stops, ["\nObservation:", "\n\tObservation:"]);
    }
}
