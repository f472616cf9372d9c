//! ListSQLDatabaseTool: a tool that lists a database's tables (0.x).

use millrace_engine::{
    Capability, Component, Context, Entry, Example, Outputs, RunError, Spec, Value, handles, message, output,
};
use serde::Deserialize;

use super::database::SqlDatabase;
use super::tools;

/// The node's fields.
#[derive(Deserialize)]
pub(crate) struct ListSqlDatabaseTool {
    db: handles::Object<SqlDatabase>,
}

impl Component for ListSqlDatabaseTool {
    const SPEC: Spec = Spec {
        names: &["ListSQLDatabaseTool"],
        about: "A tool that lists a database's tables.",
        inputs: &[message("db", "The database.")],
        outputs: &[output("tool")],
        examples: &[Example {
            title: "the database comes from a SQLDatabase",
            inputs: r#"{
                "db": {"$component": "SQLDatabase", "inputs": {"database_uri": "postgresql://u:p@db.example/shop"}}
            }"#,
            output: r#"{"tool": {"tool": "sql_db_list_tables"}}"#,
        }],
        ..Spec::SUPPORTED
    };

    async fn run(self, _cx: &Context) -> Result<Outputs, RunError> {
        Ok(Outputs::one("tool", Value::Capability(Capability::Tool(tools::list(self.db.0)))))
    }
}

pub(crate) const ENTRY: Entry = Entry::of::<ListSqlDatabaseTool>();
