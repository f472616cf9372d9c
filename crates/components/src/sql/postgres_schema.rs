//! A table of PostgreSQL, as SQLAlchemy reflects it.

use std::sync::LazyLock;

use millrace_outbound::{SqlDialect, SqlError, SqlValue};
use regex::Regex;

use super::constraints::named;
use super::database::Reader;
use super::sample::Shape;
use super::schema::{Column, default_of, text};

/// The columns of a table and its constraints.
pub(super) async fn read(reader: &Reader<'_>, name: &str) -> Result<(Vec<Column>, Vec<String>), SqlError> {
    // Older servers have no generated columns, and the table that says so not that column.
    let query = "SELECT a.attname::text, format_type(a.atttypid, a.atttypmod), a.attnotnull, \
                 pg_get_expr(d.adbin, d.adrelid), t.typnamespace = 'pg_catalog'::regnamespace, \
                 to_jsonb(a) ->> 'attgenerated', to_jsonb(a) ->> 'attidentity', \
                 EXISTS (SELECT 1 FROM pg_catalog.pg_constraint c WHERE c.conrelid = a.attrelid \
                 AND c.contype = 'p' AND c.conkey::text = '{' || a.attnum || '}') \
                 FROM pg_catalog.pg_attribute a \
                 JOIN pg_catalog.pg_type t ON t.oid = a.atttypid \
                 LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum \
                 WHERE a.attrelid = to_regclass(quote_ident($1)) AND a.attnum > 0 AND NOT a.attisdropped \
                 ORDER BY a.attnum";
    let rows = reader.rows(query, &[name]).await?.rows;
    let is_identity = |row: &Vec<SqlValue>| !text(row, 6).is_empty();
    let identities = if rows.iter().any(is_identity) { identities(reader, name).await? } else { Vec::new() };
    let columns = rows.iter().map(|row| column(row, &identities)).collect();
    let query = "SELECT conname::text, pg_get_constraintdef(oid, true) FROM pg_catalog.pg_constraint \
                 WHERE conrelid = to_regclass(quote_ident($1)) AND contype IN ('p', 'f', 'u', 'c') \
                 ORDER BY position(contype::text IN 'pfuc'), conname";
    let constraints = reader.rows(query, &[name]).await?;
    let constraint =
        |row: &Vec<SqlValue>| named(SqlDialect::Postgres, Some(&text(row, 0)), &constraint(&text(row, 1)));
    Ok((columns, constraints.rows.iter().map(constraint).collect()))
}

/// The columns that count by themselves, and how they do.
async fn identities(reader: &Reader<'_>, name: &str) -> Result<Vec<(String, String)>, SqlError> {
    let query = "SELECT a.attname::text, format(' GENERATED %s AS IDENTITY (INCREMENT BY %s START WITH %s \
                 MINVALUE %s MAXVALUE %s CACHE %s %s)', \
                 CASE a.attidentity WHEN 'a' THEN 'ALWAYS' ELSE 'BY DEFAULT' END, \
                 s.seqincrement, s.seqstart, s.seqmin, s.seqmax, s.seqcache, \
                 CASE WHEN s.seqcycle THEN 'CYCLE' ELSE 'NO CYCLE' END) \
                 FROM pg_catalog.pg_attribute a, pg_catalog.pg_sequence s \
                 WHERE a.attrelid = to_regclass(quote_ident($1)) AND a.attidentity <> '' \
                 AND s.seqrelid = pg_get_serial_sequence(a.attrelid::regclass::text, a.attname)::regclass::oid";
    let rows = reader.rows(query, &[name]).await?.rows;
    Ok(rows.iter().map(|row| (text(row, 0), text(row, 1))).collect())
}

