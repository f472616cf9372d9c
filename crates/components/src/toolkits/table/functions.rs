//! Functions of Python, pandas and numpy, and methods of plain values.

use super::answer::{MAX_LIST, Trouble, Val};
use super::call::Arguments;
use super::cell::{Cell, Dtype};
use super::compute;
use super::frame::{Index, Series};
use super::series_calls::{self, rounded};

/// `pd.to_numeric`: what is no number is missing with `errors='coerce'`, an error otherwise.
pub(super) fn to_number(series: &Series, arguments: &Arguments) -> Result<Series, Trouble> {
    let coerce = arguments.text(1, "errors")?.as_deref() == Some("coerce");
    let number = |cell: &Cell| match cell.cast(Dtype::Int).filter(|_| matches!(cell, Cell::Text(_))) {
        Some(whole) => Some(whole),
        None if matches!(cell, Cell::Text(_)) => cell.cast(Dtype::Float),
        None => Some(cell.clone()),
    };
    let cells: Option<Vec<Cell>> =
        series.cells.iter().map(|cell| number(cell).or(coerce.then_some(Cell::Null))).collect();
    let cells = cells.ok_or_else(|| Trouble::value("Unable to parse string"))?;
    Ok(Series::new(series.name.as_deref(), series.index.clone(), cells))
}

/// A function of Python's own.
pub(super) fn builtin(name: &str, first: &Val, arguments: &Arguments) -> Result<Val, Trouble> {
    let held = || match first.cells() {
        Some(cells) if cells.len() > MAX_LIST && matches!(name, "list" | "tuple" | "set" | "sorted") => {
            Err(Trouble::memory())
        }
        Some(cells) => Ok(cells),
        None => Err(Trouble::types(format!("'{}' object is not iterable", first.kind()))),
    };
    match name {
        "len" => length(first).map(|length| Val::Int(length as i64)),
        "str" => Ok(Val::Text(first.shown())),
        "type" => Ok(Val::Text(format!("<class '{}'>", first.kind()))),
        "int" | "float" | "bool" => {
            let dtype = match name {
                "int" => Dtype::Int,
                "float" => Dtype::Float,
                _ => Dtype::Bool,
            };
            let cell = first.cell().and_then(|cell| cell.cast(dtype));
            cell.map(|cell| Val::of(&cell))
                .ok_or_else(|| Trouble::value(format!("invalid literal for {name}()")))
        }
        "round" => match (first, arguments.integer(1, "ndigits")?) {
            (Val::Series(series), _) => series_calls::call(
                series,
                "round",
                &Arguments { positional: arguments.positional[1..].to_vec(), named: Vec::new() },
            ),
            (Val::Float(number), None) => Ok(Val::Int(rounded(*number, 0) as i64)),
            (Val::Float(number), Some(digits)) => Ok(Val::Float(rounded(*number, digits))),
            (other, _) => Ok(other.clone()),
        },
        "abs" => match first {
            Val::Int(number) => Ok(Val::Int(number.wrapping_abs())),
            Val::Float(number) => Ok(Val::Float(number.abs())),
            Val::Series(series) => series_calls::call(series, "abs", &Arguments::default()),
            other => Err(Trouble::types(format!("bad operand type for abs(): '{}'", other.kind()))),
        },
        "max" | "min" | "sum" | "any" | "all" | "mean" | "median" | "std" => {
            let cells = if arguments.positional.len() > 1 {
                Val::List(arguments.positional.clone())
                    .cells()
                    .ok_or_else(|| Trouble::types("values are needed"))?
            } else {
                held()?
            };
            let index = Index::Range(cells.len());
            compute::aggregate(name, &Series::new(None, index, cells)).map(|cell| Val::of(&cell))
        }
        "list" | "tuple" => match first {
            Val::Frame(frame) => Ok(Val::List(frame.names().iter().map(Val::of).collect())),
            _ => Ok(Val::List(held()?.iter().map(Val::of).collect())),
        },
        "set" => Ok(Val::List(compute::distinct(held()?.iter()).iter().map(Val::of).collect())),
        "unique" => Ok(Val::Array(compute::distinct(held()?.iter()))),
        "sorted" => {
            let cells = held()?;
            let rows = compute::sorted(&[(&cells, !arguments.flag("reverse", false)?)])?;
            Ok(Val::List(rows.iter().map(|row| Val::of(&cells[*row])).collect()))
        }
        _ => Err(Trouble::unknown(&format!("'{name}'"))),
    }
}

fn length(value: &Val) -> Result<usize, Trouble> {
    match value {
        Val::Frame(frame) => Ok(frame.rows()),
        Val::Text(text) => Ok(text.chars().count()),
        Val::List(items) | Val::Tuple(items) => Ok(items.len()),
        Val::Dict(pairs) => Ok(pairs.len()),
        other => {
            let cells = other.cells();
            cells
                .map(|cells| cells.len())
                .ok_or_else(|| Trouble::types(format!("object of type '{}' has no len()", other.kind())))
        }
    }
}

/// A method of anything else.
pub(super) fn method(value: &Val, name: &str, arguments: &Arguments) -> Result<Val, Trouble> {
    match (value, name) {
        (Val::Array(cells) | Val::Labels(cells, _), "tolist" | "to_list") => {
            Ok(Val::List(cells.iter().map(Val::of).collect()))
        }
        (Val::Array(cells) | Val::Labels(cells, _), _) => {
            let index = Index::Range(cells.len());
            series_calls::call(&Series::new(None, index, cells.clone()), name, arguments)
        }
        (Val::Text(text), "lower") => Ok(Val::Text(text.to_lowercase())),
        (Val::Text(text), "upper") => Ok(Val::Text(text.to_uppercase())),
        (Val::Text(text), "strip") => Ok(Val::Text(text.trim().to_owned())),
        (Val::Float(number), "round") => {
            Ok(Val::Float(rounded(*number, arguments.integer(0, "ndigits")?.unwrap_or(0))))
        }
        (Val::Int(_) | Val::Float(_) | Val::Text(_) | Val::Bool(_), "item") => Ok(value.clone()),
        (Val::Dict(pairs), "keys") => Ok(Val::List(pairs.iter().map(|(key, _)| key.clone()).collect())),
        (Val::Dict(pairs), "values") => Ok(Val::List(pairs.iter().map(|(_, value)| value.clone()).collect())),
        _ => Err(Trouble::unknown(&format!("'{name}' of a {}", value.kind()))),
    }
}
