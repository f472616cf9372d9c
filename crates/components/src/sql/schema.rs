//! A database's tables in the form that models are shown: `CREATE TABLE`, and three rows in a comment.

use millrace_engine::python_repr;
use millrace_outbound::{SqlDialect, SqlError, SqlValue};

use super::database::Reader;
use super::names::{quoted, shown};
use super::sample::{self, Shape};
use super::{mysql_schema, postgres_schema, sqlite_schema};

/// Tables that are described at once.
const MAX_TABLES: usize = 200;
/// Characters of all descriptions.
const MAX_TEXT: usize = 128 * 1024;

/// The names of the tables, sorted.
pub(super) async fn tables(reader: &Reader<'_>) -> Result<Vec<String>, SqlError> {
    let query = match reader.database.dialect() {
        SqlDialect::Sqlite => {
            "SELECT name FROM sqlite_master WHERE type = 'table' AND substr(name, 1, 7) <> 'sqlite_'"
        }
        SqlDialect::Postgres => {
            "SELECT tablename::text FROM pg_catalog.pg_tables WHERE schemaname = current_schema()"
        }
        SqlDialect::MySql => {
            "SELECT table_name FROM information_schema.tables \
             WHERE table_schema = database() AND table_type = 'BASE TABLE'"
        }
    };
    let rows = reader.rows(query, &[]).await?;
    let mut names: Vec<String> = rows.rows.iter().map(|row| text(row, 0)).collect();
    names.sort();
    Ok(names)
}

/// The descriptions of all tables, or of those wanted; in words which of these are none.
pub(super) async fn describe(
    reader: &Reader<'_>,
    wanted: Option<&[String]>,
) -> Result<Result<String, String>, SqlError> {
    let mut names = tables(reader).await?;
    if let Some(wanted) = wanted {
        let missing = wanted.iter().filter(|name| !names.contains(name));
        let missing: Vec<_> = missing.map(|name| python_repr(&name.as_str().into())).collect();
        if !missing.is_empty() {
            return Ok(Err(format!("table_names {{{}}} not found in database", missing.join(", "))));
        }
        names.retain(|name| wanted.contains(name));
    }
    // Descriptions are in the order of their texts: names in quotes come first.
    names.sort_by_key(|name| format!("{} (", shown(reader.database.dialect(), name)));
    let mut info = String::new();
    for (at, name) in names.iter().enumerate() {
        let description = table(reader, name).await?;
        if at == MAX_TABLES || info.len() + description.len() > MAX_TEXT {
            info.push_str(&format!("\n\n/* {} more tables are left out */", names.len() - at));
            break;
        }
        if at > 0 {
            info.push_str("\n\n");
        }
        info.push_str(&description);
    }
    Ok(Ok(info))
}

/// One table: its columns, its keys, three of its rows.
async fn table(reader: &Reader<'_>, name: &str) -> Result<String, SqlError> {
    let dialect = reader.database.dialect();
    let (columns, constraints) = match dialect {
        SqlDialect::Sqlite => sqlite_schema::read(reader, name).await?,
        SqlDialect::Postgres => postgres_schema::read(reader, name).await?,
        SqlDialect::MySql => mysql_schema::read(reader, name).await?,
    };
    let lines: Vec<String> = columns
        .iter()
        .map(|column| format!("\t{} {}", shown(dialect, &column.name), column.declared).trim_end().to_owned())
        .chain(constraints.iter().map(|constraint| format!("\t{constraint}")))
        .collect();
    let header: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
    let rows = sample_rows(reader, name, &columns).await?;
    Ok(format!(
        "\nCREATE TABLE {} (\n{}\n)\n\n/*\n3 rows from {name} table:\n{}\n{rows}\n*/",
        shown(dialect, name),
        lines.join(", \n"),
        header.join("\t"),
    ))
}

pub(super) struct Column {
    pub name: String,
    /// Type, default and whether it may be null; empty where it has no type.
    pub declared: String,
    /// How its values are shown.
    pub shape: Shape,
}

async fn sample_rows(reader: &Reader<'_>, name: &str, columns: &[Column]) -> Result<String, SqlError> {
    let dialect = reader.database.dialect();
    let written = |column: &Column| {
        let name = quoted(dialect, &column.name);
        if column.shape == Shape::Cast { format!("CAST({name} AS text)") } else { name }
    };
    let list: Vec<String> = columns.iter().map(written).collect();
    let query = format!("SELECT {} FROM {} LIMIT 3", list.join(", "), quoted(dialect, name));
    match reader.rows(&query, &[]).await {
        Ok(rows) => {
            let row = |row: &Vec<SqlValue>| sample::row(row, columns.iter().map(|column| column.shape));
            Ok(rows.rows.iter().map(row).collect::<Vec<_>>().join("\n"))
        }
        // A table that may not be read, or whose rows are too large, still has its columns.
        Err(SqlError::Rejected { .. } | SqlError::TooLarge { .. }) => Ok(String::new()),
        Err(error) => Err(error),
    }
}

/// A default, with a space before it.
pub(super) fn default_of(value: Option<&SqlValue>) -> String {
    match value.and_then(SqlValue::as_text) {
        Some(default) => format!(" DEFAULT {default}"),
        None => String::new(),
    }
}

pub(super) fn text(row: &[SqlValue], at: usize) -> String {
    match row.get(at) {
        Some(SqlValue::Text(text)) => text.clone(),
        Some(SqlValue::Bytes(bytes)) => String::from_utf8_lossy(bytes).into_owned(),
        _ => String::new(),
    }
}

#[cfg(test)]
#[path = "schema_tests.rs"]
mod tests;
