//! Comprehensions, and names that stand for a value while an expression is worked out.

use super::answer::{MAX_LIST, Trouble, Val};
use super::call::Arguments;
use super::cell::{Cell, Dtype};
use super::compute::distinct;
use super::evaluate::Evaluation;
use super::syntax::{Each, EachKind, Expr};

/// What a table in a list costs beside its values.
const KEPT: usize = 10_000;

/// What goes by in a loop over a value.
pub(super) fn items(value: &Val) -> Result<Vec<Val>, Trouble> {
    let items = match value {
        Val::List(items) | Val::Tuple(items) | Val::Tuples(items, _) => items.clone(),
        Val::Dict(pairs) => pairs.iter().map(|(key, _)| key.clone()).collect(),
        Val::Text(text) => text.chars().take(MAX_LIST + 1).map(|c| Val::Text(c.to_string())).collect(),
        Val::Frame(frame) => frame.names().iter().map(Val::of).collect(),
        Val::Series(series) if series.dtype == Dtype::Time && series.cells.iter().any(Cell::is_null) => {
            return Err(Trouble::unknown("a list of dates of which some are missing"));
        }
        other => {
            let cells = other.cells();
            let cells =
                cells.ok_or_else(|| Trouble::types(format!("'{}' object is not iterable", other.kind())))?;
            cells.iter().take(MAX_LIST + 1).map(Val::of).collect()
        }
    };
    if items.len() > MAX_LIST { Err(Trouble::memory()) } else { Ok(items) }
}

impl Evaluation {
    pub(super) fn each(&mut self, each: &Each) -> Result<Val, Trouble> {
        let over = self.value(&each.over)?;
        self.charge(&over)?;
        let items = items(&over)?;
        let before = self.hidden(&each.names);
        let made = self.made_of(each, items);
        // Names of a loop do not outlive it.
        each.names.iter().for_each(|name| drop(self.names.remove(name)));
        self.names.extend(before);
        made
    }

    /// The values that names had and must have again.
    fn hidden(&self, names: &[String]) -> Vec<(String, Val)> {
        let value = |name: &String| self.names.get(name).map(|value| (name.clone(), value.clone()));
        names.iter().filter_map(value).collect()
    }

    fn made_of(&mut self, each: &Each, items: Vec<Val>) -> Result<Val, Trouble> {
        let (mut values, mut pairs) = (Vec::new(), Vec::new());
        'items: for item in items {
            self.bind(&each.names, item)?;
            for condition in &each.conditions {
                if !self.truth(condition)? {
                    continue 'items;
                }
            }
            let made = self.kept(&each.made)?;
            match &each.value {
                Some(value) => pairs.push((made, self.kept(value)?)),
                None => values.push(made),
            }
        }
        match each.kind {
            EachKind::List | EachKind::Generator => Ok(Val::List(values)),
            EachKind::Dict => Ok(dict(pairs)),
            EachKind::Set => {
                let cells = Val::List(values).cells();
                let cells = cells.ok_or_else(|| Trouble::unknown("a set of anything but values"))?;
                Ok(Val::List(distinct(cells.iter()).iter().map(Val::of).collect()))
            }
        }
    }

    /// A value that is kept: of tables and columns not many are.
    fn kept(&mut self, expression: &Expr) -> Result<Val, Trouble> {
        let value = self.value(expression)?;
        self.charge(&value)?;
        if matches!(value, Val::Frame(_) | Val::Series(_) | Val::Group(_) | Val::Loc(_) | Val::Iloc(_)) {
            self.work_on(KEPT)?;
        }
        Ok(value)
    }

    fn bind(&mut self, names: &[String], item: Val) -> Result<(), Trouble> {
        if let [name] = names {
            self.names.insert(name.clone(), item);
            return Ok(());
        }
        let parts = items(&item)
            .map_err(|_| Trouble::types(format!("cannot unpack non-iterable {} object", item.kind())))?;
        match parts.len().cmp(&names.len()) {
            std::cmp::Ordering::Equal => {}
            std::cmp::Ordering::Less => {
                let (wanted, found) = (names.len(), parts.len());
                return Err(Trouble::value(format!(
                    "not enough values to unpack (expected {wanted}, got {found})"
                )));
            }
            std::cmp::Ordering::Greater => {
                return Err(Trouble::value(format!("too many values to unpack (expected {})", names.len())));
            }
        }
        self.names.extend(names.iter().cloned().zip(parts));
        Ok(())
    }

    /// What a function gives for values.
    pub(super) fn apply(&mut self, function: &Val, values: Vec<Val>) -> Result<Val, Trouble> {
        let (names, body) = match function {
            Val::Lambda(names, body) => (names, body),
            Val::Name(name) => return self.function(name, &Arguments::of(values)),
            other => return Err(Trouble::types(format!("'{}' object is not callable", other.kind()))),
        };
        if names.len() != values.len() {
            return Err(Trouble::types("<lambda>() takes another number of arguments"));
        }
        let before = self.hidden(names);
        self.names.extend(names.iter().cloned().zip(values));
        let made = self.value(body);
        names.iter().for_each(|name| drop(self.names.remove(name)));
        self.names.extend(before);
        made
    }
}

/// Of several equal keys the last value counts, in the place of the first.
pub(super) fn dict(pairs: Vec<(Val, Val)>) -> Val {
    let mut places = std::collections::HashMap::new();
    let mut kept: Vec<(Val, Val)> = Vec::new();
    for (key, value) in pairs {
        let place = *places.entry(key.repr()).or_insert(kept.len());
        match kept.get_mut(place) {
            Some(pair) => pair.1 = value,
            None => kept.push((key, value)),
        }
    }
    Val::Dict(kept)
}
