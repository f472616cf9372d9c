//! A database as chains and tools see it: recorded statements, answers as text.

use std::fmt;
use std::sync::Arc;

use millrace_engine::{Context, Effect, ErrorKind, Object, RunError, Usage};
use millrace_outbound::{Access, Database, Rows, Sql, SqlDialect, SqlError, Statement};
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use super::python_text;
use super::schema;

/// A database that a flow names.
pub(crate) struct SqlDatabase {
    database: Database,
    /// The URL without its password: it names the database in records and to people.
    shown: String,
    access: Access,
}

impl fmt::Debug for SqlDatabase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SqlDatabase({})", self.shown)
    }
}

impl Object for SqlDatabase {
    fn kind(&self) -> &'static str {
        "a database"
    }

    fn describe(&self) -> Json {
        let read_only = self.access == Access::ReadOnly;
        json!({"sql_database": {"database": self.shown, "read_only": read_only}})
    }
}

/// What a database answers to a statement that somebody else wrote.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Said {
    /// The rows, as Python writes a list of tuples; empty where there are none.
    Rows(String),
    /// Why the statement was not run, for whoever wrote it.
    Refused {
        /// For whoever wrote the statement; may quote it.
        words: String,
        /// For everybody.
        sentence: String,
    },
}

impl SqlDatabase {
    /// The database of a URL. A SQLite file must be an upload or stand under the operator's folder.
    ///
    /// # Errors
    /// [`ErrorKind::Flow`] in the field `database_uri`.
    pub async fn open(cx: &Context, url: &str, read_only: bool) -> Result<Arc<Self>, RunError> {
        let named = Database::parse(url).map_err(|error| failed(&error))?;
        let shown = named.to_string();
        let database = match named.file().and_then(|file| file.to_str()) {
            Some(file) => Database::sqlite_file(cx.files().on_disk(file).await.map_err(in_uri)?),
            None => named,
        };
        let access = if read_only { Access::ReadOnly } else { Access::ReadWrite };
        Ok(Arc::new(Self { database, shown, access }))
    }

    /// The dialect's name: `postgresql`, `mysql`, `sqlite`.
    pub fn dialect(&self) -> &'static str {
        self.database.dialect().name()
    }

    /// Runs a statement that a model wrote.
    pub async fn run(&self, cx: &Context, text: &str) -> Result<Said, RunError> {
        // SQLite runs nothing and answers nothing; servers refuse it.
        if text.trim_matches(|c: char| c == ';' || c.is_whitespace()).is_empty()
            && self.database.dialect() == SqlDialect::Sqlite
        {
            return Ok(Said::Rows(String::new()));
        }
        let statement = Statement { text: text.to_owned(), values: Vec::new(), access: self.access };
        let sql = cx.resource::<Sql>()?;
        let perform = || async {
            let said = match sql.run(&self.database, &statement).await {
                Ok(rows) => Said::Rows(python_text::tuples(&rows)),
                Err(error) => refused(&error).ok_or_else(|| failed(&error))?,
            };
            Ok((said, Usage::default()))
        };
        let request = json!({"database": self.shown, "statement": text});
        cx.effect(Effect { kind: "sql", request }, perform).await
    }

    /// The names of the tables, sorted.
    pub async fn tables(&self, cx: &Context) -> Result<Vec<String>, RunError> {
        let reader = self.reader(cx)?;
        let perform = || async {
            let tables = schema::tables(&reader).await.map_err(|error| failed(&error))?;
            Ok((tables, Usage::default()))
        };
        cx.effect(Effect { kind: "sql", request: json!({"database": self.shown, "tables": true}) }, perform)
            .await
    }

    /// `CREATE TABLE` and three rows of each table, or of those named. `Err` in words where a name is none.
    pub async fn table_info(
        &self,
        cx: &Context,
        wanted: Option<&[String]>,
    ) -> Result<Result<String, String>, RunError> {
        let reader = self.reader(cx)?;
        let perform = || async {
            let info = schema::describe(&reader, wanted).await.map_err(|error| failed(&error))?;
            Ok((info, Usage::default()))
        };
        let request = json!({"database": self.shown, "table_info": wanted});
        cx.effect(Effect { kind: "sql", request }, perform).await
    }

    fn reader<'a>(&'a self, cx: &'a Context) -> Result<Reader<'a>, RunError> {
        Ok(Reader { sql: cx.resource()?, database: &self.database })
    }
}

