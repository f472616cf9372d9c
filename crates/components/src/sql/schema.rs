//! A database's tables in the form that models are shown: `CREATE TABLE`, and three rows in a comment.

use millrace_outbound::{Rows, SqlDialect, SqlError, SqlValue};

use super::database::Reader;
use super::python_text;

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
        let missing: Vec<_> =
            wanted.iter().filter(|name| !names.contains(name)).map(|name| format!("'{name}'")).collect();
        if !missing.is_empty() {
            return Ok(Err(format!("table_names {{{}}} not found in database", missing.join(", "))));
        }
        names.retain(|name| wanted.contains(name));
    }
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
        SqlDialect::Sqlite => sqlite(reader, name).await?,
        SqlDialect::Postgres => postgres(reader, name).await?,
        SqlDialect::MySql => mysql(reader, name).await?,
    };
    let lines: Vec<String> = columns
        .iter()
        .map(|column| format!("\t{} {}", shown(dialect, &column.name), column.declared))
        .chain(constraints.iter().map(|constraint| format!("\t{constraint}")))
        .collect();
    let header: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
    let sample = sample(reader, name, &columns).await?;
    Ok(format!(
        "\nCREATE TABLE {} (\n{}\n)\n\n/*\n3 rows from {name} table:\n{}\n{sample}\n*/",
        shown(dialect, name),
        lines.join(", \n"),
        header.join("\t"),
    ))
}

struct Column {
    name: String,
    /// Type, default and whether it may be null.
    declared: String,
}

async fn sample(reader: &Reader<'_>, name: &str, columns: &[Column]) -> Result<String, SqlError> {
    let dialect = reader.database.dialect();
    let list: Vec<String> = columns.iter().map(|column| quoted(dialect, &column.name)).collect();
    let query = format!("SELECT {} FROM {} LIMIT 3", list.join(", "), quoted(dialect, name));
    match reader.rows(&query, &[]).await {
        Ok(rows) => Ok(rows.rows.iter().map(|row| python_text::sample(row)).collect::<Vec<_>>().join("\n")),
        // A table that may not be read, or whose rows are too large, still has its columns.
        Err(SqlError::Rejected { .. } | SqlError::TooLarge { .. }) => Ok(String::new()),
        Err(error) => Err(error),
    }
}

async fn sqlite(reader: &Reader<'_>, name: &str) -> Result<(Vec<Column>, Vec<String>), SqlError> {
    let dialect = SqlDialect::Sqlite;
    let query = "SELECT name, type, \"notnull\", dflt_value, pk FROM pragma_table_info(?) ORDER BY cid";
    let rows = reader.rows(query, &[name]).await?;
    let columns = rows
        .rows
        .iter()
        .map(|row| {
            let default = default_of(row.get(3));
            let not_null = if row.get(2) == Some(&SqlValue::Integer(1)) { " NOT NULL" } else { "" };
            Column {
                name: text(row, 0),
                declared: format!("{}{default}{not_null}", text(row, 1).to_uppercase()),
            }
        })
        .collect();
    let mut keys: Vec<(i64, String)> = rows
        .rows
        .iter()
        .filter_map(|row| {
            Some((row.get(4)?.as_integer().filter(|at| *at > 0)?, shown(dialect, &text(row, 0))))
        })
        .collect();
    keys.sort();
    let keys: Vec<String> = keys.into_iter().map(|(_, name)| name).collect();
    let mut constraints = primary_key(&keys, None);
    let query = "SELECT id, \"from\", \"table\", \"to\" FROM pragma_foreign_key_list(?) ORDER BY id, seq";
    let foreign = reader.rows(query, &[name]).await?;
    constraints.extend(foreign_keys(dialect, &foreign));
    Ok((columns, constraints))
}

async fn postgres(reader: &Reader<'_>, name: &str) -> Result<(Vec<Column>, Vec<String>), SqlError> {
    let query = "SELECT a.attname::text, format_type(a.atttypid, a.atttypmod), a.attnotnull, \
                 pg_get_expr(d.adbin, d.adrelid) \
                 FROM pg_catalog.pg_attribute a \
                 LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum \
                 WHERE a.attrelid = to_regclass(quote_ident($1)) AND a.attnum > 0 AND NOT a.attisdropped \
                 ORDER BY a.attnum";
    let rows = reader.rows(query, &[name]).await?;
    let columns = rows
        .rows
        .iter()
        .map(|row| {
            let default = default_of(row.get(3));
            let not_null = if row.get(2) == Some(&SqlValue::Bool(true)) { " NOT NULL" } else { "" };
            let declared = text(row, 1).to_uppercase().replace("CHARACTER VARYING", "VARCHAR");
            // A column with a sequence of its own.
            let declared = if default.starts_with(" DEFAULT nextval(") {
                declared.replace("INTEGER", "SERIAL").replace("BIGINT", "BIGSERIAL") + not_null
            } else {
                format!("{declared}{default}{not_null}")
            };
            Column { name: text(row, 0), declared }
        })
        .collect();
    let query = "SELECT conname::text, pg_get_constraintdef(oid) FROM pg_catalog.pg_constraint \
                 WHERE conrelid = to_regclass(quote_ident($1)) AND contype IN ('p', 'f', 'u') \
                 ORDER BY position(contype::text IN 'pfu'), conname";
    let constraints = reader.rows(query, &[name]).await?;
    let constraint = |row: &Vec<SqlValue>| {
        format!("CONSTRAINT {} {}", shown(SqlDialect::Postgres, &text(row, 0)), text(row, 1))
    };
    Ok((columns, constraints.rows.iter().map(constraint).collect()))
}

