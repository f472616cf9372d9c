//! What goes to a database, and what comes back.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One statement with its values.
#[derive(Debug, Clone, PartialEq)]
pub struct Statement {
    /// A single statement; its placeholders are `$1` (Postgres), `?` (MySQL, SQLite).
    pub text: String,
    /// One value per placeholder. Text goes to Postgres as `text`: another type needs a cast,
    /// `$1::jsonb` or `$1::vector`.
    pub values: Vec<SqlValue>,
    /// What the statement may do.
    pub access: Access,
}

impl Statement {
    /// A statement that only reads.
    pub fn read(text: impl Into<String>, values: Vec<SqlValue>) -> Self {
        Self { text: text.into(), values, access: Access::ReadOnly }
    }

    /// A statement that may write.
    pub fn write(text: impl Into<String>, values: Vec<SqlValue>) -> Self {
        Self { text: text.into(), values, access: Access::ReadWrite }
    }
}

/// What a statement may do; the database itself holds it to that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// A read-only transaction; a SQLite file is opened for reading.
    ReadOnly,
    /// A transaction that is committed.
    ReadWrite,
}

/// A value on the way in or out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SqlValue {
    /// No value.
    Null,
    /// Postgres' boolean; the others know integers only.
    Bool(bool),
    /// A whole number.
    Integer(i64),
    /// A floating-point number.
    Real(f64),
    /// An exact number, as the database writes it.
    Decimal(String),
    /// Text.
    Text(String),
    /// `2024-05-31`.
    Date(String),
    /// `13:05:00`, with `.250000` where there is a fraction.
    Time(String),
    /// `2024-05-31 13:05:00`, with a fraction where there is one and `+00:00` where the type has a zone.
    Timestamp(String),
    /// Bytes.
    Bytes(Vec<u8>),
    /// A JSON document, or an array of the database.
    Json(Value),
}

impl SqlValue {
    /// The text of a text column, `None` for any other value.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The number of an integer column, `None` for any other value.
    pub fn as_integer(&self) -> Option<i64> {
        match self {
            Self::Integer(number) => Some(*number),
            _ => None,
        }
    }

    /// Roughly the memory that it takes, in bytes.
    pub(super) fn size(&self) -> usize {
        let own = match self {
            Self::Null | Self::Bool(_) | Self::Integer(_) | Self::Real(_) => 0,
            Self::Decimal(text)
            | Self::Text(text)
            | Self::Date(text)
            | Self::Time(text)
            | Self::Timestamp(text) => text.len(),
            Self::Bytes(bytes) => bytes.len(),
            Self::Json(value) => value.to_string().len(),
        };
        own + size_of::<Self>()
    }
}

/// What a statement returned.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Rows {
    /// The columns' names; empty where no row came back.
    pub columns: Vec<String>,
    /// One value per column in every row.
    pub rows: Vec<Vec<SqlValue>>,
    /// How many rows a write touched; says nothing of a read.
    pub affected: u64,
    /// Whether there were more rows than [`SqlConfig`](super::SqlConfig) lets through.
    pub truncated: bool,
}
