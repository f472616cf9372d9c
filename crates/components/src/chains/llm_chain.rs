//! LLMChain: a prompt, a model, and a memory if one is wired (0.x).

use std::sync::Arc;

use millrace_engine::{
    Capability, Component, Context, Entry, ErrorKind, Example, Outputs, Prompt, RunError, Spec, Template,
    Value, handles, message, output,
};
use serde::Deserialize;

use super::prompt_chain::PromptChain;

/// The node's fields.
#[derive(Deserialize)]
pub(crate) struct LlmChain {
    prompt: Option<handles::Prompt>,
    llm: handles::ChatModel,
    memory: Option<handles::Memory>,
}

impl Component for LlmChain {
    const SPEC: Spec = Spec {
        names: &["LLMChain"],
        about: "Fills a prompt with the caller's inputs and asks a model. Answers `text`.",
        inputs: &[
            message(
                "prompt",
                "The prompt; its open variables are the chain's inputs. Without one the input `text` is the prompt.",
            ),
            message("llm", "The model."),
            message("memory", "Fills one variable with the conversation so far, and keeps the turn."),
        ],
        outputs: &[output("chain")],
        examples: &[
            Example {
                title: "what the memory fills is no input",
                inputs: r#"{
                "prompt": {"$component": "PromptTemplate", "inputs": {"template": "{history} {text}"}},
                "llm": {"$component": "ChatOpenAI", "inputs": {"openai_api_key": "sk-x"}},
                "memory": {"$component": "ConversationBufferMemory", "inputs": {"memory_key": "chat_history"}}
            }"#,
                output: r#"{"chain": {"chain": {"inputs": ["text"], "outputs": ["text"]}}}"#,
            },
            Example {
                title: "without a prompt the text is asked as it is",
                inputs: r#"{"llm": {"$component": "ChatOpenAI", "inputs": {"openai_api_key": "sk-x"}}}"#,
                output: r#"{"chain": {"chain": {"inputs": ["text"], "outputs": ["text"]}}}"#,
            },
        ],
        ..Spec::SUPPORTED
    };

    async fn run(self, _cx: &Context) -> Result<Outputs, RunError> {
        let memory = self.memory.map(|memory| memory.0);
        // As the editor of 0.5 allowed: the published Basic Chat has a chain with nothing but a model.
        let bare = || Template::parse("{text}").map(|template| Arc::new(Prompt::plain(template)));
        let prompt = self.prompt.map_or_else(bare, |prompt| Ok(prompt.0));
        let prompt = prompt.map_err(|_| {
            RunError::new(ErrorKind::Internal, "A prompt of our own is broken").because("its template")
        })?;
        let chain = PromptChain::new(prompt, self.llm.0, memory, "text");
        Ok(Outputs::one("chain", Value::Capability(Capability::Chain(Arc::new(chain)))))
    }
}

pub(crate) const ENTRY: Entry = Entry::of::<LlmChain>();
