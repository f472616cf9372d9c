//! AgentInitializer: an agent of a chosen kind, in both generations of the 0.x node.
//!
//! 0.5 wired LangChain's function, whose node has no field for the iterations; 0.6 wires a component.

use std::sync::Arc;

use millrace_engine::{
    Component, Context, Default, Entry, Example, Memory, MemoryKeys, Outputs, RunError, Spec, handles,
    integer, message, output, text,
};
use serde::Deserialize;

use super::executor::{self, Executor};
use super::kinds;

/// The node's fields.
#[derive(Deserialize)]
pub(crate) struct AgentInitializer {
    agent: String,
    llm: handles::ChatModel,
    tools: Vec<handles::Tool>,
    memory: Option<handles::Memory>,
    max_iterations: u32,
}

impl Component for AgentInitializer {
    const SPEC: Spec = Spec {
        names: &["AgentInitializer", "AgentInitializerComponent"],
        about: "An agent of a chosen kind: a model that calls tools until it has an answer. \
                Takes `input`, answers `output`.",
        inputs: &[
            text(
                "agent",
                "The kind: zero-shot-react-description, react-docstore, self-ask-with-search, \
                 conversational-react-description, chat-zero-shot-react-description, \
                 chat-conversational-react-description, structured-chat-zero-shot-react-description, \
                 openai-functions or openai-multi-functions.",
            )
            .or(Default::Text(kinds::KINDS[0])),
            message("llm", "The model."),
            message("tools", "The tools that it may call; of an answer it sees 100,000 characters at most."),
            message(
                "memory",
                "Keeps the turns. The conversational kinds show them to the model, the others do not.",
            ),
            integer(
                "max_iterations",
                "Calls of the model at most, 0 to 100; an agent that needs more says so.",
            )
            .or(Default::Integer(executor::DEFAULT_ITERATIONS as i64)),
        ],
        outputs: &[output("agent")],
        examples: &[Example {
            title: "what the memory fills is no input",
            inputs: r#"{
                "agent": "conversational-react-description",
                "llm": {"$component": "ChatOpenAI", "inputs": {"openai_api_key": "sk-x"}},
                "tools": [],
                "memory": {"$component": "ConversationBufferMemory", "inputs": {}}
            }"#,
            output: r#"{"agent": {"chain": {"inputs": ["input"], "outputs": ["output"]}}}"#,
        }],
        ..Spec::SUPPORTED
    };

    async fn run(self, _cx: &Context) -> Result<Outputs, RunError> {
        let tools: Vec<_> = self.tools.into_iter().map(|tool| tool.0).collect();
        let planner = kinds::planner(&self.agent, self.llm.0, &tools)?;
        let history = kinds::history_key(&self.agent);
        let memory = self.memory.map(|memory| known_as(memory.0, history));
        let max_iterations = executor::iterations(self.max_iterations)?;
        Ok(Executor { planner, tools, memory, max_iterations }.into_output())
    }
}

/// The memory under the name that the prompt has for it.
fn known_as(memory: Arc<dyn Memory>, history: Option<&str>) -> Arc<dyn Memory> {
    let keys = memory.keys();
    match history {
        Some(name) if keys.memory != name => {
            let (input, output) = (keys.input.clone(), keys.output.clone());
            memory.with_keys(MemoryKeys { memory: name.to_owned(), input, output })
        }
        _ => memory,
    }
}

pub(crate) const ENTRY: Entry = Entry::of::<AgentInitializer>();
