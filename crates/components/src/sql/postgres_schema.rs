//! A table of PostgreSQL.

use millrace_outbound::{SqlDialect, SqlError, SqlValue};

use super::database::Reader;
use super::names;
use super::sample::Shape;
use super::schema::{Column, default_of, text};

/// The columns of a table and its constraints.
pub(super) async fn read(reader: &Reader<'_>, name: &str) -> Result<(Vec<Column>, Vec<String>), SqlError> {
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
            Column { name: text(row, 0), declared, shape: Shape::Own }
        })
        .collect();
    let query = "SELECT conname::text, pg_get_constraintdef(oid) FROM pg_catalog.pg_constraint \
                 WHERE conrelid = to_regclass(quote_ident($1)) AND contype IN ('p', 'f', 'u') \
                 ORDER BY position(contype::text IN 'pfu'), conname";
    let constraints = reader.rows(query, &[name]).await?;
    let constraint = |row: &Vec<SqlValue>| {
        format!("CONSTRAINT {} {}", names::shown(SqlDialect::Postgres, &text(row, 0)), text(row, 1))
    };
    Ok((columns, constraints.rows.iter().map(constraint).collect()))
}