async fn mysql(reader: &Reader<'_>, name: &str) -> Result<(Vec<Column>, Vec<String>), SqlError> {
    let dialect = SqlDialect::MySql;
    let query = "SELECT column_name, column_type, is_nullable, column_default, extra \
                 FROM information_schema.columns \
                 WHERE table_schema = database() AND table_name = ? ORDER BY ordinal_position";
    let rows = reader.rows(query, &[name]).await?;
    let columns = rows
        .rows
        .iter()
        .map(|row| {
            let not_null = if text(row, 2) == "NO" { " NOT NULL" } else { "" };
            let automatic = if text(row, 4).contains("auto_increment") { " AUTO_INCREMENT" } else { "" };
            // MariaDB writes the absence of a default as a default.
            let default = default_of(row.get(3)).replace(" DEFAULT NULL", "");
            let declared = format!("{}{not_null}{automatic}{default}", upper(&text(row, 1)));
            Column { name: text(row, 0), declared }
        })
        .collect();
    let query = "SELECT constraint_name, column_name, referenced_table_name, referenced_column_name \
                 FROM information_schema.key_column_usage \
                 WHERE table_schema = database() AND table_name = ? ORDER BY constraint_name, ordinal_position";
    let keys = reader.rows(query, &[name]).await?;
    let primary: Vec<String> = keys
        .rows
        .iter()
        .filter(|row| text(row, 0) == "PRIMARY")
        .map(|row| shown(dialect, &text(row, 1)))
        .collect();
    let mut constraints = primary_key(&primary, None);
    let foreign: Vec<_> = keys
        .rows
        .iter()
        .filter(|row| row.get(2).is_some_and(|table| *table != SqlValue::Null))
        .cloned()
        .collect();
    constraints.extend(foreign_keys(dialect, &Rows { rows: foreign, ..Rows::default() }));
    Ok((columns, constraints))
}

/// `varchar(20)` in capitals, but not the words of an enumeration.
fn upper(declared: &str) -> String {
    let end = declared.find(['(', ' ']).unwrap_or(declared.len());
    let rest = &declared[end..];
    let rest = if rest.contains('\'') { rest.to_owned() } else { rest.to_uppercase() };
    format!("{}{rest}", declared[..end].to_uppercase())
}

fn default_of(value: Option<&SqlValue>) -> String {
    match value.and_then(SqlValue::as_text) {
        Some(default) => format!(" DEFAULT {default}"),
        None => String::new(),
    }
}

fn primary_key(columns: &[String], name: Option<&str>) -> Vec<String> {
    let name = name.map(|name| format!("CONSTRAINT {name} ")).unwrap_or_default();
    if columns.is_empty() { Vec::new() } else { vec![format!("{name}PRIMARY KEY ({})", columns.join(", "))] }
}

/// Rows of constraint, column, other table, other column; one constraint may have several.
fn foreign_keys(dialect: SqlDialect, rows: &Rows) -> Vec<String> {
    let mut constraints = Vec::new();
    for key in rows.rows.chunk_by(|a, b| a.first() == b.first()) {
        let list = |at: usize| {
            let names = key.iter().map(|row| text(row, at)).filter(|name| !name.is_empty());
            names.map(|name| shown(dialect, &name)).collect::<Vec<_>>().join(", ")
        };
        let other = key.first().map(|row| shown(dialect, &text(row, 2))).unwrap_or_default();
        let columns = list(3);
        let columns = if columns.is_empty() { columns } else { format!(" ({columns})") };
        constraints.push(format!("FOREIGN KEY({}) REFERENCES {other}{columns}", list(1)));
    }
    constraints
}

fn text(row: &[SqlValue], at: usize) -> String {
    match row.get(at) {
        Some(SqlValue::Text(text)) => text.clone(),
        Some(SqlValue::Bytes(bytes)) => String::from_utf8_lossy(bytes).into_owned(),
        _ => String::new(),
    }
}

/// Words that SQLAlchemy, too, writes in quotes: the common ones among the reserved.
const RESERVED: &[&str] = &[
    "all",
    "and",
    "as",
    "asc",
    "between",
    "by",
    "case",
    "check",
    "column",
    "create",
    "default",
    "delete",
    "desc",
    "distinct",
    "drop",
    "else",
    "end",
    "foreign",
    "from",
    "group",
    "having",
    "in",
    "index",
    "insert",
    "into",
    "is",
    "join",
    "key",
    "limit",
    "not",
    "null",
    "on",
    "or",
    "order",
    "primary",
    "references",
    "select",
    "set",
    "table",
    "then",
    "to",
    "union",
    "unique",
    "update",
    "user",
    "using",
    "values",
    "when",
    "where",
];

/// A name as a statement has to write it: in quotes only where it needs them.
fn shown(dialect: SqlDialect, name: &str) -> String {
    let plain = name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '$'))
        && !RESERVED.contains(&name);
    if plain { name.to_owned() } else { quoted(dialect, name) }
}

fn quoted(dialect: SqlDialect, name: &str) -> String {
    match dialect {
        SqlDialect::MySql => format!("`{}`", name.replace('`', "``")),
        _ => format!("\"{}\"", name.replace('"', "\"\"")),
    }
}

#[cfg(test)]
#[path = "schema_tests.rs"]
mod tests;
