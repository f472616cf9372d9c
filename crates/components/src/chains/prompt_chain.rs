//! What chains of one prompt and one model share: memory in, model call, memory out.

use std::sync::Arc;

use async_trait::async_trait;
use millrace_engine::{
    Chain, ChainCall, ChatModel, ChatRequest, Context, ErrorKind, Memory, MemoryKeys, Prompt, RunError,
};
use serde_json::{Map, Value as Json};

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

    /// The input that is the person's turn. Found before the model is called: a call whose turn cannot be
    /// kept must not be paid.
    fn turn_input(&self, keys: &MemoryKeys, inputs: &Map<String, Json>) -> Result<String, RunError> {
        if let Some(name) = &keys.input {
            return match inputs.get(name) {
                Some(value) => Ok(millrace_engine::python_str(value)),
                None => Err(missing(&[name.as_str()])),
            };
        }
        let mut names: Vec<&String> =
            inputs.keys().filter(|name| **name != keys.memory && *name != "stop").collect();
        if names.len() > 1 {
            // Inputs that the prompt does not read are harmless without a memory, so they are with one.
            let read = self.prompt.variables();
            names.retain(|name| read.contains(name));
        }
        match names.as_slice() {
            [name] => Ok(millrace_engine::python_str(&inputs[name.as_str()])),
            _ => Err(ambiguous(&names)),
        }
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
    let input = variables.iter().find(|name| *name != other).cloned();
    memory.with_keys(MemoryKeys { memory: other.to_owned(), input, output: Some(output.to_owned()) })
}

fn missing(names: &[&str]) -> RunError {
    let names: Vec<_> = names.iter().map(|name| format!("'{name}'")).collect();
    RunError::new(ErrorKind::Input, format!("Missing some input keys: {{{}}}", names.join(", ")))
}

fn ambiguous(names: &[&String]) -> RunError {
    let mut names: Vec<_> = names.iter().map(|name| format!("'{name}'")).collect();
    names.sort();
    let message = format!(
        "One input key expected got [{}]; say in the memory's input_key which is the turn",
        names.join(", ")
    );
    RunError::new(ErrorKind::Input, message)
}

#[async_trait]
impl Chain for PromptChain {
    fn input_keys(&self) -> Vec<String> {
        let mut names = self.prompt.variables();
        names.retain(|name| self.memory.as_ref().is_none_or(|memory| memory.keys().memory != *name));
        names
    }

    fn output_keys(&self) -> Vec<String> {
        vec![self.output.to_owned()]
    }

    async fn call(&self, cx: &Context, inputs: Map<String, Json>) -> Result<ChainCall, RunError> {
        let mut absent: Vec<_> =
            self.input_keys().into_iter().filter(|name| !inputs.contains_key(name)).collect();
        if !absent.is_empty() {
            absent.sort();
            return Err(missing(&absent.iter().map(String::as_str).collect::<Vec<_>>()));
        }
        let mut memory = Map::new();
        let mut turn = String::new();
        if let Some(kept) = &self.memory {
            turn = self.turn_input(kept.keys(), &inputs)?;
            memory.insert(kept.keys().memory.clone(), kept.load(cx).await?);
        }
        let mut values = inputs;
        values.extend(memory.clone());
        let prompt = self.prompt.fill(&values).map_err(|e| RunError::new(ErrorKind::Input, e.to_string()))?;
        let request = ChatRequest::of(prompt.into_messages());
        let reply = self.model.generate(cx, request).await?;
        if let Some(kept) = &self.memory {
            kept.save(cx, &turn, &reply.text).await?;
        }
        let outputs = Map::from_iter([(self.output.to_owned(), Json::String(reply.text))]);
        Ok(ChainCall { memory, outputs })
    }
}
