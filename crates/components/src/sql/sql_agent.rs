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

#[cfg(test)]
mod tests {
    use millrace_engine::Inputs;
    use serde_json::json;

    use super::*;
    use crate::registry;
    use crate::sql::scratch::Scratch;
    use crate::stand_in::Scripted;

    #[tokio::test]
    async fn tables_are_looked_at_and_queries_run() {
        let scratch = Scratch::new("agent").await;
        let model = Scripted::saying(&[
            "Action: sql_db_list_tables\nAction Input: ",
            "Action: sql_db_schema\nAction Input: items",
            "Action: sql_db_query\nAction Input: SELECT nope FROM items",
            "Action: sql_db_query\nAction Input: SELECT COUNT(*) FROM items",
            "Final Answer: 3 items",
        ]);
        let inputs: Inputs = vec![
            ("llm".to_owned(), Value::Capability(Capability::ChatModel(model.clone()))),
            ("database_uri".to_owned(), Value::Json(json!("sqlite:///shop.db"))),
        ];
        let cx = scratch.stand.cx();
        let outputs = registry().get("SQLAgent").unwrap().run(inputs, &cx).await.unwrap();
        let Some(Value::Capability(Capability::Chain(agent))) = outputs.get("agent") else {
            panic!("a chain")
        };
        let question = json!({"input": "How many items?"}).as_object().cloned().unwrap();
        let answer = agent.call(&cx, question).await.unwrap();
        assert_eq!(answer.outputs["output"], "3 items");
        let prompts = model.prompts();
        let tools = "[sql_db_query, sql_db_schema, sql_db_list_tables, sql_db_query_checker]";
        assert!(prompts[0].contains(tools) && prompts[0].contains("correct sqlite query"), "{}", prompts[0]);
        for seen in
            ["Order Lines, items\n", "\nCREATE TABLE items (", "Error: no such column: nope\n", "[(3,)]\n"]
        {
            assert!(prompts[4].contains(&format!("Observation: {seen}")), "{seen} in {}", prompts[4]);
        }
    }
}
