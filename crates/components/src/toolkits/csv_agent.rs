//! CSVAgent: an agent that answers questions from a CSV file (0.x).

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use millrace_engine::{
    Capability, Chain, ChainCall, ChatModel, Component, Context, Entry, Example, Outputs, RunError, Spec,
    Tool, ToolInput, Value, handles, message, output, text,
};
use serde::Deserialize;
use serde_json::{Map, Value as Json};

use super::table::{self, Session};
use crate::agents::react::{ReactPrompt, literal, react_agent};

/// Steps at most, as LangChain's executor.
const MAX_STEPS: u32 = 15;
/// Rows that the model is shown before it asks.
const HEAD: &str = "df.head()";

const PREFIX: &str = "You answer questions about a table. It is the pandas dataframe `df`.
Ask it with the tool below; use nothing that the tool did not tell you.";

const SUFFIX: &str = "
`df.head()` gives:
{head}
{notes}
Now begin.
Question: {input}
{agent_scratchpad}";

/// The node's fields.
#[derive(Deserialize)]
pub(crate) struct CsvAgentNode {
    llm: handles::ChatModel,
    path: String,
}

impl Component for CsvAgentNode {
    const SPEC: Spec = Spec {
        names: &["CSVAgent"],
        about: "Answers a question from a CSV file (50 MB and 4 million values at most) with pandas expressions that \
                the model writes, 15 steps at most. They are not executed as Python: what they ask is looked up in the \
                table. Takes `input`, answers `output`.",
        inputs: &[
            message("llm", "The model."),
            text("path", "The file: UTF-8, or Windows-1252; its first line names the columns."),
        ],
        outputs: &[output("agent")],
        examples: &[Example {
            title: "the question is its input",
            inputs: r#"{
                "llm": {"$component": "ChatOpenAI", "inputs": {"openai_api_key": "sk-x"}},
                "path": "flow/people.csv"
            }"#,
            output: r#"{"agent": {"chain": {"inputs": ["input"], "outputs": ["output"]}}}"#,
        }],
        ..Spec::SUPPORTED
    };

    async fn run(self, _cx: &Context) -> Result<Outputs, RunError> {
        let agent = CsvAgent { model: self.llm.0, path: self.path };
        Ok(Outputs::one("agent", Value::Capability(Capability::Chain(Arc::new(agent)))))
    }
}

pub(crate) const ENTRY: Entry = Entry::of::<CsvAgentNode>();

#[derive(Debug)]
struct CsvAgent {
    model: Arc<dyn ChatModel>,
    path: String,
}

#[async_trait]
impl Chain for CsvAgent {
    fn input_keys(&self) -> Vec<String> {
        vec!["input".to_owned()]
    }

    fn output_keys(&self) -> Vec<String> {
        vec!["output".to_owned()]
    }

    /// Reads the file before the model is asked: one that cannot be read costs nothing.
    async fn call(&self, cx: &Context, inputs: Map<String, Json>) -> Result<ChainCall, RunError> {
        let file = cx.file(&self.path, table::MAX_BYTES).await?;
        let (frame, notes) = table::read(&file.bytes)?;
        let mut session = Session::of(&frame);
        let head = literal(&session.answer(HEAD));
        let notes: String = notes.iter().map(|note| format!("{}\n", literal(note))).collect();
        let prompt = ReactPrompt {
            prefix: PREFIX.to_owned(),
            suffix: SUFFIX.replace("{head}", &head).replace("{notes}", &notes),
            format_instructions: None,
        };
        let tool: Arc<dyn Tool> = Arc::new(TableTool { session: Mutex::new(session) });
        react_agent(self.model.clone(), vec![tool], prompt, MAX_STEPS).call(cx, inputs).await
    }
}

/// Answers pandas expressions. What one call assigns is there for the next of the same run. An agent that is
/// taken up again asks all its questions anew, in the same order: they change nothing but the names here, so
/// the names are as they were.
struct TableTool {
    session: Mutex<Session>,
}

impl std::fmt::Debug for TableTool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TableTool")
    }
}

#[async_trait]
impl Tool for TableTool {
    /// The name that models know for it.
    fn name(&self) -> &str {
        "python_repl_ast"
    }

    fn description(&self) -> &str {
        "Answers pandas expressions over `df`, such as len(df), df['a'].mean(), df[df['a'] > 1] or \
         df.groupby('a')['b'].sum(). The input is one or more lines of Python without loops and functions; the \
         value of the last line is the answer, and names that it assigns stay. A long table is shown in part, with ... in the middle."
    }

    async fn call(&self, _cx: &Context, input: ToolInput) -> Result<String, RunError> {
        let mut session = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(session.answer(&input.into_text()))
    }
}

#[cfg(test)]
mod tests {
    use millrace_engine::ErrorKind;
    use serde_json::json;

    use super::*;
    use crate::stand_in::{Scripted, Stand};

    fn question() -> Map<String, Json> {
        json!({"input": "How many rows?"}).as_object().cloned().unwrap()
    }

    #[tokio::test]
    async fn questions_are_answered_from_the_table() {
        let file: &[u8] = b"name,age,{x}\nAlice,31,Paris\nBob,25,Berlin\nCarol,42,Lisbon\n";
        let stand = Stand::offline().files(&[("people.csv", file)]);
        let model = Scripted::saying(&[
            "Action: python_repl_ast\nAction Input: len(df)",
            "Action: python_repl_ast\nAction Input: import os; os.listdir('/')",
            "Final Answer: 3 rows",
        ]);
        let agent = CsvAgent { model: model.clone(), path: "people.csv".to_owned() };
        let answer = agent.call(&stand.cx(), question()).await.unwrap();
        assert_eq!(answer.outputs["output"], "3 rows");
        let prompts = model.prompts();
        let head =
            "    name  age     {x}\n0  Alice   31   Paris\n1    Bob   25  Berlin\n2  Carol   42  Lisbon\n";
        assert!(prompts[0].contains(head), "{}", prompts[0]);
        assert!(
            prompts[0].contains("one of [python_repl_ast]")
                && prompts[0].ends_with("Question: How many rows?\n")
        );
        assert!(prompts[1].contains("Action Input: len(df)\nObservation: 3\n"), "{}", prompts[1]);
        assert!(prompts[2].contains("Observation: NameError: name 'os' is not defined"), "{}", prompts[2]);
    }

    #[tokio::test]
    async fn a_file_that_cannot_be_read_costs_no_call() {
        let stand = Stand::offline().files(&[("empty.csv", b"")]);
        for path in ["empty.csv", "missing.csv"] {
            let agent = CsvAgent { model: Scripted::saying(&[]), path: path.to_owned() };
            let error = agent.call(&stand.cx(), question()).await.unwrap_err();
            assert_eq!(error.kind, ErrorKind::Flow, "{path}");
        }
    }
}
