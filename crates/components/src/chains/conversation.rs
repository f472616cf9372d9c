//! Conversations with a prompt of our own: variables `history` and `input`, answer `response`.

use std::collections::BTreeMap;
use std::sync::Arc;

use millrace_engine::{
    Capability, ChatModel, Context, ErrorKind, Memory, MemoryKeys, Outputs, Prompt, RunError, Template, Value,
};

use super::prompt_chain::PromptChain;
use crate::memories::buffer::TurnMemory;
use crate::memories::turns::Shown;

/// A conversation about to be made.
pub(crate) struct Conversation<'a> {
    pub llm: Arc<dyn ChatModel>,
    /// One of its own if none is given.
    pub memory: Option<Arc<dyn Memory>>,
    /// The prompt, with `{history}`, `{input}` and the variables that `filled` names.
    pub template: &'a str,
    /// Variables that have their value.
    pub filled: BTreeMap<String, String>,
    /// What the model is called in a memory of its own.
    pub ai: &'a str,
}

impl Conversation<'_> {
    /// The chain, as the output of a vertex.
    pub fn into_outputs(self, cx: &Context) -> Result<Outputs, RunError> {
        let template = Template::parse(self.template).map_err(|_| {
            RunError::new(ErrorKind::Internal, "A prompt of our own is broken").because("its template")
        })?;
        let prompt = Prompt { filled: self.filled, ..Prompt::plain(template) };
        let memory = self.memory.unwrap_or_else(|| own_memory(cx, self.ai));
        let chain = PromptChain::new(Arc::new(prompt), self.llm, Some(memory), "response");
        Ok(Outputs::one("chain", Value::Capability(Capability::Chain(Arc::new(chain)))))
    }
}

fn own_memory(cx: &Context, ai: &str) -> Arc<dyn Memory> {
    let keys = MemoryKeys { memory: "history".to_owned(), input: None, output: None };
    let shown = Shown { ai: ai.to_owned(), ..Shown::default() };
    Arc::new(TurnMemory::new(cx.vertex_id(), keys).shown(shown, None))
}
