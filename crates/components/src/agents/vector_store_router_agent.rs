//! VectorStoreRouterAgent: an agent that chooses among vector stores (both dialects).

use std::sync::Arc;

use millrace_engine::{
    Capability, Chain, Component, Context, Default, Entry, ErrorKind, Example, Message, Outputs, RunError,
    Spec, Tool, Value, handles, integer, message, output, python_str, text,
};
use serde::Deserialize;
use serde_json::{Map, Value as Json};

use super::executor::MAX_ITERATIONS;
use super::react::{ReactPrompt, react_agent};
use super::wording;
use crate::toolkits::vector_store_info::StoreInfo;
use crate::toolkits::vector_store_tools::router_tools;

const PREFIX: &str = "You answer questions.
Your tools look things up in different sources; what you give them is a question.
First of all decide which of them have to do with the question.
A question that is not simple may be taken apart, and its parts be asked of the tools one by one.";

/// The node's fields; in 1.x the stores and the question are wired in directly.
#[derive(Deserialize)]
pub(crate) struct VectorStoreRouterAgent {
    llm: handles::ChatModel,
    vectorstoreroutertoolkit: Option<Vec<handles::Tool>>,
    vectorstores: Option<Vec<handles::Object<StoreInfo>>>,
    input_value: Option<String>,
    max_iterations: u32,
}

impl Component for VectorStoreRouterAgent {
    const SPEC: Spec = Spec {
        names: &["VectorStoreRouterAgent"],
        about: "Answers questions from several vector stores, step by step. Takes `input`, answers `output`.",
        inputs: &[
            message("llm", "The model."),
            message("vectorstoreroutertoolkit", "The tools over the vector stores."),
            message("vectorstores", "The vector stores with their names and descriptions (1.x)."),
            text("input_value", "The question (1.x)."),
            integer("max_iterations", "Steps at most, 1 to 100.").or(Default::Integer(15)),
        ],
        outputs: &[output("agent"), output("response")],
        examples: &[Example {
            title: "over a toolkit",
            inputs: r#"{
                "llm": {"$component": "ChatOpenAI", "inputs": {"openai_api_key": "sk-x"}},
                "vectorstoreroutertoolkit": {"$component": "VectorStoreRouterToolkit", "inputs": {
                    "llm": {"$component": "ChatOpenAI", "inputs": {"openai_api_key": "sk-x"}},
                    "vectorstores": []
                }}
            }"#,
            output: r#"{"agent": {"chain": {"inputs": ["input"], "outputs": ["output"]}}}"#,
        }],
        ..Spec::SUPPORTED
    };

    async fn run(self, cx: &Context) -> Result<Outputs, RunError> {
        let refused = |message: &str| Err(RunError::new(ErrorKind::Flow, message));
        let tools: Vec<Arc<dyn Tool>> = match (self.vectorstoreroutertoolkit, self.vectorstores) {
            (Some(tools), _) => tools.into_iter().map(|tool| tool.0).collect(),
            (None, Some(infos)) => router_tools(infos.iter().map(|info| info.0.as_ref()), &self.llm),
            (None, None) => return refused("field 'vectorstores': is required; connect it"),
        };
        if !(1..=MAX_ITERATIONS).contains(&self.max_iterations) {
            return refused("field 'max_iterations': must be from 1 to 100");
        }
        let (prefix, suffix) = (PREFIX.to_owned(), wording::ZERO_SHOT_SUFFIX.to_owned());
        let prompt = ReactPrompt { prefix, suffix, format_instructions: None };
        let agent = react_agent(self.llm.0, tools, prompt, self.max_iterations);
        let mut outputs = Outputs::none();
        if cx.wants("response") {
            let answer = asked(cx, agent.as_ref(), self.input_value.unwrap_or_default()).await?;
            outputs = outputs.and("response", Value::Message(Box::new(Message::of(answer))));
        }
        Ok(outputs.and("agent", Value::Capability(Capability::Chain(agent))))
    }
}

async fn asked(cx: &Context, agent: &dyn Chain, question: String) -> Result<String, RunError> {
    let inputs = Map::from_iter([("input".to_owned(), Json::String(question))]);
    let answer = agent.call(cx, inputs).await?;
    Ok(answer.outputs.get("output").map(python_str).unwrap_or_default())
}

pub(crate) const ENTRY: Entry = Entry::of::<VectorStoreRouterAgent>();
