//! ConversationChain: a conversation with a model, with a memory of its own if none is wired (0.x).

use std::collections::BTreeMap;

use millrace_engine::{
    Component, Context, Entry, Example, Outputs, RunError, Spec, handles, message, output,
};
use serde::Deserialize;

use super::conversation::Conversation;

/// Our own words for what the chain brings along; variables and role as in LangChain.
const TEMPLATE: &str = "You are talking with a person, as a friendly and open partner who goes into detail. \
If you do not know something, you say so honestly.\n\nThe conversation so far:\n{history}\nHuman: {input}\nAI:";

/// The node's fields.
#[derive(Deserialize)]
pub(crate) struct ConversationChain {
    llm: handles::ChatModel,
    memory: Option<handles::Memory>,
}

impl Component for ConversationChain {
    const SPEC: Spec = Spec {
        names: &["ConversationChain"],
        about: "Talks with a model and remembers the conversation. Takes `input`, answers `response`.",
        inputs: &[
            message("llm", "The model."),
            message("memory", "The memory; one of its own if none is wired."),
        ],
        outputs: &[output("chain")],
        examples: &[Example {
            title: "one input, whatever the memory is called",
            inputs: r#"{
                "llm": {"$component": "ChatOpenAI", "inputs": {"openai_api_key": "sk-x"}},
                "memory": {"$component": "ConversationBufferMemory", "inputs": {}}
            }"#,
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

pub(crate) const ENTRY: Entry = Entry::of::<ConversationChain>();
