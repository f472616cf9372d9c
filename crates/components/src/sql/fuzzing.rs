//! Ways in for `tests/fuzz`.

use millrace_outbound::{SqlDialect, SqlValue};

use super::sample::{self, Shape};
use super::{names, python_text, sqlite_ddl, sqlite_types};

/// Reads a text as each part of a schema that it could be.
pub(crate) fn schema(text: &str) {
    let _ = sqlite_ddl::read(text);
    let _ = sqlite_ddl::computed(text, "a");
    let (_, shape) = sqlite_types::resolve(text).unwrap_or((String::new(), Shape::Own));
    for value in [SqlValue::Real(0.5), SqlValue::Integer(-7), SqlValue::Text(text.to_owned())] {
        let _ = sample::row(&[value], std::iter::once(shape));
    }
    let _ = python_text::python_decimal(text);
    for dialect in [SqlDialect::Sqlite, SqlDialect::Postgres, SqlDialect::MySql] {
        let _ = names::shown(dialect, text);
    }
}
