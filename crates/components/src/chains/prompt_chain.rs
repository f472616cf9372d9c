//! What chains of one prompt and one model share: memory in, model call, memory out.

use std::sync::Arc;

use async_trait::async_trait;
use millrace_engine::{
    Chain, ChainCall, ChatModel, ChatRequest, Context, ErrorKind, Memory, MemoryKeys, Prompt, RunError,
};
use serde_json::{Map, Value as Json};

use super::recall::{Recalled, demand};

/// A chain that fills a prompt and asks a model once.
#[derive(Debug)]
pub(crate) struct PromptChain {
    pub prompt: Arc<Prompt>,
    pub model: Arc<dyn ChatModel>,
    pub memory: Option<Arc<dyn Memory>>,
    /// The name of its output.
    pub output: &'static str,
}

impl PromptChain {
    /// A chain whose memory goes by names that its prompt has.
    ///
    /// A memory whose key the prompt does not have is renamed from `history` to `chat_history` or back, and
    /// told which input and output are a turn (contract 2.7).
    pub fn new(
        prompt: Arc<Prompt>,
        model: Arc<dyn ChatModel>,
        memory: Option<Arc<dyn Memory>>,
        output: &'static str,
    ) -> Self {
        let memory = memory.map(|memory| repaired(memory, &prompt.variables(), output));
        Self { prompt, model, memory, output }
    }
}

fn repaired(memory: Arc<dyn Memory>, variables: &[String], output: &str) -> Arc<dyn Memory> {
    let keys = memory.keys();
    if variables.contains(&keys.memory) {
        return memory;
    }
    let other = match keys.memory.as_str() {
        "history" => "chat_history",
        "chat_history" => "history",
        _ => return memory,
    };
    let filled = memory.variables();
    // The first by name, since LangChain sorts a prompt's variables.
    let input = variables.iter().filter(|name| *name != other && !filled.contains(name)).min().cloned();
    memory.with_keys(MemoryKeys { memory: other.to_owned(), input, output: Some(output.to_owned()) })
}

/// The input `stop` is what the model stops at, as in LangChain.
fn stop(values: &Map<String, Json>) -> Vec<String> {
    let texts = values.get("stop").and_then(Json::as_array).into_iter().flatten();
    texts.filter_map(Json::as_str).map(str::to_owned).collect()
}

#[async_trait]
impl Chain for PromptChain {
    fn input_keys(&self) -> Vec<String> {
        let filled = self.memory.as_ref().map(|memory| memory.variables()).unwrap_or_default();
        let mut names = self.prompt.variables();
        names.retain(|name| !filled.contains(name));
        names
    }

    fn output_keys(&self) -> Vec<String> {
        vec![self.output.to_owned()]
    }

    async fn call(&self, cx: &Context, inputs: Map<String, Json>) -> Result<ChainCall, RunError> {
        demand(&self.input_keys(), &inputs)?;
        let recalled = Recalled::load(cx, self.memory.as_ref(), &inputs, &self.prompt.variables()).await?;
        let mut values = inputs.clone();
        values.extend(recalled.values.clone());
        let prompt = self.prompt.fill(&values).map_err(|e| RunError::new(ErrorKind::Input, e.to_string()))?;
        let request = ChatRequest { stop: stop(&values), ..ChatRequest::of(prompt.into_messages()) };
        let reply = self.model.generate(cx, request).await?;
        let outputs = Map::from_iter([(self.output.to_owned(), Json::String(reply.text.clone()))]);
        recalled.keep(cx, &inputs, &outputs, &reply.text).await?;
        let mut beside = self.prompt.beside(&inputs);
        beside.extend(recalled.values);
        Ok(ChainCall { beside, outputs })
    }
}