/// A column of name, type, whether it is never null, default, whether its type is PostgreSQL's own, how it is
/// generated, whether it counts by itself, and whether it alone is the primary key.
fn column(row: &[SqlValue], identities: &[(String, String)]) -> Column {
    let name = text(row, 0);
    let is = |at: usize| row.get(at) == Some(&SqlValue::Bool(true));
    let declared = if is(4) { own_type(&text(row, 1)) } else { text(row, 1) };
    let default = default_of(row.get(3));
    let identity = identities.iter().find(|(counted, _)| *counted == name);
    let not_null = if is(2) && identity.is_none() { " NOT NULL" } else { "" };
    let declared = if let Some((_, identity)) = identity {
        format!("{declared}{identity}")
    } else if text(row, 5) == "s" {
        format!("{declared} GENERATED ALWAYS AS ({}) STORED", text(row, 3))
    } else if is(7) && default.starts_with(" DEFAULT nextval(") {
        declared
            .replace("INTEGER", "SERIAL")
            .replace("BIGINT", "BIGSERIAL")
            .replace("SMALLINT", "SMALLSERIAL")
    } else {
        format!("{declared}{default}")
    };
    let shape = if is(4) && text(row, 1) != "money" { Shape::Own } else { Shape::Cast };
    Column { name, declared: declared + not_null, shape }
}

/// `numeric(10,2)` as `NUMERIC(10, 2)`, and the short names of the types of text.
fn own_type(name: &str) -> String {
    let name = name.to_uppercase().replace(',', ", ");
    if let Some(rest) = name.strip_prefix("CHARACTER VARYING") {
        return format!("VARCHAR{rest}");
    }
    name.strip_prefix("CHARACTER").map(|rest| format!("CHAR{rest}")).unwrap_or(name)
}

struct Patterns {
    check: Regex,
    in_brackets: Regex,
    foreign_key: Regex,
}

static PATTERNS: LazyLock<Option<Patterns>> = LazyLock::new(|| Patterns::new().ok());

impl Patterns {
    fn new() -> Result<Self, regex::Error> {
        let action = "(?:CASCADE|RESTRICT|NO ACTION|SET NULL|SET DEFAULT)";
        Ok(Self {
            check: Regex::new(r"(?s)^CHECK *\((.+)\)(?: NO INHERIT)?( NOT VALID)?$")?,
            in_brackets: Regex::new(r"(?s)^\s*\((.+)\)\s*$")?,
            foreign_key: Regex::new(&format!(
                r#"^FOREIGN KEY \((.*?)\) REFERENCES ((?:"[^"]+"|[^"(])+)\((.*?)\)( MATCH \w+)?( ON UPDATE {action})?( ON DELETE {action})?"#
            ))?,
        })
    }
}

/// A constraint of PostgreSQL's words in SQLAlchemy's.
fn constraint(definition: &str) -> String {
    let Some(patterns) = PATTERNS.as_ref() else { return definition.to_owned() };
    if let Some(check) = patterns.check.captures(definition) {
        let rule = patterns.in_brackets.replace(&check[1], "${1}");
        return format!("CHECK ({rule}){}", check.get(2).map_or("", |words| words.as_str()));
    }
    let foreign_key = "FOREIGN KEY(${1}) REFERENCES ${2} (${3})${4}${6}${5}";
    patterns.foreign_key.replace(definition, foreign_key).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constraints_are_written_as_sqlalchemy_does() {
        let cases = [
            ("PRIMARY KEY (b, a)", "PRIMARY KEY (b, a)"),
            ("CHECK (price >= 0::numeric)", "CHECK (price >= 0::numeric)"),
            ("CHECK ((a > 1)) NOT VALID", "CHECK (a > 1) NOT VALID"),
            ("CHECK (a > 1) NO INHERIT", "CHECK (a > 1)"),
            (
                "FOREIGN KEY (a, \"B\") REFERENCES other.\"My (t)\"(c, \"D\") ON UPDATE SET NULL ON DELETE CASCADE DEFERRABLE",
                "FOREIGN KEY(a, \"B\") REFERENCES other.\"My (t)\" (c, \"D\") ON DELETE CASCADE ON UPDATE SET NULL DEFERRABLE",
            ),
        ];
        for (definition, expected) in cases {
            assert_eq!(constraint(definition), expected);
        }
    }
}
