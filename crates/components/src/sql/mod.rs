//! SQL databases: connections, chains and tools.

mod constraints;
mod database;
pub(crate) mod fuzzing;
#[cfg(test)]
mod golden_tests;
mod info_sql_database_tool;
mod list_sql_database_tool;
mod mysql_schema;
mod names;
mod postgres_schema;
mod python_text;
mod query_sql_database_tool;
mod sample;
mod schema;
#[cfg(test)]
pub(crate) mod scratch;
mod sql_agent;
mod sql_database;
mod sql_generator;
mod sqlite_ddl;
mod sqlite_schema;
mod sqlite_types;
mod tools;

use millrace_engine::Entry;

pub(crate) use database::{Said, SqlDatabase, statement_in};

/// Its component types, by file.
pub(crate) const ENTRIES: &[&Entry] = &[
    &info_sql_database_tool::ENTRY,
    &list_sql_database_tool::ENTRY,
    &query_sql_database_tool::ENTRY,
    &sql_agent::ENTRY,
    &sql_database::ENTRY,
    &sql_generator::ENTRY,
];
