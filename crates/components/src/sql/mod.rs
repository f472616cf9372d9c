//! SQL databases: connections, chains and tools.

mod database;
#[cfg(test)]
mod golden_tests;
mod info_sql_database_tool;
mod list_sql_database_tool;
mod python_text;
mod query_sql_database_tool;
mod schema;
#[cfg(test)]
pub(crate) mod scratch;
mod sql_agent;
mod sql_database;
mod sql_generator;
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
