//! What agents ask of tables, JSON files and databases.

use millrace_components::fuzzing;
use millrace_outbound::{Access, SqlDialect, fuzzing::statement};
use rusqlite::{Connection, ErrorCode};

use super::halves;
use crate::Target;

pub(super) const TABLE: Target = Target::of("table", table)
    .limits(16 << 10, 2_000, 1 << 10)
    .words(&[
        "df",
        "df[",
        "'a'",
        "'b'",
        "]",
        ".head()",
        ".groupby(",
        ".sum()",
        ".mean()",
        ".agg(",
        ".sort_values(",
        ".loc[",
        ".iloc[",
        ".str.",
        ".dt.",
        ".apply(lambda x: ",
        ".merge(",
        ".pivot_table(",
        ".value_counts()",
        ".describe()",
        "len(",
        "print(",
        " for x in ",
        " if ",
        " else ",
        "==",
        "<",
        "&",
        "|",
        "~",
        "pd.to_datetime(",
        "pd.concat([",
        "f'{",
        "}'",
        ":",
        "\n",
        ".query('",
        ".rolling(",
        ".fillna(",
        ".astype(",
        ".columns",
        ".T",
        ".shape",
        "range(",
        "sorted(",
        "'x' * ",
        "** ",
        ".rank()",
        ".explode(",
        ".cumsum()",
    ])
    .seeds(&["../shared/langflow-0.6/fixtures *.csv"]);

/// Questions, one in a line, behind a line of `---` and the table.
fn table(input: &[u8]) {
    const TABLE: &str = "a,b,c,d\n1,x,2024-01-05,1.5\n2,y,2024-02-06,\n3,x,,-2e3\n";
    let text = String::from_utf8_lossy(input);
    let (csv, questions) = match text.split_once("\n---\n") {
        Some((csv, questions)) => (csv, questions),
        None => (TABLE, text.as_ref()),
    };
    let questions: Vec<&str> = questions.split("\n\n").take(4).collect();
    for answer in fuzzing::table(csv.as_bytes(), &questions).into_iter().flatten() {
        assert!(answer.len() < 1 << 20, "an answer of {} bytes", answer.len());
    }
}

pub(super) const JSON_PATH: Target = Target::of("json_path", json_path)
    .words(&[
        "data", "[", "]", "\"a\"", "'a'", "[0]", "[-1]", "---\n", "&a ", "*a", "<<: ", "!!str ", "? ", "|\n",
        "\\\"",
    ])
    .seeds(&["../shared/langflow-0.6/fixtures *.json"]);

/// A path, and behind a line of `---` the file that it leads into.
fn json_path(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let (path, file) = halves(&text, "\n---\n");
    for name in ["a.json", "a.yaml"] {
        if let Ok(found) = fuzzing::json_value(name, file.as_bytes(), path) {
            assert!(found.len() <= 16 * (file.len() + 16), "{} bytes of {}", found.len(), file.len());
        }
    }
}

pub(super) const SQL: Target = Target::of("sql", sql).words(&[
    "SELECT",
    "INSERT INTO t VALUES(",
    "UPDATE t SET a=1",
    "DELETE FROM t",
    "WITH x AS (",
    "FROM t",
    "WHERE",
    ";",
    "--",
    "/*",
    "*/",
    "'",
    "''",
    "\"",
    "`",
    "[",
    "]",
    "$$",
    "$a$",
    "E'",
    "\\'",
    "PRAGMA",
    "table_info(t)",
    "ATTACH",
    "EXPLAIN",
    "VALUES(1)",
    "INTO OUTFILE",
    "#",
    "/*!",
    "x'00'",
    "(",
    ")",
    "REPLACE",
    "RETURNING",
    "journal_mode",
    "=",
    "U&'",
]);

/// What may only read is asked of SQLite itself.
fn sql(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    for dialect in [SqlDialect::Sqlite, SqlDialect::Postgres, SqlDialect::MySql] {
        let (reads, writes) =
            (statement(dialect, Access::ReadOnly, text), statement(dialect, Access::ReadWrite, text));
        assert!(reads.is_err() || writes.is_ok(), "what may be read may be read by those who write");
    }
    if statement(SqlDialect::Sqlite, Access::ReadOnly, text).is_ok() {
        judged(text);
    }
}

/// SQLite's own view of a statement that the scan let through. What `WITH` and `EXPLAIN` do it decides itself, on a connection
/// that may only read; all else must do nothing but read.
fn judged(text: &str) {
    thread_local! {
        static DATABASE: Connection = scratch();
    }
    DATABASE.with(|database| match database.prepare(text) {
        Ok(statement) => assert!(statement.readonly() || decided_later(text), "SQLite says that it writes"),
        Err(rusqlite::Error::MultipleStatement) => panic!("SQLite sees several statements"),
        Err(error) => assert_ne!(error.sqlite_error_code(), Some(ErrorCode::OutOfMemory)),
    });
}

fn decided_later(text: &str) -> bool {
    let text = text.to_ascii_uppercase();
    text.contains("WITH") || text.contains("EXPLAIN")
}

fn scratch() -> Connection {
    let made = Connection::open_in_memory().and_then(|database| {
        database.execute_batch("CREATE TABLE t(a, b); CREATE TABLE x(a)")?;
        Ok(database)
    });
    made.unwrap_or_else(|error| panic!("SQLite works in memory: {error}"))
}

pub(super) const SCHEMA: Target = Target::of("schema", schema).words(&[
    "CREATE TABLE",
    "t",
    "(",
    ")",
    ",",
    "PRIMARY KEY",
    "FOREIGN KEY",
    "REFERENCES",
    "CHECK",
    "UNIQUE",
    "CONSTRAINT",
    "GENERATED ALWAYS AS",
    "ON DELETE CASCADE",
    "VARCHAR(20)",
    "NUMERIC(10,2)",
    "'",
    "\"",
    "[",
    "]",
    "`",
    "--",
    "/*",
    "*/",
    "1.50E+3",
]);

/// What a database says of itself.
fn schema(input: &[u8]) {
    fuzzing::schema(&String::from_utf8_lossy(input));
}
