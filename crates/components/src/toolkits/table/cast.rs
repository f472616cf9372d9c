//! Columns of another type, and Python's own functions row by row.

use super::answer::{Trouble, Val};
use super::call::Arguments;
use super::cell::{Cell, Dtype};
use super::dates;
use super::frame::Series;
use super::numbers::numeric;

pub(super) fn cast(series: &Series, arguments: &Arguments) -> Result<Series, Trouble> {
    let wanted = match arguments.get(0, "dtype") {
        Some(Val::Text(name) | Val::Name(name)) => name.clone(),
        _ => return Err(Trouble::types("astype needs a type")),
    };
    let dtype = match wanted.rsplit('.').next().unwrap_or_default() {
        "int" | "int64" => Dtype::Int,
        "float" | "float64" => Dtype::Float,
        "bool" => Dtype::Bool,
        "str" => Dtype::Object,
        "object" => return Ok(series.clone().typed(Dtype::Object)),
        "datetime64[ns]" => return dates::column(series),
        other => return Err(Trouble::unknown(&format!("the type {other}"))),
    };
    if series.dtype == Dtype::Time {
        return Err(Trouble::unknown("astype of dates; .dt.strftime,"));
    }
    if dtype == Dtype::Int && series.cells.iter().any(Cell::is_null) {
        return Err(Trouble::value("Cannot convert non-finite values (NA or inf) to integer"));
    }
    let cells: Result<Vec<Cell>, Trouble> = series
        .cells
        .iter()
        .map(|cell| {
            let name = if dtype == Dtype::Int { "int() with base 10" } else { "float" };
            cell.cast(dtype)
                .ok_or_else(|| Trouble::value(format!("invalid literal for {name}: {}", cell.repr())))
        })
        .collect();
    Ok(Series::new(series.name.as_deref(), series.index.clone(), cells?).typed(dtype))
}

pub(super) fn applied(series: &Series, function: &str) -> Result<Series, Trouble> {
    match function {
        "len" => Ok(series.map(|cell| match cell {
            Cell::Text(text) => Cell::Int(text.chars().count() as i64),
            Cell::List(items) => Cell::Int(items.cells.len() as i64),
            _ => Cell::Null,
        })),
        "str" | "int" | "float" | "bool" => {
            cast(series, &Arguments::of(vec![Val::Name(function.to_owned())]))
        }
        "abs" | "round" => numeric(series, function, &Arguments::default()),
        "str.lower" => Ok(series.map(|cell| Cell::text(cell.shown().to_lowercase()))),
        "str.upper" => Ok(series.map(|cell| Cell::text(cell.shown().to_uppercase()))),
        _ => Err(Trouble::unknown("a function of your own")),
    }
}
