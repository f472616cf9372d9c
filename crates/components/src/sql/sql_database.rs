//! SQLDatabase: a database that chains and tools work on, in both dialects.

use millrace_engine::{
    Capability, Component, Context, Default, Entry, ErrorKind, Example, Outputs, RunError, Spec, Value, flag,
    output, reach, text,
};
use serde::Deserialize;

use super::database::SqlDatabase;

/// The node's fields.
#[derive(Deserialize)]
pub(crate) struct SqlDatabaseNode {
    database_uri: Option<String>,
    uri: Option<String>,
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
            text("uri", "The same, as 1.x names it."),
            flag("read_only", "Whether statements that write are refused.").or(Default::Flag(true)),
        ],
        outputs: &[output("db"), output("SQLDatabase")],
        reaches: &[reach("the database in database_uri", "", "database_uri").or_in("uri")],
        examples: &[Example {
            title: "the password is not shown",
            inputs: r#"{"database_uri": "postgresql+psycopg2://u:secret@db.example/shop"}"#,
            output: r#"{
                "db": {"sql_database": {"database": "postgresql://u@db.example:5432/shop", "read_only": true}},
                "SQLDatabase": {"sql_database": {"database": "postgresql://u@db.example:5432/shop", "read_only": true}}
            }"#,
        }],
        ..Spec::SUPPORTED
    };

    async fn run(self, cx: &Context) -> Result<Outputs, RunError> {
        let url = self.database_uri.or(self.uri).ok_or_else(|| {
            let error = RunError::new(ErrorKind::Flow, "database_uri: it is empty");
            RunError { field: Some("database_uri".to_owned()), ..error }
        })?;
        let database =
            Value::Capability(Capability::Object(SqlDatabase::open(cx, &url, self.read_only).await?));
        Ok(Outputs::one("db", database.clone()).and("SQLDatabase", database))
    }
}

pub(crate) const ENTRY: Entry = Entry::of::<SqlDatabaseNode>();
