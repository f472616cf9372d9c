//! TimeTravelGuideChain: a conversation with a guide to other times (0.x).

use std::collections::BTreeMap;

use millrace_engine::{
    Component, Context, Entry, Example, Outputs, RunError, Spec, handles, message, output,
};
use serde::Deserialize;

use super::conversation::Conversation;

/// Our own words; variables and role as in Langflow.
const TEMPLATE: &str = "You are a guide for travellers in time, helpful and full of ideas. The traveller names \
a period of history or a time to come; you recommend the events, sights and people there that are most worth \
the journey.\n\nThe conversation so far:\n{history}\nHuman: {input}\nAI:";

/// The node's fields.
#[derive(Deserialize)]
pub(crate) struct TimeTravelGuideChain {
    llm: handles::ChatModel,
    memory: Option<handles::Memory>,
}

impl Component for TimeTravelGuideChain {
    const SPEC: Spec = Spec {
        names: &["TimeTravelGuideChain"],
        about: "Guides through other times, in a conversation. Takes `input`, answers `response`.",
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

pub(crate) const ENTRY: Entry = Entry::of::<TimeTravelGuideChain>();
