//! ConversationChain: a conversation with a model, with a memory of its own if none is wired (0.x).

use std::sync::Arc;

use millrace_engine::{
    Capability, Component, Context, Entry, ErrorKind, Example, Memory, MemoryKeys, Outputs, Prompt, RunError,
    Spec, Template, Value, handles, message, output,
};
use serde::Deserialize;

use super::prompt_chain::PromptChain;
use crate::memories::buffer::TurnMemory;

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
        let template = Template::parse(TEMPLATE)
            .map_err(|e| RunError::new(ErrorKind::Internal, "the chain's own prompt is broken").because(e))?;
        let memory = self.memory.map_or_else(|| own_memory(cx), |memory| memory.0);
        let chain = PromptChain::new(Arc::new(Prompt::plain(template)), self.llm.0, Some(memory), "response");
        Ok(Outputs::one("chain", Value::Capability(Capability::Chain(Arc::new(chain)))))
    }
}

fn own_memory(cx: &Context) -> Arc<dyn Memory> {
    let keys = MemoryKeys { memory: "history".to_owned(), input: None, output: None };
    Arc::new(TurnMemory::new(cx.vertex_id(), keys))
}

pub(crate) const ENTRY: Entry = Entry::of::<ConversationChain>();
