//! A table of SQLite, as SQLAlchemy reflects it.

use millrace_outbound::{SqlDialect, SqlError, SqlValue};

use super::constraints::{ForeignKey, foreign_keys, named, primary_key};
use super::database::Reader;
use super::names;
use super::sample::Shape;
use super::schema::{Column, default_of, text};
use super::sqlite_ddl::{self, Ddl};
use super::sqlite_types;

const DIALECT: SqlDialect = SqlDialect::Sqlite;

/// The columns of a table and its constraints.
pub(super) async fn read(reader: &Reader<'_>, table: &str) -> Result<(Vec<Column>, Vec<String>), SqlError> {
    let ddl_text = ddl_text(reader, table).await?;
    let ddl = sqlite_ddl::read(&ddl_text);
    let query = "SELECT name, type, \"notnull\", dflt_value, hidden, pk FROM pragma_table_xinfo(?) \
                 WHERE hidden <> 1 ORDER BY cid";
    let rows = reader.rows(query, &[table]).await?.rows;
    let mut columns: Vec<Column> = rows.iter().map(|row| column(row, &ddl_text)).collect();
    // SQLAlchemy has no type for these, and LangChain leaves them out. It fails where nothing else is left.
    if columns.iter().any(|column| !column.declared.is_empty()) {
        columns.retain(|column| !column.declared.is_empty());
    }
    let mut constraints: Vec<String> =
        primary_key(DIALECT, ddl.primary_key.as_deref(), &keys(&rows)).into_iter().collect();
    let foreign = foreign(reader, table, &ddl).await?;
    constraints.extend(foreign.iter().map(|key| key.written(DIALECT)));
    constraints.extend(uniques(reader, table, ddl.uniques).await?);
    let check =
        |(name, rule): &(Option<String>, String)| named(DIALECT, name.as_deref(), &format!("CHECK ({rule})"));
    constraints.extend(ddl.checks.iter().map(check));
    Ok((columns, constraints))
}

/// The statement that made the table; empty where it is so long that the patterns could take their time.
async fn ddl_text(reader: &Reader<'_>, table: &str) -> Result<String, SqlError> {
    let query = "SELECT sql FROM sqlite_master WHERE name = ? AND type = 'table' AND length(sql) <= 16384";
    let rows = reader.rows(query, &[table]).await?.rows;
    Ok(rows.first().map(|row| text(row, 0)).unwrap_or_default())
}

/// A column of name, type, whether it is never null, default, and whether it is generated.
fn column(row: &[SqlValue], ddl_text: &str) -> Column {
    let name = text(row, 0);
    let generated = match row.get(4) {
        Some(SqlValue::Integer(2)) => Some("VIRTUAL"),
        Some(SqlValue::Integer(3)) => Some("STORED"),
        _ => None,
    };
    let declared = text(row, 1).to_uppercase();
    let declared = match generated {
        // SQLite takes these words for a part of the type.
        Some(_) => declared.replace("GENERATED", "").replace("ALWAYS", "").trim().to_owned(),
        None => declared,
    };
    let Some((mut declared, shape)) = sqlite_types::resolve(&declared) else {
        return Column { name, declared: String::new(), shape: Shape::Own };
    };
    declared.push_str(&default_of(row.get(3)));
    if row.get(2) == Some(&SqlValue::Integer(1)) {
        declared.push_str(" NOT NULL");
    }
    if let Some(kind) = generated {
        let rule = sqlite_ddl::computed(ddl_text, &name);
        declared.push_str(&format!(" GENERATED ALWAYS AS ({rule}) {kind}"));
    }
    Column { name, declared, shape }
}

/// The columns of the primary key, in its order.
fn keys(rows: &[Vec<SqlValue>]) -> Vec<String> {
    let place = |row: &Vec<SqlValue>| row.get(5).and_then(SqlValue::as_integer).filter(|place| *place > 0);
    let mut keys: Vec<(i64, String)> =
        rows.iter().filter_map(|row| Some((place(row)?, text(row, 0)))).collect();
    keys.sort();
    keys.into_iter().map(|(_, name)| name).collect()
}

/// Those that the text tells more of come first.
async fn foreign(reader: &Reader<'_>, table: &str, ddl: &Ddl) -> Result<Vec<ForeignKey>, SqlError> {
    // A reference without columns is to the primary key.
    let query = "SELECT f.id, f.\"from\", f.\"table\", coalesce(f.\"to\", \
                 (SELECT p.name FROM pragma_table_info(f.\"table\") p WHERE p.pk = f.seq + 1)) \
                 FROM pragma_foreign_key_list(?) f ORDER BY f.id, f.seq";
    let mut known: Vec<ForeignKey> = Vec::new();
    for key in foreign_keys(&reader.rows(query, &[table]).await?) {
        if !known.iter().any(|other| other.joins_as(&key)) {
            known.push(key);
        }
    }
    let mut keys = Vec::new();
    for told in &ddl.foreign_keys {
        if let Some(at) = known.iter().position(|key| key.joins_as(told)) {
            known.remove(at);
            keys.push(told.clone());
        }
    }
    Ok(keys.into_iter().chain(known).collect())
}

/// Those of the text that SQLite has an index for.
async fn uniques(
    reader: &Reader<'_>,
    table: &str,
    told: Vec<(Option<String>, Vec<String>)>,
) -> Result<Vec<String>, SqlError> {
    if told.is_empty() {
        return Ok(Vec::new());
    }
    let query = "SELECT l.name, i.name FROM pragma_index_list(?) l, pragma_index_info(l.name) i \
                 WHERE substr(l.name, 1, 16) = 'sqlite_autoindex' ORDER BY l.name, i.seqno";
    let rows = reader.rows(query, &[table]).await?.rows;
    let indexes = rows.chunk_by(|a, b| a.first() == b.first());
    let mut indexes: Vec<Vec<String>> =
        indexes.map(|index| index.iter().map(|row| text(row, 1)).collect()).collect();
    let mut uniques = Vec::new();
    for (name, columns) in told {
        if let Some(at) = indexes.iter().position(|index| *index == columns) {
            indexes.swap_remove(at);
            let rule = format!("UNIQUE ({})", names::list(DIALECT, &columns));
            uniques.push(named(DIALECT, name.as_deref(), &rule));
        }
    }
    Ok(uniques)
}

#[cfg(test)]
#[path = "sqlite_schema_tests.rs"]
mod tests;
