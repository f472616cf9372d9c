//! The values of a table and their types, as pandas has them.

use std::cmp::Ordering;
use std::sync::Arc;

use millrace_engine::{python_float, python_repr};

/// One value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Cell {
    /// pandas' `NaN`, or `None`.
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(Arc<str>),
}

/// The type of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dtype {
    Int,
    Float,
    Bool,
    Object,
}

/// A value that can be looked up.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Key {
    Null,
    Bool(bool),
    Int(i64),
    Float(u64),
    Text(Arc<str>),
}

impl Dtype {
    pub fn name(self) -> &'static str {
        match self {
            Self::Int => "int64",
            Self::Float => "float64",
            Self::Bool => "bool",
            Self::Object => "object",
        }
    }

    /// Whether pandas counts it among the numbers.
    pub fn is_number(self) -> bool {
        matches!(self, Self::Int | Self::Float)
    }

    /// The type that holds these values; whole numbers beside missing ones are floating.
    pub fn of(cells: &[Cell]) -> Self {
        let (mut null, mut bool, mut int, mut float, mut text) = (false, false, false, false, false);
        for cell in cells {
            match cell {
                Cell::Null => null = true,
                Cell::Bool(_) => bool = true,
                Cell::Int(_) => int = true,
                Cell::Float(_) => float = true,
                Cell::Text(_) => text = true,
            }
        }
        match (text, bool, int || float || null) {
            (false, false, true) if !null && !float => Self::Int,
            (false, false, true) => Self::Float,
            (false, true, false) => Self::Bool,
            _ => Self::Object,
        }
    }
}

impl Cell {
    pub fn text(text: impl AsRef<str>) -> Self {
        Self::Text(text.as_ref().into())
    }

    /// The number that it is; missing and text are none.
    pub fn number(&self) -> Option<f64> {
        match self {
            Self::Bool(value) => Some(f64::from(u8::from(*value))),
            Self::Int(value) => Some(*value as f64),
            Self::Float(value) => Some(*value),
            Self::Null | Self::Text(_) => None,
        }
    }

    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    pub fn text_bytes(&self) -> usize {
        if let Self::Text(text) = self { text.len() } else { 0 }
    }

    pub fn key(&self) -> Key {
        match self {
            Self::Null => Key::Null,
            Self::Bool(value) => Key::Bool(*value),
            Self::Int(value) => Key::Int(*value),
            Self::Float(value) => Key::Float(value.to_bits()),
            Self::Text(text) => Key::Text(text.clone()),
        }
    }

    /// Which comes first; `None` for what does not compare.
    pub fn order(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Text(a), Self::Text(b)) => Some(a.cmp(b)),
            (Self::Int(a), Self::Int(b)) => Some(a.cmp(b)),
            _ => self.number()?.partial_cmp(&other.number()?),
        }
    }

    /// Python's `==`.
    pub fn equals(&self, other: &Self) -> bool {
        self.order(other) == Some(Ordering::Equal)
    }

    /// Python's `str`.
    pub fn shown(&self) -> String {
        match self {
            Self::Null => "nan".to_owned(),
            Self::Bool(value) => if *value { "True" } else { "False" }.to_owned(),
            Self::Int(value) => value.to_string(),
            Self::Float(value) => python_float(*value),
            Self::Text(text) => text.to_string(),
        }
    }

    /// Python's `repr`.
    pub fn repr(&self) -> String {
        match self {
            Self::Text(text) => python_repr(&serde_json::Value::from(&**text)),
            other => other.shown(),
        }
    }

    /// The value of this type, where it has one.
    pub fn cast(&self, dtype: Dtype) -> Option<Self> {
        Some(match (self, dtype) {
            (Self::Null, _) => Self::Null,
            (Self::Text(text), Dtype::Int) => Self::Int(text.trim().parse().ok()?),
            (Self::Text(text), Dtype::Float) => Self::Float(text.trim().parse().ok()?),
            (cell, Dtype::Int) => Self::Int(cell.number()? as i64),
            (cell, Dtype::Float) => Self::Float(cell.number()?),
            (Self::Text(text), Dtype::Bool) => Self::Bool(!text.is_empty()),
            (cell, Dtype::Bool) => Self::Bool(cell.number()? != 0.0),
            (cell, Dtype::Object) => Self::text(cell.shown()),
        })
    }
}
