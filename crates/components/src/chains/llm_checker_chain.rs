//! LLMCheckerChain: an answer whose assumptions are checked before it is given (0.x).

use std::sync::Arc;

use async_trait::async_trait;
use millrace_engine::{
    Capability, Chain, ChainCall, ChatModel, Component, Context, Entry, Example, Outputs, Role, RunError,
    Spec, Value, handles, message, output,
};
use serde::Deserialize;
use serde_json::{Map, Value as Json};

use super::own_prompt::{OwnPrompt, ask};
use super::recall::text;

/// The four prompts in our own words; variables and role as in LangChain.
const DRAFT: OwnPrompt = &[(Role::User, "{question}\n\n")];
const ASSUMPTIONS: OwnPrompt = &[(
    Role::User,
    "You said:\n{statement}\nList, one to a line, what you took for granted when you said that.\n\n",
)];
const CHECKS: OwnPrompt = &[(
    Role::User,
    "These are claims:\n{assertions}\nSay of each whether it is true, and why not if it is false.\n\n",
)];
const REVISED: OwnPrompt = &[(
    Role::User,
    "{checked_assertions}\n\nQuestion: Now that these claims have been checked, what is your answer to \
     '{question}'?\n\nAnswer:",
)];

/// The node's fields.
#[derive(Deserialize)]
pub(crate) struct LlmCheckerChain {
    llm: handles::ChatModel,
}

impl Component for LlmCheckerChain {
    const SPEC: Spec = Spec {
        names: &["LLMCheckerChain"],
        about: "Answers, lists what the answer assumes, checks that, and answers again: four model calls. \
                Takes `query`, answers `result`.",
        inputs: &[message("llm", "The model.")],
        outputs: &[output("chain")],
        examples: &[Example {
            title: "a question in, an answer out",
            inputs: r#"{"llm": {"$component": "ChatOpenAI", "inputs": {"openai_api_key": "sk-x"}}}"#,
            output: r#"{"chain": {"chain": {"inputs": ["query"], "outputs": ["result"]}}}"#,
        }],
        ..Spec::SUPPORTED
    };

    async fn run(self, _cx: &Context) -> Result<Outputs, RunError> {
        let chain = Checker { llm: self.llm.0 };
        Ok(Outputs::one("chain", Value::Capability(Capability::Chain(Arc::new(chain)))))
    }
}

#[derive(Debug)]
struct Checker {
    llm: Arc<dyn ChatModel>,
}

#[async_trait]
impl Chain for Checker {
    fn input_keys(&self) -> Vec<String> {
        vec!["query".to_owned()]
    }

    fn output_keys(&self) -> Vec<String> {
        vec!["result".to_owned()]
    }

    async fn call(&self, cx: &Context, inputs: Map<String, Json>) -> Result<ChainCall, RunError> {
        let question = text(&inputs, "query")?;
        let llm = self.llm.as_ref();
        let draft = ask(cx, llm, DRAFT, &[("question", &question)]).await?;
        let assumptions = ask(cx, llm, ASSUMPTIONS, &[("statement", &draft)]).await?;
        let checks = ask(cx, llm, CHECKS, &[("assertions", &assumptions)]).await?;
        let values = [("checked_assertions", checks.as_str()), ("question", question.as_str())];
        let answer = ask(cx, llm, REVISED, &values).await?;
        let outputs = Map::from_iter([("result".to_owned(), Json::String(answer))]);
        Ok(ChainCall { beside: Map::new(), outputs })
    }
}

pub(crate) const ENTRY: Entry = Entry::of::<LlmCheckerChain>();
