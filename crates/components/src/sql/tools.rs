//! Tools over a database.

use std::sync::Arc;

use async_trait::async_trait;
use millrace_engine::{ChatMessage, ChatModel, ChatRequest, Context, Role, RunError, Tool, ToolInput};
use serde_json::{Value as Json, json};

use super::database::{Said, SqlDatabase, statement_in};

/// Runs a statement.
pub(super) fn query(db: Arc<SqlDatabase>) -> Arc<dyn Tool> {
    Arc::new(SqlTool { db, work: Work::Query })
}

/// Describes tables.
pub(super) fn info(db: Arc<SqlDatabase>) -> Arc<dyn Tool> {
    Arc::new(SqlTool { db, work: Work::Info })
}

/// Lists tables.
pub(super) fn list(db: Arc<SqlDatabase>) -> Arc<dyn Tool> {
    Arc::new(SqlTool { db, work: Work::List })
}

/// Has a model look a statement over.
pub(super) fn checker(db: Arc<SqlDatabase>, model: Arc<dyn ChatModel>) -> Arc<dyn Tool> {
    Arc::new(SqlTool { db, work: Work::Check(model) })
}

#[derive(Debug)]
struct SqlTool {
    db: Arc<SqlDatabase>,
    work: Work,
}

#[derive(Debug)]
enum Work {
    Query,
    Info,
    List,
    Check(Arc<dyn ChatModel>),
}

const CHECK: &str = "{query}

Read the {dialect} statement above for mistakes that are easily made: NOT IN over values that may be null, UNION \
where UNION ALL is meant, BETWEEN where the ends do not belong to it, types that do not compare, names that need \
quotes, functions with the wrong number of arguments, a cast to the wrong type, a join over the wrong columns.

If there is one, write the statement anew; if not, repeat it as it is. Answer with the statement alone.

Statement:";

#[async_trait]
impl Tool for SqlTool {
    fn name(&self) -> &str {
        match self.work {
            Work::Query => "sql_db_query",
            Work::Info => "sql_db_schema",
            Work::List => "sql_db_list_tables",
            Work::Check(_) => "sql_db_query_checker",
        }
    }

    fn description(&self) -> &str {
        match self.work {
            Work::Query => {
                "Runs one SQL query and gives back its rows. The input is a complete, correct query. If the answer \
                 is an error, correct the query and try again; for an unknown column, look at the tables with \
                 sql_db_schema first."
            }
            Work::Info => {
                "Shows the columns and sample rows of tables. The input is their names between commas, such as \
                 table1, table2. Use sql_db_list_tables first to be sure that they exist."
            }
            Work::List => "Lists the names of all tables between commas. The input is empty.",
            Work::Check(_) => "Looks a SQL query over for mistakes. Use it before each sql_db_query.",
        }
    }

    fn parameters(&self) -> Option<Json> {
        let (name, about) = match self.work {
            Work::Query => ("query", "A complete, correct SQL query."),
            Work::Info => ("table_names", "The tables' names between commas: table1, table2"),
            Work::List => ("tool_input", "An empty text"),
            Work::Check(_) => ("query", "The SQL query to look over."),
        };
        let property = json!({"type": "string", "description": about});
        Some(json!({"type": "object", "properties": {name: property}, "required": [name]}))
    }

    async fn call(&self, cx: &Context, input: ToolInput) -> Result<String, RunError> {
        let input = input.into_text();
        match &self.work {
            Work::Query => Ok(match self.db.run(cx, statement_in(&input)).await? {
                Said::Rows(rows) => rows,
                Said::Refused { words, .. } => format!("Error: {words}"),
            }),
            Work::Info => {
                let info = self.db.table_info(cx, Some(&table_names(&input))).await?;
                Ok(info.unwrap_or_else(|words| format!("Error: {words}")))
            }
            Work::List => Ok(self.db.tables(cx).await?.join(", ")),
            Work::Check(model) => {
                let request = CHECK.replace("{dialect}", self.db.dialect());
                let request = request.replace("{query}", statement_in(&input));
                let message = ChatMessage::new(Role::User, request);
                Ok(model.generate(cx, ChatRequest::of(vec![message])).await?.text)
            }
        }
    }
}

/// Names between commas, without the quotes and brackets that models put around them.
fn table_names(input: &str) -> Vec<String> {
    let bare = |name: &str| name.trim_matches(|c: char| c.is_whitespace() || "'\"`[]".contains(c)).to_owned();
    input.split(',').map(bare).filter(|name| !name.is_empty()).collect()
}

#[cfg(test)]
#[path = "tools_tests.rs"]
mod tests;
