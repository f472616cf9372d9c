//! A tool under a name that its flow gives it: a chain, or a function.

use std::sync::Arc;

use async_trait::async_trait;
use millrace_engine::{Chain, Context, ErrorKind, RunError, Tool, ToolInput, python_str};
use serde_json::{Map, Value as Json};

/// What a tool calls.
#[derive(Debug, Clone)]
pub(crate) enum Callable {
    /// Python that gives back the text it gets.
    Echo,
    /// A chain, and the one input that it takes.
    Chain(Arc<dyn Chain>, String),
}

impl Callable {
    /// A chain as something to call with one text.
    ///
    /// # Errors
    /// [`ErrorKind::Flow`] when it takes more or fewer inputs than one.
    pub fn chain(chain: Arc<dyn Chain>) -> Result<Self, RunError> {
        match <[String; 1]>::try_from(chain.input_keys()) {
            Ok([input]) => Ok(Self::Chain(chain, input)),
            Err(inputs) => {
                let message = format!(
                    "field 'func': a chain that is a tool takes one input, and this one takes [{}]",
                    inputs.join(", ")
                );
                Err(RunError::new(ErrorKind::Flow, message))
            }
        }
    }
}

/// A tool's name as models are told it: Langflow writes no blanks, since OpenAI's functions take none.
pub(crate) fn without_blanks(name: &str) -> String {
    name.replace(' ', "_")
}

/// Something callable under a name.
#[derive(Debug)]
pub(crate) struct NamedTool {
    /// Without blanks.
    pub name: String,
    pub description: String,
    pub return_direct: bool,
    pub callable: Callable,
}

#[async_trait]
impl Tool for NamedTool {
    fn name(&self) -> &str {
        &self.name
    }

    fn description(&self) -> &str {
        &self.description
    }

    fn return_direct(&self) -> bool {
        self.return_direct
    }

    async fn call(&self, cx: &Context, input: ToolInput) -> Result<String, RunError> {
        let text = input.into_text();
        match &self.callable {
            Callable::Echo => Ok(text),
            Callable::Chain(chain, input) => {
                let inputs = Map::from_iter([(input.clone(), Json::String(text))]);
                let outputs = chain.call(cx, inputs).await?.outputs;
                match outputs.values().next() {
                    Some(only) if outputs.len() == 1 => Ok(python_str(only)),
                    _ => Ok(Json::Object(outputs).to_string()),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agents::react::{ReactPrompt, react_agent};
    use crate::stand_in::{Scripted, Stand};

    fn agent(model: &Arc<Scripted>, suffix: &str) -> Arc<dyn Chain> {
        let suffix = suffix.to_owned();
        let prompt = ReactPrompt { prefix: "Joke".to_owned(), suffix, format_instructions: None };
        react_agent(model.clone(), Vec::new(), prompt, 1)
    }

    #[tokio::test]
    async fn a_chain_is_called_with_its_one_input() {
        let model = Scripted::saying(&["Final Answer: ha"]);
        let callable = Callable::chain(agent(&model, "about {topic}")).unwrap();
        let tool = NamedTool { name: "j".into(), description: "".into(), return_direct: true, callable };
        let answer = tool.call(&Stand::offline().cx(), ToolInput::Text("cats".into())).await.unwrap();
        assert_eq!(answer, "ha");
        assert!(model.prompts()[0].ends_with("about cats\n"), "{}", model.prompts()[0]);
    }

    #[test]
    fn a_chain_of_two_inputs_is_no_tool() {
        let error = Callable::chain(agent(&Scripted::saying(&[]), "{a} {b}")).unwrap_err();
        assert!(error.message.ends_with("takes [a, b]"), "{error}");
    }
}
