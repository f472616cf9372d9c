//! The arguments of a call.

use super::answer::{Trouble, Val};

/// By place and by name. **What nothing looked at is refused**: an argument that is not known here would change
/// the answer.
#[derive(Debug, Clone, Default)]
pub(super) struct Arguments {
    positional: Vec<Val>,
    named: Vec<(String, Val)>,
    /// A bit for each that was looked at: those by place from below, those by name from the middle.
    seen: std::cell::Cell<u64>,
}

/// Arguments of one kind that are told apart.
const MOST: usize = 32;

impl Arguments {
    pub fn new(positional: Vec<Val>, named: Vec<(String, Val)>) -> Self {
        Self { positional, named, seen: std::cell::Cell::new(0) }
    }

    /// These by place.
    pub fn of(positional: Vec<Val>) -> Self {
        Self::new(positional, Vec::new())
    }

    fn see(&self, bit: usize) {
        self.seen.set(self.seen.get() | 1 << bit.min(2 * MOST - 1));
    }

    pub fn first(&self) -> Option<&Val> {
        self.at(0)
    }

    fn at(&self, place: usize) -> Option<&Val> {
        let found = self.positional.get(place)?;
        self.see(place.min(MOST - 1));
        Some(found)
    }

    /// All by place.
    pub fn all(&self) -> &[Val] {
        (0..self.positional.len()).for_each(|place| self.see(place.min(MOST - 1)));
        &self.positional
    }

    pub fn all_named(&self) -> &[(String, Val)] {
        (0..self.named.len()).for_each(|place| self.see(MOST + place));
        &self.named
    }

    /// The argument of this name, or at this place.
    pub fn get(&self, place: usize, name: &str) -> Option<&Val> {
        match self.named.iter().position(|(known, _)| known == name) {
            Some(at) => {
                self.see(MOST + at);
                Some(&self.named[at].1)
            }
            None => self.at(place),
        }
    }

    /// Says that these do not change what is answered here.
    pub fn ignore(&self, names: &[&str]) {
        for (at, (name, _)) in self.named.iter().enumerate() {
            if names.contains(&name.as_str()) {
                self.see(MOST + at);
            }
        }
    }

    /// An error if something was not looked at.
    pub fn refuse_unseen(&self, call: &str) -> Result<(), Trouble> {
        let seen = |bit: usize| self.seen.get() & 1 << bit.min(2 * MOST - 1) != 0;
        if let Some(at) = (0..self.named.len()).find(|at| !seen(MOST + at)) {
            return Err(Trouble::unknown(&format!("the argument {}= of {call}", self.named[at].0)));
        }
        if (0..self.positional.len()).all(|place| seen(place.min(MOST - 1))) {
            return Ok(());
        }
        Err(Trouble::unknown(&format!("this many arguments of {call}")))
    }

    pub fn has_lambda(&self) -> bool {
        let mut values = self.positional.iter().chain(self.named.iter().map(|(_, value)| value));
        values.any(|value| matches!(value, Val::Lambda(..)))
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
        Val::List(_) | Val::Tuple(_) | Val::Array(_) | Val::Labels(..) | Val::Counting(_) => {
            let cells = value.cells().ok_or_else(|| Trouble::types("names must be strings"))?;
            Ok(cells.iter().map(super::cell::Cell::shown).collect())
        }
        other => {
            other.cell().map(|cell| vec![cell.shown()]).ok_or_else(|| Trouble::types("names must be strings"))
        }
    }
}
