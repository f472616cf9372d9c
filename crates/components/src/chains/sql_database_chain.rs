//! SQLDatabaseChain: a question becomes SQL, and its rows become the answer (0.x).

use std::sync::Arc;

use async_trait::async_trait;
use millrace_engine::{
    Capability, Chain, ChainCall, ChatModel, ChatRequest, Component, Context, Entry, ErrorKind, Example,
    Outputs, Prompt, RunError, Spec, Value, handles, message, output, python_str,
};
use serde::Deserialize;
use serde_json::{Map, Value as Json};

use crate::sql::{Said, SqlDatabase, statement_in};

/// Where the model stops: the result is not its to write.
const STOP: &str = "\nSQLResult:";
/// Rows that the prompt may tell the model to ask for.
const TOP_K: &str = "5";

/// The node's fields.
#[derive(Deserialize)]
pub(crate) struct SqlDatabaseChainNode {
    llm: handles::ChatModel,
    db: handles::Object<SqlDatabase>,
    prompt: handles::Prompt,
}

impl Component for SqlDatabaseChainNode {
    const SPEC: Spec = Spec {
        names: &["SQLDatabaseChain"],
        about: "Has a model write SQL for a question, runs it, and has the model answer from the rows. \
                Takes `query`, answers `result`.",
        inputs: &[
            message("llm", "The model."),
            message("db", "The database; statements that write are refused unless it says otherwise."),
            message("prompt", "The prompt, with any of {input}, {table_info}, {dialect} and {top_k}."),
        ],
        outputs: &[output("chain")],
        examples: &[Example {
            title: "other variables of the prompt are inputs",
            inputs: r#"{
                "llm": {"$component": "ChatOpenAI", "inputs": {"openai_api_key": "sk-x"}},
                "db": {"$component": "SQLDatabase", "inputs": {"database_uri": "postgresql://u:p@db.example/shop"}},
                "prompt": {"$component": "PromptTemplate", "inputs": {
                    "template": "{dialect} {table_info} {tone}\nQuestion: {input}"
                }}
            }"#,
            output: r#"{"chain": {"chain": {"inputs": ["query", "tone"], "outputs": ["result"]}}}"#,
        }],
        ..Spec::SUPPORTED
    };

    async fn run(self, _cx: &Context) -> Result<Outputs, RunError> {
        let chain = SqlDatabaseChain { model: self.llm.0, db: self.db.0, prompt: self.prompt.0 };
        Ok(Outputs::one("chain", Value::Capability(Capability::Chain(Arc::new(chain)))))
    }
}

pub(crate) const ENTRY: Entry = Entry::of::<SqlDatabaseChainNode>();

#[derive(Debug)]
struct SqlDatabaseChain {
    model: Arc<dyn ChatModel>,
    db: Arc<SqlDatabase>,
    prompt: Arc<Prompt>,
}

impl SqlDatabaseChain {
    /// What the chain itself puts in.
    async fn own_values(
        &self,
        cx: &Context,
        inputs: &Map<String, Json>,
    ) -> Result<Map<String, Json>, RunError> {
        let mut values = inputs.clone();
        values.insert("dialect".to_owned(), self.db.dialect().into());
        values.insert("top_k".to_owned(), TOP_K.into());
        if self.prompt.variables().iter().any(|name| name == "table_info") {
            let wanted = wanted_tables(inputs);
            let info = self.db.table_info(cx, wanted.as_deref()).await?;
            let info = info.map_err(|words| RunError::new(ErrorKind::Input, words))?;
            values.insert("table_info".to_owned(), info.into());
        }
        Ok(values)
    }

    async fn ask(&self, cx: &Context, values: &Map<String, Json>, input: &str) -> Result<String, RunError> {
        let mut values = values.clone();
        values.insert("input".to_owned(), input.into());
        let prompt = self.prompt.fill(&values).map_err(|e| RunError::new(ErrorKind::Input, e.to_string()))?;
        let request = ChatRequest { stop: vec![STOP.to_owned()], ..ChatRequest::of(prompt.into_messages()) };
        Ok(self.model.generate(cx, request).await?.text)
    }
}

/// The tables that the caller names; all of them where it does not.
fn wanted_tables(inputs: &Map<String, Json>) -> Option<Vec<String>> {
    let names = inputs.get("table_names_to_use")?.as_array()?;
    Some(names.iter().map(python_str).collect())
}

