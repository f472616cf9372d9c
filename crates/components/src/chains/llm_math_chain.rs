//! LLMMathChain: a question of arithmetic, answered by calculating (0.x).

use std::sync::Arc;

use async_trait::async_trait;
use millrace_engine::{
    Capability, Chain, ChainCall, Component, Context, Default, Entry, ErrorKind, Example, Outputs, RunError,
    Spec, Value, handles, message, output, python_str, text,
};
use serde::Deserialize;
use serde_json::{Map, Value as Json};

use super::llm_math::Translator;

/// The node's fields.
#[derive(Deserialize)]
pub(crate) struct LlmMathChain {
    llm: Option<handles::ChatModel>,
    llm_chain: Option<handles::Chain>,
    input_key: String,
    output_key: String,
}

impl Component for LlmMathChain {
    const SPEC: Spec = Spec {
        names: &["LLMMathChain"],
        about: "Has a model write a question of arithmetic as an expression, and calculates it. \
                Takes `question`, answers `answer`.",
        inputs: &[
            message("llm", "The model, for a chain without a prompt of its own."),
            message("llm_chain", "The chain that writes the expression; its prompt takes `question`."),
            text("input_key", "The name of the input.").or(Default::Text("question")),
            text("output_key", "The name of the output.").or(Default::Text("answer")),
        ],
        outputs: &[output("chain")],
        examples: &[Example {
            title: "the names may be chosen",
            inputs: r#"{
                "llm": {"$component": "ChatOpenAI", "inputs": {"openai_api_key": "sk-x"}},
                "input_key": "problem"
            }"#,
            output: r#"{"chain": {"chain": {"inputs": ["problem"], "outputs": ["answer"]}}}"#,
        }],
        ..Spec::SUPPORTED
    };

    async fn run(self, _cx: &Context) -> Result<Outputs, RunError> {
        let translator = match (self.llm_chain, self.llm) {
            (Some(chain), _) => Translator::Chain(chain.0),
            (None, Some(model)) => Translator::Model(model.0),
            (None, None) => {
                return Err(RunError::new(ErrorKind::Flow, "field 'llm_chain': connect it, or 'llm'"));
            }
        };
        let chain = MathChain { translator, input: self.input_key, output: self.output_key };
        Ok(Outputs::one("chain", Value::Capability(Capability::Chain(Arc::new(chain)))))
    }
}

#[derive(Debug)]
struct MathChain {
    translator: Translator,
    input: String,
    output: String,
}

#[async_trait]
impl Chain for MathChain {
    fn input_keys(&self) -> Vec<String> {
        vec![self.input.clone()]
    }

    fn output_keys(&self) -> Vec<String> {
        vec![self.output.clone()]
    }

    async fn call(&self, cx: &Context, inputs: Map<String, Json>) -> Result<ChainCall, RunError> {
        let Some(question) = inputs.get(&self.input) else {
            let message = format!("Missing some input keys: {{'{}'}}", self.input);
            return Err(RunError::new(ErrorKind::Input, message));
        };
        let solved = self.translator.solve(cx, &python_str(question)).await?;
        let answer = solved.map_err(|why| RunError::new(ErrorKind::Upstream, why.to_string()))?;
        let outputs = Map::from_iter([(self.output.clone(), Json::String(answer))]);
        Ok(ChainCall { beside: Map::new(), outputs })
    }
}

pub(crate) const ENTRY: Entry = Entry::of::<LlmMathChain>();

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::prompt_chain::PromptChain;
    use super::*;
    use crate::stand_in::{Scripted, Stand};

    #[tokio::test]
    async fn a_chain_with_a_prompt_of_its_own_writes_the_expression() {
        let model = Scripted::saying(&["```text\n37593 * 67\n```"]);
        let template = millrace_engine::Template::parse("Q: {question}").unwrap();
        let prompt = Arc::new(millrace_engine::Prompt::plain(template));
        let translator = Translator::Chain(Arc::new(PromptChain::new(prompt, model.clone(), None, "text")));
        let chain = MathChain { translator, input: "problem".into(), output: "answer".into() };
        let inputs = Map::from_iter([("problem".to_owned(), json!("37593 * 67"))]);
        let call = chain.call(&Stand::offline().cx(), inputs).await.unwrap();
        assert_eq!(Json::Object(call.outputs), json!({"answer": "Answer: 2518731"}));
        assert_eq!(model.prompts(), ["Q: 37593 * 67"]);
        let error = chain.call(&Stand::offline().cx(), Map::new()).await.err().unwrap();
        assert_eq!(error.to_string(), "Missing some input keys: {'problem'}");
    }
}
