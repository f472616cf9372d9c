//! VectorStoreAgent: an agent over one vector store (0.x, both generations of the node).
//!
//! 0.5 wires the store's description in, 0.6 a toolkit made of it.

use std::sync::Arc;

use millrace_engine::{
    Capability, Component, Context, Entry, ErrorKind, Example, Outputs, RunError, Spec, Tool, Value, handles,
    message, output,
};
use serde::Deserialize;

use super::executor::DEFAULT_ITERATIONS;
use super::react::{ReactPrompt, react_agent};
use super::wording;
use crate::toolkits::vector_store_info::StoreInfo;
use crate::toolkits::vector_store_tools::store_tools;

const PREFIX: &str = "You answer questions about collections of documents.
Your tools look things up in these documents; what you give them is a question.
Should sources be asked for, use the tool that names them.
If none of the tools has to do with the question, answer \"I don't know\".";

/// The node's fields.
#[derive(Deserialize)]
pub(crate) struct VectorStoreAgent {
    llm: handles::ChatModel,
    vectorstoreinfo: Option<handles::Object<StoreInfo>>,
    vector_store_toolkit: Option<Vec<handles::Tool>>,
}

impl Component for VectorStoreAgent {
    const SPEC: Spec = Spec {
        names: &["VectorStoreAgent"],
        about: "Answers questions from a vector store, step by step, 15 steps at most. \
                Takes `input`, answers `output`.",
        inputs: &[
            message("llm", "The model."),
            message("vectorstoreinfo", "The vector store with its name and description."),
            message("vector_store_toolkit", "The tools over it, in place of vectorstoreinfo."),
        ],
        outputs: &[output("agent")],
        examples: &[Example {
            title: "over a toolkit",
            inputs: r#"{
                "llm": {"$component": "ChatOpenAI", "inputs": {"openai_api_key": "sk-x"}},
                "vector_store_toolkit": {"$component": "VectorStoreToolkit", "inputs": {
                    "llm": {"$component": "ChatOpenAI", "inputs": {"openai_api_key": "sk-x"}},
                    "vectorstore_info": {"$component": "VectorStoreInfo", "inputs": {
                        "name": "Notes",
                        "vectorstore": {"$component": "Chroma", "inputs": {
                            "embedding": {"$component": "OpenAIEmbeddings", "inputs": {"openai_api_key": "sk-x"}}
                        }}
                    }}
                }}
            }"#,
            output: r#"{"agent": {"chain": {"inputs": ["input"], "outputs": ["output"]}}}"#,
        }],
        ..Spec::SUPPORTED
    };

    async fn run(self, _cx: &Context) -> Result<Outputs, RunError> {
        let tools: Vec<Arc<dyn Tool>> = match (self.vector_store_toolkit, self.vectorstoreinfo) {
            (Some(tools), _) => tools.into_iter().map(|tool| tool.0).collect(),
            (None, Some(info)) => store_tools(&info, &self.llm),
            (None, None) => {
                let message = "field 'vector_store_toolkit': is required; connect it";
                return Err(RunError::new(ErrorKind::Flow, message));
            }
        };
        let (prefix, suffix) = (PREFIX.to_owned(), wording::ZERO_SHOT_SUFFIX.to_owned());
        let prompt = ReactPrompt { prefix, suffix, format_instructions: None };
        let agent = react_agent(self.llm.0, tools, prompt, DEFAULT_ITERATIONS);
        Ok(Outputs::one("agent", Value::Capability(Capability::Chain(agent))))
    }
}

pub(crate) const ENTRY: Entry = Entry::of::<VectorStoreAgent>();
