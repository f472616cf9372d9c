//! The arguments of a call.

use super::answer::{Trouble, Val};

/// By place and by name.
#[derive(Debug, Clone, Default)]
pub(super) struct Arguments {
    pub positional: Vec<Val>,
    pub named: Vec<(String, Val)>,
}

impl Arguments {
    pub fn first(&self) -> Option<&Val> {
        self.positional.first()
    }

    pub fn all_named(&self) -> &[(String, Val)] {
        &self.named
    }

    /// The argument of this name, or at this place.
    pub fn get(&self, place: usize, name: &str) -> Option<&Val> {
        let named = self.named.iter().find(|(known, _)| known == name).map(|(_, value)| value);
        named.or_else(|| self.positional.get(place))
    }

    /// A truth value, by name.
    pub fn flag(&self, name: &str, default: bool) -> Result<bool, Trouble> {
        match self.get(usize::MAX, name) {
            None | Some(Val::None) => Ok(default),
            Some(Val::Bool(value)) => Ok(*value),
            Some(Val::Int(value)) => Ok(*value != 0),
            Some(other) => Err(Trouble::types(format!("{name} must be True or False, not {}", other.kind()))),
        }
    }

    pub fn integer(&self, place: usize, name: &str) -> Result<Option<i64>, Trouble> {
        match self.get(place, name) {
            None | Some(Val::None) => Ok(None),
            Some(Val::Int(value)) => Ok(Some(*value)),
            Some(other) => Err(Trouble::types(format!("{name} must be an integer, not {}", other.kind()))),
        }
    }

    pub fn text(&self, place: usize, name: &str) -> Result<Option<String>, Trouble> {
        match self.get(place, name) {
            None | Some(Val::None) => Ok(None),
            Some(Val::Text(text)) => Ok(Some(text.clone())),
            Some(other) => Err(Trouble::types(format!("{name} must be a string, not {}", other.kind()))),
        }
    }

    /// Names of columns: one, or a list.
    pub fn names(&self, place: usize, name: &str) -> Result<Option<Vec<String>>, Trouble> {
        self.get(place, name).filter(|value| !matches!(value, Val::None)).map(names).transpose()
    }

    /// Rows along: 0 (`index`) or 1 (`columns`).
    pub fn axis(&self, place: usize) -> Result<usize, Trouble> {
        match self.get(place, "axis") {
            None | Some(Val::Int(0) | Val::None) => Ok(0),
            Some(Val::Text(text)) if text == "index" => Ok(0),
            Some(Val::Int(1)) => Ok(1),
            Some(Val::Text(text)) if text == "columns" => Ok(1),
            Some(_) => Err(Trouble::value("No axis of this name")),
        }
    }
}

/// One name, or those of a list.
pub(super) fn names(value: &Val) -> Result<Vec<String>, Trouble> {
    match value {
        Val::List(_) | Val::Tuple(_) | Val::Array(_) | Val::Labels(..) => {
            let cells = value.cells().ok_or_else(|| Trouble::types("names must be strings"))?;
            Ok(cells.iter().map(super::cell::Cell::shown).collect())
        }
        other => {
            other.cell().map(|cell| vec![cell.shown()]).ok_or_else(|| Trouble::types("names must be strings"))
        }
    }
}
