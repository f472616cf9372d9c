//! SQLDatabase: a database that chains and tools work on (0.x).

use millrace_engine::{
    Capability, Component, Context, Default, Entry, Example, Outputs, RunError, Spec, Value, flag, output,
    reach, text,
};
use serde::Deserialize;

use super::database::SqlDatabase;

/// The node's fields.
#[derive(Deserialize)]
pub(crate) struct SqlDatabaseNode {
    database_uri: String,
    read_only: bool,
}

impl Component for SqlDatabaseNode {
    const SPEC: Spec = Spec {
        names: &["SQLDatabase"],
        about: "A PostgreSQL, MySQL, MariaDB or SQLite database. Statements only read, unless `read_only` is off; \
                each is a single one, takes 30 s and gives 10,000 rows at most.",
        inputs: &[
            text(
                "database_uri",
                "The database as SQLAlchemy names it, such as postgresql://user:password@host/name. A SQLite file \
                 must be an upload or stand in the operator's folder.",
            ),
            flag("read_only", "Whether statements that write are refused.").or(Default::Flag(true)),
        ],
        outputs: &[output("db")],
        reaches: &[reach("the database in database_uri", "", "database_uri")],
        examples: &[Example {
            title: "the password is not shown",
            inputs: r#"{"database_uri": "postgresql+psycopg2://u:secret@db.example/shop"}"#,
            output: r#"{"db": {"sql_database": {
                "database": "postgresql://u@db.example:5432/shop", "read_only": true
            }}}"#,
        }],
        ..Spec::SUPPORTED
    };

    async fn run(self, cx: &Context) -> Result<Outputs, RunError> {
        let database = SqlDatabase::open(cx, &self.database_uri, self.read_only).await?;
        Ok(Outputs::one("db", Value::Capability(Capability::Object(database))))
    }
}

pub(crate) const ENTRY: Entry = Entry::of::<SqlDatabaseNode>();
