//! Ways in for `tests/fuzz`.

use millrace_outbound::SqlDialect;

use super::{names, python_text, sqlite_ddl, sqlite_types};

/// Reads a text as each part of a schema that it could be.
pub(crate) fn schema(text: &str) {
    let _ = sqlite_ddl::read(text);
    let _ = sqlite_ddl::computed(text, "a");
    let _ = sqlite_types::resolve(text);
    let _ = python_text::python_decimal(text);
    for dialect in [SqlDialect::Sqlite, SqlDialect::Postgres, SqlDialect::MySql] {
        let _ = names::shown(dialect, text);
    }
}
