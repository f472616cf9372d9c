//! Methods of a column in the place of operators, and those that put other values in.

use std::collections::HashMap;

use super::answer::{Trouble, Val};
use super::arithmetic;
use super::call::Arguments;
use super::cell::{Cell, Dtype};
use super::frame::Series;

/// Methods that are operators.
const OPERATORS: &[(&str, &str)] = &[
    ("add", "+"),
    ("div", "/"),
    ("eq", "=="),
    ("floordiv", "//"),
    ("ge", ">="),
    ("gt", ">"),
    ("le", "<="),
    ("lt", "<"),
    ("mod", "%"),
    ("mul", "*"),
    ("multiply", "*"),
    ("ne", "!="),
    ("pow", "**"),
    ("sub", "-"),
    ("subtract", "-"),
    ("truediv", "/"),
];

/// `None` where the name is another.
pub(super) fn call(series: &Series, name: &str, arguments: &Arguments) -> Result<Option<Series>, Trouble> {
    if let Some((_, operator)) = OPERATORS.iter().find(|(known, _)| *known == name) {
        let other =
            arguments.get(0, "other").ok_or_else(|| Trouble::types(format!("{name} needs a value")))?;
        return match arithmetic::binary(operator, Val::Series(series.clone()), other.clone())? {
            Val::Series(made) => Ok(Some(made)),
            _ => Err(Trouble::unknown(&format!("this form of {name}"))),
        };
    }
    Ok(Some(match name {
        "shift" => shifted(series, arguments.integer(0, "periods")?.unwrap_or(1))?,
        "clip" => clipped(series, arguments)?,
        "replace" => replaced(series, arguments)?,
        "where" | "mask" => {
            let Some(Val::Series(condition)) = arguments.get(0, "cond") else {
                return Err(Trouble::unknown(&format!("{name} without a column of truth values")));
            };
            let other = arguments.get(1, "other").cloned().unwrap_or(Val::Float(f64::NAN));
            let own = Val::Series(series.clone());
            let (yes, no) = if name == "where" { (&own, &other) } else { (&other, &own) };
            let cells = chosen(condition, yes, no)?;
            Series::new(series.name.as_deref(), series.index.clone(), cells)
        }
        _ => return Ok(None),
    }))
}

/// By row one of two values, each a column or a single value.
pub(super) fn chosen(condition: &Series, yes: &Val, no: &Val) -> Result<Vec<Cell>, Trouble> {
    let count = condition.len();
    let column = |value: &Val| match (value.cells(), value.cell()) {
        (Some(cells), _) if cells.len() == count => Ok(cells),
        (None, Some(cell)) => Ok(vec![cell; count]),
        _ => Err(Trouble::value("the values are not as many as the conditions")),
    };
    let (yes, no) = (column(yes)?, column(no)?);
    let is_true = |cell: &Cell| match cell {
        Cell::Bool(value) => Ok(*value),
        _ => Err(Trouble::unknown("a condition that is no truth value")),
    };
    let rows = condition.cells.iter().zip(yes).zip(no);
    rows.map(|((condition, yes), no)| Ok(if is_true(condition)? { yes } else { no })).collect()
}

fn shifted(series: &Series, by: i64) -> Result<Series, Trouble> {
    if !series.dtype.is_number() && series.dtype != Dtype::Time && by != 0 {
        return Err(Trouble::unknown("shift of texts"));
    }
    let count = series.len() as i64;
    let cell = |row: i64| {
        let from = row.saturating_sub(by);
        usize::try_from(from).ok().and_then(|from| series.cells.get(from)).cloned().unwrap_or(Cell::Null)
    };
    let made = Series::new(series.name.as_deref(), series.index.clone(), (0..count).map(cell).collect());
    let dtype = if made.cells.iter().all(Cell::is_null) && series.dtype != Dtype::Time {
        Dtype::Float
    } else {
        made.dtype
    };
    Ok(made.typed(if series.dtype == Dtype::Time { Dtype::Time } else { dtype }))
}

fn clipped(series: &Series, arguments: &Arguments) -> Result<Series, Trouble> {
    let bound = |place, name| -> Result<Option<Cell>, Trouble> {
        match arguments.get(place, name) {
            None | Some(Val::None) => Ok(None),
            Some(Val::Int(number)) if series.dtype == Dtype::Float => Ok(Some(Cell::Float(*number as f64))),
            Some(value @ (Val::Int(_) | Val::Float(_))) if series.dtype.is_number() => match value.cell() {
                Some(Cell::Float(_)) if series.dtype != Dtype::Float => {
                    Err(Trouble::unknown("clip of whole numbers by floating ones"))
                }
                cell => Ok(cell),
            },
            _ => Err(Trouble::unknown("clip of anything but numbers by numbers")),
        }
    };
    let (low, high) = (bound(0, "lower")?, bound(1, "upper")?);
    Ok(series.map(|cell| match (&low, &high) {
        _ if cell.is_null() => Cell::Null,
        (Some(low), _) if cell.order(low).is_some_and(|order| order.is_lt()) => low.clone(),
        (_, Some(high)) if cell.order(high).is_some_and(|order| order.is_gt()) => high.clone(),
        _ => cell.clone(),
    }))
}

fn replaced(series: &Series, arguments: &Arguments) -> Result<Series, Trouble> {
    let unknown = || Trouble::unknown("this form of replace");
    let pairs: Vec<(Cell, Cell)> = match (arguments.get(0, "to_replace"), arguments.get(1, "value")) {
        (Some(Val::Dict(pairs)), None) => pairs
            .iter()
            .map(|(old, new)| Some((old.cell()?, new.cell()?)))
            .collect::<Option<_>>()
            .ok_or_else(unknown)?,
        (Some(Val::List(old)), Some(new)) => {
            let new = new.cell().ok_or_else(unknown)?;
            old.iter()
                .map(|old| Some((old.cell()?, new.clone())))
                .collect::<Option<_>>()
                .ok_or_else(unknown)?
        }
        (Some(old), Some(new)) => vec![(old.cell().ok_or_else(unknown)?, new.cell().ok_or_else(unknown)?)],
        _ => return Err(unknown()),
    };
    let is_bool = |cell: &Cell| matches!(cell, Cell::Bool(_));
    if series.dtype == Dtype::Bool
        || pairs.iter().any(|(old, new)| is_bool(old) || is_bool(new) || new.is_null())
    {
        return Err(Trouble::unknown("replace of truth values or by missing ones"));
    }
    let known: HashMap<_, _> = pairs.into_iter().rev().map(|(old, new)| (old.same(), new)).collect();
    Ok(series.map(|cell| known.get(&cell.same()).unwrap_or(cell).clone()))
}