#[async_trait]
impl Chain for SqlDatabaseChain {
    fn input_keys(&self) -> Vec<String> {
        let own = ["input", "table_info", "dialect", "top_k", "query"];
        let others = self.prompt.variables().into_iter().filter(|name| !own.contains(&name.as_str()));
        std::iter::once("query".to_owned()).chain(others).collect()
    }

    fn output_keys(&self) -> Vec<String> {
        vec!["result".to_owned()]
    }

    async fn call(&self, cx: &Context, inputs: Map<String, Json>) -> Result<ChainCall, RunError> {
        let missing: Vec<_> =
            self.input_keys().into_iter().filter(|name| !inputs.contains_key(name)).collect();
        if !missing.is_empty() {
            let names: Vec<_> = missing.iter().map(|name| format!("'{name}'")).collect();
            let message = format!("Missing some input keys: {{{}}}", names.join(", "));
            return Err(RunError::new(ErrorKind::Input, message));
        }
        let values = self.own_values(cx, &inputs).await?;
        let question = format!("{}\nSQLQuery:", python_str(&inputs["query"]));
        let said = self.ask(cx, &values, &question).await?;
        let statement = statement_in(&said);
        let rows = match self.db.run(cx, statement).await? {
            Said::Rows(rows) => rows,
            Said::Refused { sentence, .. } => return Err(refused(&sentence)),
        };
        let worked = format!("{question}{statement}\nSQLResult: {rows}\nAnswer:");
        let answer = self.ask(cx, &values, &worked).await?;
        let outputs = Map::from_iter([("result".to_owned(), Json::String(answer.trim().to_owned()))]);
        Ok(ChainCall { beside: Map::new(), outputs })
    }
}

/// Without the statement: it may quote what the caller must not see.
fn refused(sentence: &str) -> RunError {
    let message = format!("SQLDatabaseChain: the model's SQL was not run: {sentence}");
    RunError::new(ErrorKind::Upstream, message)
}

#[cfg(test)]
mod tests {
    use millrace_engine::Template;
    use serde_json::json;

    use super::*;
    use crate::sql::scratch::Scratch;
    use crate::stand_in::Scripted;

    const TEMPLATE: &str = "{dialect} {top_k}\n{table_info}\n\nQuestion: {input}";

    async fn chain(scratch: &Scratch, model: Arc<Scripted>) -> SqlDatabaseChain {
        let prompt = Arc::new(Prompt::plain(Template::parse(TEMPLATE).unwrap()));
        SqlDatabaseChain { model, db: scratch.open(true).await, prompt }
    }

    fn question() -> Map<String, Json> {
        json!({"query": "How many items are there?"}).as_object().cloned().unwrap()
    }

    #[tokio::test]
    async fn the_rows_of_the_models_sql_become_the_answer() {
        let scratch = Scratch::new("chain").await;
        let model = Scripted::saying(&["```sql\nSELECT COUNT(*) FROM items\n```", " There are 3 items. "]);
        let chain = chain(&scratch, model.clone()).await;
        let answer = chain.call(&scratch.stand.cx(), question()).await.unwrap();
        assert_eq!(answer.outputs["result"], "There are 3 items.");
        let prompts = model.prompts();
        assert!(
            prompts[0].starts_with("sqlite 5\n")
                && prompts[0].contains("\nCREATE TABLE items (\n\tid INTEGER, \n"),
            "{}",
            prompts[0]
        );
        assert!(prompts[0].ends_with("Question: How many items are there?\nSQLQuery:"), "{}", prompts[0]);
        let worked = "SQLQuery:SELECT COUNT(*) FROM items\nSQLResult: [(3,)]\nAnswer:";
        assert!(prompts[1].ends_with(worked), "{}", prompts[1]);
        assert!(model.asked.lock().unwrap().iter().all(|request| request.stop == [STOP]));
    }

    #[tokio::test]
    async fn what_cannot_be_run_is_an_error_without_the_statement() {
        let scratch = Scratch::new("chain-bad").await;
        for (said, reason) in [
            ("SELECT nonsense", "the database refused the statement (1)"),
            ("SELEC nonsense", "the statement is not allowed: it begins with no word that reads"),
            ("DELETE FROM items", "the statement writes, and this connection only reads"),
            ("SELECT 1; SELECT 2", "the statement is not allowed: it is more than one statement"),
        ] {
            let chain = chain(&scratch, Scripted::saying(&[said])).await;
            let error = chain.call(&scratch.stand.cx().scope(said), question()).await.unwrap_err();
            let expected = format!("SQLDatabaseChain: the model's SQL was not run: {reason}");
            assert_eq!((error.kind, error.to_string()), (ErrorKind::Upstream, expected));
        }
    }
}
