//! ZeroShotAgent: an agent that reasons in text (0.x).

use millrace_engine::{
    Capability, Component, Context, Default, Entry, Example, Outputs, RunError, Spec, Value, handles,
    message, output, text,
};
use serde::Deserialize;

use super::executor::DEFAULT_ITERATIONS;
use super::react::{ReactPrompt, react_agent};
use super::wording;

/// The node's fields.
#[derive(Deserialize)]
pub(crate) struct ZeroShotAgent {
    llm: handles::ChatModel,
    tools: Vec<handles::Tool>,
    prefix: String,
    suffix: String,
    format_instructions: Option<String>,
}

impl Component for ZeroShotAgent {
    const SPEC: Spec = Spec {
        names: &["ZeroShotAgent"],
        about: "Answers a question with the help of tools, step by step, 15 steps at most. \
                Takes `input`, answers `output`.",
        inputs: &[
            message("llm", "The model."),
            message("tools", "The tools that it may call; of an answer it sees 100,000 characters at most."),
            text("prefix", "What stands before the tools.").or(Default::Text(wording::ZERO_SHOT_PREFIX)),
            text("suffix", "What stands after them, with {input} and {agent_scratchpad}.")
                .or(Default::Text(wording::ZERO_SHOT_SUFFIX)),
            text("format_instructions", "How to write, with {tool_names}."),
        ],
        outputs: &[output("agent")],
        examples: &[Example {
            title: "variables of the prompt are inputs",
            inputs: r#"{
                "llm": {"$component": "ChatOpenAI", "inputs": {"openai_api_key": "sk-x"}},
                "tools": [],
                "suffix": "{tone} {input} {agent_scratchpad}"
            }"#,
            output: r#"{"agent": {"chain": {"inputs": ["tone", "input"], "outputs": ["output"]}}}"#,
        }],
        ..Spec::SUPPORTED
    };

    async fn run(self, _cx: &Context) -> Result<Outputs, RunError> {
        let (prefix, suffix) = (self.prefix, self.suffix);
        let prompt = ReactPrompt { prefix, suffix, format_instructions: self.format_instructions };
        let tools = self.tools.into_iter().map(|tool| tool.0).collect();
        let agent = react_agent(self.llm.0, tools, prompt, DEFAULT_ITERATIONS);
        Ok(Outputs::one("agent", Value::Capability(Capability::Chain(agent))))
    }
}

pub(crate) const ENTRY: Entry = Entry::of::<ZeroShotAgent>();
