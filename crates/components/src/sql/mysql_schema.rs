//! A table of MySQL or MariaDB.

use millrace_outbound::{Rows, SqlDialect, SqlError, SqlValue};

use super::constraints::{foreign_keys, primary_key};
use super::database::Reader;
use super::sample::Shape;
use super::schema::{Column, default_of, text};

const DIALECT: SqlDialect = SqlDialect::MySql;

/// The columns of a table and its constraints.
pub(super) async fn read(reader: &Reader<'_>, name: &str) -> Result<(Vec<Column>, Vec<String>), SqlError> {
    let query = "SELECT column_name, column_type, is_nullable, column_default, extra \
                 FROM information_schema.columns \
                 WHERE table_schema = database() AND table_name = ? ORDER BY ordinal_position";
    let rows = reader.rows(query, &[name]).await?;
    let columns = rows.rows.iter().map(|row| column(row)).collect();
    let query = "SELECT k.constraint_name, k.column_name, k.referenced_table_name, k.referenced_column_name, \
                 r.delete_rule, r.update_rule \
                 FROM information_schema.key_column_usage k \
                 LEFT JOIN information_schema.referential_constraints r \
                 ON r.constraint_schema = k.constraint_schema AND r.constraint_name = k.constraint_name \
                 AND r.table_name = k.table_name \
                 WHERE k.table_schema = database() AND k.table_name = ? \
                 ORDER BY k.constraint_name, k.ordinal_position";
    let keys = reader.rows(query, &[name]).await?;
    let primary: Vec<String> =
        keys.rows.iter().filter(|row| text(row, 0) == "PRIMARY").map(|row| text(row, 1)).collect();
    let mut constraints: Vec<String> = primary_key(DIALECT, None, &primary).into_iter().collect();
    let is_foreign = |row: &&Vec<SqlValue>| row.get(2).is_some_and(|table| *table != SqlValue::Null);
    let foreign: Vec<_> = keys.rows.iter().filter(is_foreign).cloned().collect();
    let foreign = foreign_keys(&Rows { rows: foreign, ..Rows::default() });
    constraints.extend(foreign.iter().map(|key| key.written(DIALECT)));
    Ok((columns, constraints))
}

/// A column of name, type, whether it may be null, default, and what else.
fn column(row: &[SqlValue]) -> Column {
    let kind = text(row, 1);
    let null = match text(row, 2).as_str() {
        "NO" => " NOT NULL",
        _ if kind.starts_with("timestamp") => " NULL",
        _ => "",
    };
    let automatic = if text(row, 4).contains("auto_increment") { " AUTO_INCREMENT" } else { "" };
    // MariaDB writes the absence of a default as a default.
    let default = default_of(row.get(3)).replace(" DEFAULT NULL", "");
    let declared = format!("{}{null}{automatic}{default}", written(&kind));
    Column { name: text(row, 0), declared, shape: shape(&kind) }
}

/// `decimal(10,2)` as `DECIMAL(10, 2)`, but not the words of an enumeration.
fn written(declared: &str) -> String {
    let end = declared.find(['(', ' ']).unwrap_or(declared.len());
    let rest = &declared[end..];
    let rest = if rest.contains('\'') { rest.to_owned() } else { rest.to_uppercase().replace(',', ", ") };
    let name = declared[..end].to_uppercase();
    format!("{}{rest}", if name == "INT" { "INTEGER" } else { &name })
}

/// SQLAlchemy takes double precision for decimals.
fn shape(declared: &str) -> Shape {
    let Some(rest) = declared.strip_prefix("double") else { return Shape::Own };
    let scale = rest.split_once(',').and_then(|(_, scale)| scale.split_once(')')?.0.parse().ok());
    Shape::Decimal(scale.unwrap_or(10))
}
