//! MidJourneyPromptChain: a conversation whose answers are prompts for pictures (0.x).

use std::collections::BTreeMap;

use millrace_engine::{
    Component, Context, Entry, Example, Outputs, RunError, Spec, handles, message, output,
};
use serde::Deserialize;

use super::conversation::Conversation;

/// Our own words; variables and role as in Langflow.
const TEMPLATE: &str = "You write prompts for Midjourney, a program that paints pictures from words. To each \
message, answer with a prompt that is vivid, detailed and surprising: a place, its light, its colours, what \
happens there, in which manner it is painted. The program understands everyday language and abstract ideas, so \
let your imagination run. A prompt to begin with: \"A lighthouse on a drifting island of clouds at dusk, its \
beam a stream of paper birds, in the manner of an old woodcut\"\n\n\
The conversation so far:\n{history}\nHuman: {input}\nAI:";

/// The node's fields.
#[derive(Deserialize)]
pub(crate) struct MidJourneyPromptChain {
    llm: handles::ChatModel,
    memory: Option<handles::Memory>,
}

impl Component for MidJourneyPromptChain {
    const SPEC: Spec = Spec {
        names: &["MidJourneyPromptChain"],
        about: "Makes prompts for Midjourney, in a conversation. Takes `input`, answers `response`.",
        inputs: &[
            message("llm", "The model."),
            message("memory", "The memory; one of its own if none is wired."),
        ],
        outputs: &[output("chain")],
        examples: &[Example {
            title: "a model is all it needs",
            inputs: r#"{"llm": {"$component": "ChatOpenAI", "inputs": {"openai_api_key": "sk-x"}}}"#,
            output: r#"{"chain": {"chain": {"inputs": ["input"], "outputs": ["response"]}}}"#,
        }],
        ..Spec::SUPPORTED
    };

    async fn run(self, cx: &Context) -> Result<Outputs, RunError> {
        let memory = self.memory.map(|memory| memory.0);
        let filled = BTreeMap::new();
        Conversation { llm: self.llm.0, memory, template: TEMPLATE, filled, ai: "AI" }.into_outputs(cx)
    }
}

pub(crate) const ENTRY: Entry = Entry::of::<MidJourneyPromptChain>();
