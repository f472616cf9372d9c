//! SQLAgent: an agent that answers questions from a database (0.x).

use millrace_engine::{
    Capability, Component, Context, Default, Entry, Example, Outputs, RunError, Spec, Value, flag, handles,
    message, output, reach, text,
};
use serde::Deserialize;

use super::database::SqlDatabase;
use super::tools;
use crate::agents::react::{ReactPrompt, react_agent};

/// Steps at most, as LangChain's executor.
const MAX_STEPS: u32 = 15;
/// Rows that the model is told to ask for, unless the question says how many.
const TOP_K: &str = "10";

const PREFIX: &str = "You answer questions from a SQL database.
Write a correct {dialect} query for the question, run it, look at its rows and answer.
Unless the question says how many examples are wanted, limit a query to {top_k} rows; order them so that the most \
interesting come first. Never ask for all columns of a table, only for those that the question needs.
Look a query over before you run it. If running it gives an error, correct the query and try again.
Never write statements that change data or tables (INSERT, UPDATE, DELETE, DROP and the like).
Use only what the tools below tell you. To a question that has nothing to do with the database, the answer is \
\"I don't know\".";

const SUFFIX: &str = "Now begin.

Question: {input}
Thought: I should see which tables there are, and then the columns of those that matter.
{agent_scratchpad}";

/// The node's fields.
#[derive(Deserialize)]
pub(crate) struct SqlAgent {
    llm: handles::ChatModel,
    database_uri: String,
    read_only: bool,
}

impl Component for SqlAgent {
    const SPEC: Spec = Spec {
        names: &["SQLAgent"],
        about: "Answers a question from a database: looks at its tables and runs queries, 15 steps at most. \
                Takes `input`, answers `output`.",
        inputs: &[
            message("llm", "The model."),
            text("database_uri", "The database, as for SQLDatabase."),
            flag("read_only", "Whether statements that write are refused.").or(Default::Flag(true)),
        ],
        outputs: &[output("agent")],
        reaches: &[reach("the database in database_uri", "", "database_uri")],
        examples: &[Example {
            title: "the question is its input",
            inputs: r#"{
                "llm": {"$component": "ChatOpenAI", "inputs": {"openai_api_key": "sk-x"}},
                "database_uri": "postgresql://u:p@db.example/shop"
            }"#,
            output: r#"{"agent": {"chain": {"inputs": ["input"], "outputs": ["output"]}}}"#,
        }],
        ..Spec::SUPPORTED
    };

    async fn run(self, cx: &Context) -> Result<Outputs, RunError> {
        let db = SqlDatabase::open(cx, &self.database_uri, self.read_only).await?;
        let prefix = PREFIX.replace("{dialect}", db.dialect()).replace("{top_k}", TOP_K);
        let tools = vec![
            tools::query(db.clone()),
            tools::info(db.clone()),
            tools::list(db.clone()),
            tools::checker(db, self.llm.0.clone()),
        ];
        let prompt = ReactPrompt { prefix, suffix: SUFFIX.to_owned(), format_instructions: None };
        let agent = react_agent(self.llm.0, tools, prompt, MAX_STEPS);
        Ok(Outputs::one("agent", Value::Capability(Capability::Chain(agent))))
    }
}

pub(crate) const ENTRY: Entry = Entry::of::<SqlAgent>();
