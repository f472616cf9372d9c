//! The constraints of a table, as `CREATE TABLE` lists them.

use millrace_outbound::{Rows, SqlDialect};

use super::names;
use super::schema::text;

/// Columns that refer to those of another table.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ForeignKey {
    pub name: Option<String>,
    pub columns: Vec<String>,
    pub table: String,
    /// The columns referred to; empty where the catalogue does not name them.
    pub others: Vec<String>,
    /// What happens when the other row goes or changes, with a space before it.
    pub options: String,
}

impl ForeignKey {
    pub fn written(&self, dialect: SqlDialect) -> String {
        let columns = names::list(dialect, &self.columns);
        let others = names::list(dialect, &self.others);
        let others = if others.is_empty() { others } else { format!(" ({others})") };
        let rule = format!("FOREIGN KEY({columns}) REFERENCES {}", names::shown(dialect, &self.table));
        named(dialect, self.name.as_deref(), &format!("{rule}{others}{}", self.options))
    }

    /// Whether both join the same columns.
    pub fn joins_as(&self, other: &Self) -> bool {
        (&self.columns, &self.table, &self.others) == (&other.columns, &other.table, &other.others)
    }
}

/// Rows of constraint (its name, or a number), column, other table, other column, and what happens when the
/// other row goes or changes; one constraint may have several.
pub(super) fn foreign_keys(rows: &Rows) -> Vec<ForeignKey> {
    let keys = rows.rows.chunk_by(|a, b| a.first() == b.first());
    keys.map(|key| {
        let first = |at: usize| key.first().map(|row| text(row, at)).unwrap_or_default();
        let list = |at: usize| key.iter().map(|row| text(row, at)).filter(|name| !name.is_empty()).collect();
        ForeignKey {
            name: Some(first(0)).filter(|name| !name.is_empty()),
            columns: list(1),
            table: first(2),
            others: list(3),
            options: action("DELETE", &first(4)) + &action("UPDATE", &first(5)),
        }
    })
    .collect()
}

/// Catalogues name the default as well.
fn action(event: &str, rule: &str) -> String {
    let is_said = !matches!(rule, "" | "NO ACTION" | "RESTRICT");
    if is_said { format!(" ON {event} {rule}") } else { String::new() }
}

/// `PRIMARY KEY (a, b)`; nothing where there are no columns.
pub(super) fn primary_key(dialect: SqlDialect, name: Option<&str>, columns: &[String]) -> Option<String> {
    let rule = format!("PRIMARY KEY ({})", names::list(dialect, columns));
    (!columns.is_empty()).then(|| named(dialect, name, &rule))
}

/// A rule with its name, if it has one.
pub(super) fn named(dialect: SqlDialect, name: Option<&str>, rule: &str) -> String {
    match name {
        Some(name) => format!("CONSTRAINT {} {rule}", names::shown(dialect, name)),
        None => rule.to_owned(),
    }
}
