//! A question of arithmetic, put into an expression by a model and calculated here.

use std::sync::Arc;

use millrace_engine::{Chain, ChatMessage, ChatModel, ChatRequest, Context, Role, RunError, python_str};
use serde_json::{Map, json};
use thiserror::Error;

use crate::tools::arithmetic::{self, ArithmeticError};

/// Where the model has to stop: what follows is the calculator's part.
const STOP: &str = "```output";

/// Our own words for what LangChain's chain asks; variable and role as there.
const PROMPT: &str = "Write the problem below as one expression that Python's numexpr library can evaluate. \
Its value is the answer. This is the form:

Question: ${the problem}
```text
${the expression, on one line}
```
...numexpr.evaluate(the expression)...
```output
${its value}
```
Answer: ${the answer}

Two examples.

Question: How much is 418 times 93?
```text
418 * 93
```
...numexpr.evaluate(\"418 * 93\")...
```output
38874
```
Answer: 38874

Question: 2401^(1/4)
```text
2401**(1/4)
```
...numexpr.evaluate(\"2401**(1/4)\")...
```output
7.0
```
Answer: 7.0

Question: {question}
";

/// Why what a model said is no answer.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum Unsolved {
    #[error("The model's expression cannot be calculated: {0}")]
    Expression(#[from] ArithmeticError),
    #[error("The model gave neither an expression nor an answer")]
    Neither,
}

/// Who puts questions into expressions.
#[derive(Debug, Clone)]
pub(crate) enum Translator {
    /// A model, with the usual prompt.
    Model(Arc<dyn ChatModel>),
    /// A chain that takes `question`, with a prompt of its own.
    Chain(Arc<dyn Chain>),
}

impl Translator {
    /// The answer to a question, as `Answer: 42`, or why what the model says is none.
    pub async fn solve(&self, cx: &Context, question: &str) -> Result<Result<String, Unsolved>, RunError> {
        let text = match self {
            Self::Model(model) => {
                let prompt = PROMPT.replace("{question}", question);
                let messages = vec![ChatMessage::new(Role::User, prompt)];
                let request = ChatRequest { stop: vec![STOP.to_owned()], ..ChatRequest::of(messages) };
                model.generate(cx, request).await?.text
            }
            Self::Chain(chain) => {
                let inputs = Map::from_iter([
                    ("question".to_owned(), json!(question)),
                    // LangChain's chains take this as what their model stops at.
                    ("stop".to_owned(), json!([STOP])),
                ]);
                let call = chain.call(cx, inputs).await?;
                call.outputs.values().next().map(python_str).unwrap_or_default()
            }
        };
        Ok(answer(&text))
    }
}

/// The answer in what a model said: the value of its `text` block, else what follows its `Answer:`.
pub(super) fn answer(text: &str) -> Result<String, Unsolved> {
    let text = text.trim();
    if let Some((expression, _)) = text.strip_prefix("```text").and_then(|rest| rest.split_once("```")) {
        return Ok(format!("Answer: {}", arithmetic::evaluate(expression)?));
    }
    match text.rsplit_once("Answer:") {
        Some(_) if text.starts_with("Answer:") => Ok(text.to_owned()),
        // LangChain keeps the blank, too.
        Some((_, answer)) => Ok(format!("Answer: {answer}")),
        None => Err(Unsolved::Neither),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stand_in::{Scripted, Stand};

    #[test]
    fn answers_are_found() {
        let cases = [
            ("```text\n37593 * 67\n```", Ok("Answer: 2518731")),
            (" ```text\n3**4\n```\n...numexpr.evaluate(\"3**4\")...\n", Ok("Answer: 81")),
            ("Answer: 5", Ok("Answer: 5")),
            ("So it is.\nAnswer: 5", Ok("Answer:  5")),
        ];
        for (text, wanted) in cases {
            assert_eq!(answer(text), wanted.map(str::to_owned), "{text}");
        }
        assert_eq!(answer("no idea"), Err(Unsolved::Neither));
        let unknown = ArithmeticError::Unknown("import".to_owned());
        assert_eq!(answer("```text\nimport os\n```"), Err(Unsolved::Expression(unknown)));
    }

    #[tokio::test]
    async fn a_model_translates_the_question() {
        let model = Scripted::saying(&["```text\n3**4\n```"]);
        let solver = Translator::Model(model.clone());
        assert_eq!(solver.solve(&Stand::offline().cx(), "3^4 {x}").await.unwrap().unwrap(), "Answer: 81");
        assert!(model.prompts()[0].ends_with("Question: 3^4 {x}\n"));
        assert_eq!(model.asked.lock().unwrap()[0].stop, [STOP]);
    }
}