/// Reads a database's catalogue.
pub(super) struct Reader<'a> {
    sql: &'a Sql,
    pub(super) database: &'a Database,
}

impl Reader<'_> {
    pub(super) async fn rows(&self, text: &str, values: &[&str]) -> Result<Rows, SqlError> {
        let values = values.iter().map(|value| millrace_outbound::SqlValue::Text((*value).to_owned()));
        self.sql.run(self.database, &Statement::read(text, values.collect())).await
    }
}

/// What whoever wrote the statement can do something about.
fn refused(error: &SqlError) -> Option<Said> {
    let words = match error {
        SqlError::Rejected { code, message } if code == "driver" => driver_words(message).to_owned(),
        SqlError::Rejected { message, .. } => message.clone(),
        SqlError::Forbidden { .. }
        | SqlError::NotReadOnly
        | SqlError::TimedOut { .. }
        | SqlError::TooLarge { .. } => error.to_string(),
        _ => return None,
    };
    Some(Said::Refused { words, sentence: error.to_string() })
}

/// What the driver means; its own words are of its code.
fn driver_words(message: &str) -> &'static str {
    if message.contains("parameter") {
        "the statement has parameters such as :name or ?, and nothing gives them values; write the values"
    } else {
        "the statement's values are of a type that cannot be read; cast them to text"
    }
}

/// What only the flow's owner or the database's can do something about.
fn failed(error: &SqlError) -> RunError {
    let kind = match error {
        SqlError::InvalidUrl { .. }
        | SqlError::Blocked { .. }
        | SqlError::Login { .. }
        | SqlError::File
        | SqlError::Forbidden { .. } => return in_uri(RunError::new(ErrorKind::Flow, error.to_string())),
        SqlError::TimedOut { .. } => ErrorKind::Timeout,
        _ => ErrorKind::Upstream,
    };
    RunError::new(kind, error.to_string()).transient(error.is_transient())
}

fn in_uri(error: RunError) -> RunError {
    let message = format!("database_uri: {}", error.message);
    RunError { message, field: Some("database_uri".to_owned()), ..error }
}

/// The statement in what a model said: without a code fence, a leading `SQLQuery:`, quotes around the whole,
/// and what it made up as the result.
pub(crate) fn statement_in(said: &str) -> &str {
    let said = said.split("SQLResult:").next().unwrap_or_default();
    let said = said.rsplit("SQLQuery:").next().unwrap_or_default().trim();
    let statement = fenced(said).unwrap_or(said).trim();
    let quoted = ['"', '`'].iter().find_map(|quote| {
        statement.strip_prefix(*quote)?.strip_suffix(*quote).filter(|s| !s.contains(*quote))
    });
    quoted.unwrap_or(statement).trim()
}

fn fenced(said: &str) -> Option<&str> {
    let (_, inner) = said.split_once("```")?;
    let inner = inner.split("```").next()?;
    let tag = inner.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(0);
    let is_language =
        ["sql", "sqlite", "postgresql", "postgres", "mysql"].contains(&&*inner[..tag].to_lowercase());
    Some(if is_language { &inner[tag..] } else { inner })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_statement_is_found_in_what_models_say() {
        let cases = [
            ("SELECT 1", "SELECT 1"),
            (" SELECT 1;\n", "SELECT 1;"),
            ("```sql\nSELECT 1\n```", "SELECT 1"),
            ("```\nSELECT 1\n```\nThis counts.", "SELECT 1"),
            ("Here it is:\n```SQL\nSELECT 1;```", "SELECT 1;"),
            ("```SELECT 1```", "SELECT 1"),
            ("SQLQuery: SELECT 1", "SELECT 1"),
            ("SQLQuery:\n```sqlite\nSELECT 1\n```", "SELECT 1"),
            ("SELECT 1\nSQLResult: [(2,)]", "SELECT 1"),
            ("\"SELECT 1\"", "SELECT 1"),
            ("\"a\" + \"b\"", "\"a\" + \"b\""),
            ("`SELECT 1`", "SELECT 1"),
            ("", ""),
        ];
        for (said, expected) in cases {
            assert_eq!(statement_in(said), expected, "{said}");
        }
    }
}
