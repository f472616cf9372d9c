//! What changes a table under its name: a new column, `inplace=True`.

use super::answer::{Trouble, Val};
use super::cell::Dtype;
use super::evaluate::Evaluation;
use super::frame::{Frame, Series};
use super::syntax::Expr;

impl Evaluation {
    /// `name.method(…, inplace=True)` is `name = name.method(…)`.
    pub(super) fn in_place(&mut self, expression: &Expr) -> Result<bool, Trouble> {
        let Expr::Call(function, positional, named) = expression else { return Ok(false) };
        let Expr::Attribute(object, _) = &**function else { return Ok(false) };
        let Expr::Name(name) = &**object else { return Ok(false) };
        let is_inplace = |(name, value): &(String, Expr)| name == "inplace" && *value == Expr::Bool(true);
        if !named.iter().any(is_inplace) {
            return Ok(false);
        }
        let named: Vec<_> = named.iter().filter(|pair| !is_inplace(pair)).cloned().collect();
        let value = self.value(&Expr::Call(function.clone(), positional.clone(), named))?;
        if !matches!(value, Val::Frame(_)) {
            return Err(Trouble::unknown("inplace=True of anything but a table"));
        }
        self.change(name, &value);
        Ok(true)
    }

    pub(super) fn assign_column(&mut self, name: &str, key: &Expr, value: &Expr) -> Result<(), Trouble> {
        let (key, value) = (self.value(key)?, self.value(value)?);
        let Some(Val::Frame(frame)) = self.names.get(name) else {
            return Err(Trouble::unknown("an assignment into this"));
        };
        let column =
            key.cell().map(|key| key.shown()).ok_or_else(|| Trouble::unknown("an assignment to rows"))?;
        let frame = with_column(frame, &column, &value)?;
        self.change(name, &Val::Frame(frame));
        Ok(())
    }

    /// `name = value`; a table that another name has is shared with it.
    pub(super) fn bind_name(&mut self, name: &str, value: Val, other: Option<&String>) {
        if other.is_some_and(|other| other == name) {
            return;
        }
        for names in &mut self.shared {
            names.remove(name);
        }
        self.shared.retain(|names| names.len() > 1);
        if let (Some(other), Val::Frame(_)) = (other, &value) {
            let known = self.shared.iter_mut().find(|names| names.contains(other));
            if let Some(names) = known {
                names.insert(name.to_owned());
            } else {
                self.shared.push([name.to_owned(), other.clone()].into());
            }
        }
        self.names.insert(name.to_owned(), value);
    }

    /// The table that a name stands for becomes another, for all names that share it.
    fn change(&mut self, name: &str, table: &Val) {
        let shared = self.shared.iter().find(|names| names.contains(name));
        let names = shared.cloned().unwrap_or_else(|| [name.to_owned()].into());
        self.names.extend(names.into_iter().map(|name| (name, table.clone())));
    }
}

/// A table with a column more, or another in its place. A column goes by its labels where they are others.
pub(super) fn with_column(frame: &Frame, name: &str, value: &Val) -> Result<Frame, Trouble> {
    let count = frame.rows();
    let cells = match (value, value.cells()) {
        (Val::Series(series), _) if series.index != frame.index => frame.aligned(series)?,
        (_, Some(cells)) if cells.len() == count => cells,
        (_, Some(cells)) => {
            let length = cells.len();
            return Err(Trouble::value(format!(
                "Length of values ({length}) does not match length of index ({count})"
            )));
        }
        (value, None) => match value.cell() {
            Some(cell) => vec![cell; count],
            None => return Err(Trouble::unknown("this value for a column")),
        },
    };
    let made = Series::new(Some(name), frame.index.clone(), cells);
    let made = if let Val::Series(series) = value
        && made.dtype == Dtype::Int
    {
        made.typed(series.dtype)
    } else {
        made
    };
    let mut columns = frame.all_series();
    match columns.iter_mut().find(|series| series.name.as_deref() == Some(name)) {
        Some(series) => *series = made,
        None => columns.push(made),
    }
    Ok(frame.made(frame.index.clone(), columns))
}
