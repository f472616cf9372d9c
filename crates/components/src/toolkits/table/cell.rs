//! The values of a table and their types, as pandas has them.

use std::cmp::Ordering;
use std::sync::Arc;

use millrace_engine::{python_float, python_repr};

use super::time;

/// One value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Cell {
    /// pandas' `NaN`, or `None`.
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(Arc<str>),
    /// A point in time: seconds since 1970.
    Time(i64),
    List(Arc<Items>),
}

/// The values of a list in a cell, or of an array.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Items {
    pub cells: Vec<Cell>,
    pub is_array: bool,
}

/// The type of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dtype {
    Int,
    /// What pandas makes of parts of dates.
    Int32,
    Float,
    Bool,
    Object,
    Time,
    /// Objects that are lists.
    List,
}

/// A value that can be looked up.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Key {
    Null,
    Bool(bool),
    Int(i64),
    Float(u64),
    Text(Arc<str>),
    Time(i64),
    List(Vec<Key>),
}

impl Dtype {
    pub fn name(self) -> &'static str {
        match self {
            Self::Int => "int64",
            Self::Int32 => "int32",
            Self::Float => "float64",
            Self::Bool => "bool",
            Self::Object | Self::List => "object",
            Self::Time => "datetime64[ns]",
        }
    }

    /// Whether pandas counts it among the numbers.
    pub fn is_number(self) -> bool {
        matches!(self, Self::Int | Self::Int32 | Self::Float)
    }

    /// Whether `numeric_only` keeps it: truth values are numbers there.
    pub fn counts(self) -> bool {
        self.is_number() || self == Self::Bool
    }

    /// The type that holds these values; whole numbers beside missing ones are floating.
    pub fn of(cells: &[Cell]) -> Self {
        let (mut null, mut bool, mut int, mut float, mut text) = (false, false, false, false, false);
        let mut time = false;
        for cell in cells {
            match cell {
                Cell::Null => null = true,
                Cell::Bool(_) => bool = true,
                Cell::Int(_) => int = true,
                Cell::Float(_) => float = true,
                Cell::Text(_) => text = true,
                Cell::Time(_) => time = true,
                Cell::List(_) => return Self::List,
            }
        }
        if time {
            return if text || bool || int || float { Self::Object } else { Self::Time };
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
            Self::Null | Self::Text(_) | Self::Time(_) | Self::List(_) => None,
        }
    }

    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    pub fn text_bytes(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::List(items) => items.cells.iter().map(|cell| size_of::<Self>() + cell.text_bytes()).sum(),
            _ => 0,
        }
    }

    pub fn key(&self) -> Key {
        match self {
            Self::Null => Key::Null,
            Self::Bool(value) => Key::Bool(*value),
            Self::Int(value) => Key::Int(*value),
            Self::Float(value) => Key::Float(value.to_bits()),
            Self::Text(text) => Key::Text(text.clone()),
            Self::Time(time) => Key::Time(*time),
            Self::List(items) => Key::List(items.cells.iter().map(Self::key).collect()),
        }
    }

    /// A key that values share which are equal in Python: `1`, `1.0` and `True`.
    pub fn same(&self) -> Key {
        match self {
            Self::Int(value) if value.unsigned_abs() >= 1 << 53 => Key::Int(*value),
            Self::Bool(_) | Self::Int(_) | Self::Float(_) => {
                self.number().map_or(Key::Null, |number| Key::Float((number + 0.0).to_bits()))
            }
            other => other.key(),
        }
    }

    /// Which comes first; `None` for what does not compare.
    pub fn order(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Text(a), Self::Text(b)) => Some(a.cmp(b)),
            (Self::Int(a), Self::Int(b)) => Some(a.cmp(b)),
            (Self::Time(a), Self::Time(b)) => Some(a.cmp(b)),
            // A text beside a point in time is one, too.
            (Self::Time(a), Self::Text(b)) => Some(a.cmp(&time::parsed(b)?)),
            (Self::Text(a), Self::Time(b)) => Some(time::parsed(a)?.cmp(b)),
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
            Self::Time(time) => time::shown(*time),
            Self::List(items) => {
                let shown: Vec<_> = items.cells.iter().map(Self::shown).collect();
                format!("[{}]", shown.join(", "))
            }
        }
    }

    /// Python's `repr`.
    pub fn repr(&self) -> String {
        match self {
            Self::Text(text) => python_repr(&serde_json::Value::from(&**text)),
            Self::Time(time) => format!("Timestamp('{}')", time::shown(*time)),
            Self::List(items) => {
                let shown: Vec<_> = items.cells.iter().map(Self::repr).collect();
                format!("[{}]", shown.join(", "))
            }
            other => other.shown(),
        }
    }

    /// The value of this type, where it has one.
    pub fn cast(&self, dtype: Dtype) -> Option<Self> {
        Some(match (self, dtype) {
            (Self::Null, _) => Self::Null,
            (Self::Text(text), Dtype::Int | Dtype::Int32) => Self::Int(text.trim().parse().ok()?),
            (Self::Text(text), Dtype::Float) => Self::Float(text.trim().parse().ok()?),
            (cell, Dtype::Int | Dtype::Int32) => Self::Int(cell.number()? as i64),
            (cell, Dtype::Float) => Self::Float(cell.number()?),
            (Self::Text(text), Dtype::Bool) => Self::Bool(!text.is_empty()),
            (cell, Dtype::Bool) => Self::Bool(cell.number()? != 0.0),
            (cell, Dtype::Object) => Self::text(cell.shown()),
            (Self::Text(text), Dtype::Time) => Self::Time(time::parsed(text)?),
            (Self::Time(time), Dtype::Time) => Self::Time(*time),
            (_, Dtype::Time | Dtype::List) => return None,
        })
    }
}
