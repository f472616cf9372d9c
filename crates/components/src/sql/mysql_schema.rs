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
    let columns = rows
        .rows
        .iter()
        .map(|row| {
            let not_null = if text(row, 2) == "NO" { " NOT NULL" } else { "" };
            let automatic = if text(row, 4).contains("auto_increment") { " AUTO_INCREMENT" } else { "" };
            // MariaDB writes the absence of a default as a default.
            let default = default_of(row.get(3)).replace(" DEFAULT NULL", "");
            let declared = format!("{}{not_null}{automatic}{default}", upper(&text(row, 1)));
            Column { name: text(row, 0), declared, shape: Shape::Own }
        })
        .collect();
    let query = "SELECT constraint_name, column_name, referenced_table_name, referenced_column_name \
                 FROM information_schema.key_column_usage \
                 WHERE table_schema = database() AND table_name = ? ORDER BY constraint_name, ordinal_position";
    let keys = reader.rows(query, &[name]).await?;
    let primary: Vec<String> =
        keys.rows.iter().filter(|row| text(row, 0) == "PRIMARY").map(|row| text(row, 1)).collect();
    let mut constraints: Vec<String> = primary_key(DIALECT, None, &primary).into_iter().collect();
    let foreign: Vec<_> = keys
        .rows
        .iter()
        .filter(|row| row.get(2).is_some_and(|table| *table != SqlValue::Null))
        .cloned()
        .collect();
    let foreign = foreign_keys(&Rows { rows: foreign, ..Rows::default() });
    constraints.extend(foreign.iter().map(|key| key.written(DIALECT)));
    Ok((columns, constraints))
}

/// `varchar(20)` in capitals, but not the words of an enumeration.
fn upper(declared: &str) -> String {
    let end = declared.find(['(', ' ']).unwrap_or(declared.len());
    let rest = &declared[end..];
    let rest = if rest.contains('\'') { rest.to_owned() } else { rest.to_uppercase() };
    format!("{}{rest}", declared[..end].to_uppercase())
}
