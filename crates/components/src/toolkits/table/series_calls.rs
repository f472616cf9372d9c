//! Methods of a column.

use super::answer::{MAX_LIST, Trouble, Val};
use super::call::Arguments;
use super::cell::{Cell, Dtype};
use super::compute::{self, AGGREGATES, distinct, float, value_counts};
use super::frame::{Frame, Index, Series};
use super::group::{Group, function_names};
use super::print;
use super::select::{reset_index, slice_rows};

/// What stands behind a dot without being called; `None` where it is no such thing.
pub(super) fn attribute(series: &Series, name: &str) -> Option<Val> {
    Some(match name {
        "str" => Val::Strings(series.clone()),
        "loc" | "at" => Val::Loc(Box::new(Val::Series(series.clone()))),
        "iloc" | "iat" => Val::Iloc(Box::new(Val::Series(series.clone()))),
        "values" | "array" => Val::Array(series.cells.to_vec()),
        "index" => index_labels(&series.index),
        "name" => series.name.clone().map_or(Val::None, Val::Text),
        "dtype" => Val::Name(series.dtype.name().to_owned()),
        "shape" => Val::Tuple(vec![Val::Int(series.len() as i64)]),
        "size" => Val::Int(series.len() as i64),
        "empty" => Val::Bool(series.len() == 0),
        "hasnans" => Val::Bool(series.cells.iter().any(Cell::is_null)),
        "is_unique" => Val::Bool(distinct(series.cells.iter()).len() == series.len()),
        _ => return None,
    })
}

/// The labels of rows as a value.
pub(super) fn index_labels(index: &Index) -> Val {
    match index {
        Index::Levels(..) => {
            let labels: Vec<Cell> = (0..index.len()).map(|row| Cell::text(index.shown(row))).collect();
            Val::Labels(labels, Dtype::Object)
        }
        _ => {
            let labels: Vec<Cell> = (0..index.len()).map(|row| index.label(row)).collect();
            let dtype = Dtype::of(&labels);
            Val::Labels(labels, dtype)
        }
    }
}

/// A method of a column.
pub(super) fn call(series: &Series, name: &str, arguments: &Arguments) -> Result<Val, Trouble> {
    if AGGREGATES.contains(&name) && name != "mode" {
        return compute::aggregate(name, series).map(|cell| Val::of(&cell));
    }
    if let Some(made) = shaped(series, name, arguments)? {
        return Ok(Val::Series(made));
    }
    if matches!(name, "tolist" | "to_list" | "to_dict") && series.len() > MAX_LIST {
        return Err(Trouble::memory());
    }
    match name {
        "unique" => Ok(Val::Array(distinct(series.cells.iter()))),
        "tolist" | "to_list" => Ok(Val::List(series.cells.iter().map(Val::of).collect())),
        "to_numpy" => Ok(Val::Array(series.cells.to_vec())),
        "to_dict" => {
            let pair = |row: usize| (Val::of(&series.index.label(row)), Val::of(&series.cells[row]));
            Ok(Val::Dict((0..series.len()).map(pair).collect()))
        }
        "to_frame" => Ok(Val::Frame(Frame::of(series.index.clone(), vec![series.clone()]))),
        "to_string" => {
            let shown = print::series(series);
            Ok(Val::Text(shown.rsplit_once('\n').map_or(shown.clone(), |(rows, _)| rows.to_owned())))
        }
        "item" => match series.cells.as_slice() {
            [one] => Ok(Val::of(one)),
            _ => Err(Trouble::value("can only convert an array of size 1 to a Python scalar")),
        },
        "quantile" => quantiles(series, arguments),
        "idxmax" | "idxmin" => {
            let wanted = compute::aggregate(if name == "idxmax" { "max" } else { "min" }, series)?;
            let row = series.cells.iter().position(|cell| !cell.is_null() && cell.equals(&wanted));
            Ok(row.map_or(Val::Float(f64::NAN), |row| Val::of(&series.index.label(row))))
        }
        "corr" => match arguments.first() {
            Some(Val::Series(other)) if other.len() == series.len() => {
                Ok(Val::Float(compute::correlation(series, other)))
            }
            _ => Err(Trouble::types("corr needs another column")),
        },
        "agg" | "aggregate" => {
            let how = arguments.first().ok_or_else(|| Trouble::types("agg needs a function"))?;
            let names = function_names(how)?;
            if !matches!(how, Val::List(_)) {
                return call(series, &names[0], &Arguments::default());
            }
            let cells =
                names.iter().map(|name| compute::aggregate(name, series)).collect::<Result<Vec<_>, _>>()?;
            let labels = names.iter().map(Cell::text).collect();
            Ok(Val::Series(Series::new(series.name.as_deref(), Index::labels(None, labels), cells)))
        }
        "reset_index" => {
            if arguments.flag("drop", false)? {
                return Ok(Val::Series(Series { index: Index::Range(series.len()), ..series.clone() }));
            }
            let mut column = series.clone();
            if let Some(name) = arguments.text(usize::MAX, "name")? {
                column.name = Some(name);
            }
            Ok(Val::Frame(reset_index(&Frame::of(series.index.clone(), vec![column]), false)))
        }
        "groupby" => match arguments.get(0, "by") {
            Some(Val::Series(key)) => {
                Group::of_series(series.clone(), vec![key.clone()], arguments).map(Val::Group)
            }
            _ => Err(Trouble::unknown("groupby of a column by anything but a column")),
        },
        "items" | "iteritems" => Err(Trouble::unknown("loops")),
        _ => Err(Trouble::unknown(&format!("'{name}' of a column"))),
    }
}

/// Methods that give a column again.
fn shaped(series: &Series, name: &str, arguments: &Arguments) -> Result<Option<Series>, Trouble> {
    Ok(Some(match name {
        "head" | "tail" => series.take(&ends(name, series.len(), arguments)?),
        "copy" | "infer_objects" | "squeeze" => series.clone(),
        "value_counts" => value_counts(
            series,
            arguments.flag("normalize", false)?,
            arguments.flag("ascending", false)?,
            arguments.flag("dropna", true)?,
        ),
        "describe" => compute::described(series),
        "mode" => {
            let modes = compute::modes(series);
            Series::new(series.name.as_deref(), Index::Range(modes.len()), modes)
        }
        "isnull" | "isna" => series.map(|cell| Cell::Bool(cell.is_null())),
        "notnull" | "notna" => series.map(|cell| Cell::Bool(!cell.is_null())),
        "dropna" => {
            series.take(&(0..series.len()).filter(|r| !series.cells[*r].is_null()).collect::<Vec<_>>())
        }
        "fillna" => {
            let value = arguments.get(0, "value").and_then(Val::cell);
            let value = value.ok_or_else(|| Trouble::unknown("fillna without a value"))?;
            series.map(|cell| if cell.is_null() { value.clone() } else { cell.clone() })
        }
        "sort_values" => {
            let ascending = arguments.flag("ascending", true)?;
            series.take(&compute::sorted(&[(&series.cells, ascending)])?)
        }
        "sort_index" => series.take(&sorted_labels(&series.index, arguments)?),
        "nlargest" | "nsmallest" => {
            let count = arguments.integer(0, "n")?.unwrap_or(5).max(0) as usize;
            let rows = compute::sorted(&[(&series.cells, name == "nsmallest")])?;
            let rows: Vec<usize> =
                rows.into_iter().filter(|row| !series.cells[*row].is_null()).take(count).collect();
            series.take(&rows)
        }
        "isin" => {
            let values = arguments.get(0, "values").and_then(Val::cells);
            let values = values
                .ok_or_else(|| Trouble::types("only list-like objects are allowed to be passed to isin()"))?;
            let made = series.map(|cell| Cell::Bool(values.iter().any(|value| cell.equals(value))));
            if made.len() == 0 { made.typed(Dtype::Bool) } else { made }
        }
        "between" => {
            let bound = |place, name| arguments.get(place, name).and_then(Val::cell);
            let (Some(low), Some(high)) = (bound(0, "left"), bound(1, "right")) else {
                return Err(Trouble::types("between needs two values"));
            };
            let inside = |cell: &Cell| {
                cell.order(&low).is_some_and(|o| o.is_ge()) && cell.order(&high).is_some_and(|o| o.is_le())
            };
            series.map(|cell| Cell::Bool(inside(cell)))
        }
        "drop_duplicates" => {
            let mut seen = std::collections::HashSet::new();
            series.take(
                &(0..series.len()).filter(|row| seen.insert(series.cells[*row].key())).collect::<Vec<_>>(),
            )
        }
        "duplicated" => {
            let mut seen = std::collections::HashSet::new();
            series.map(|cell| Cell::Bool(!seen.insert(cell.key())))
        }
        "rename" => Series { name: arguments.text(0, "name")?, ..series.clone() },
        "abs" | "round" | "cumsum" | "diff" | "pct_change" | "rank" => numeric(series, name, arguments)?,
        "astype" => cast(series, arguments)?,
        "apply" | "map" => match arguments.first() {
            Some(Val::Name(function)) => applied(series, function)?,
            Some(Val::Dict(pairs)) => series.map(|cell| {
                let found = pairs.iter().find(|(key, _)| key.cell().is_some_and(|key| key.equals(cell)));
                found.and_then(|(_, value)| value.cell()).unwrap_or(Cell::Null)
            }),
            _ => return Err(Trouble::unknown("a function of your own")),
        },
        _ => return Ok(None),
    }))
}

/// The first or the last rows.
pub(super) fn ends(name: &str, count: usize, arguments: &Arguments) -> Result<Vec<usize>, Trouble> {
    let wanted = arguments.integer(0, "n")?.unwrap_or(5);
    let slice = match (name, wanted) {
        ("head", wanted) => Val::Slice(None, Some(wanted), None),
        (_, 0) => return Ok(Vec::new()),
        (_, wanted) => Val::Slice(Some(-wanted), None, None),
    };
    slice_rows(&slice, count)
}

/// The rows in the order of their labels.
pub(super) fn sorted_labels(index: &Index, arguments: &Arguments) -> Result<Vec<usize>, Trouble> {
    let ascending = arguments.flag("ascending", true)?;
    let levels = index.levels();
    let by: Vec<(&[Cell], bool)> = levels.iter().map(|(_, cells)| (cells.as_slice(), ascending)).collect();
    compute::sorted(&by)
}

fn quantiles(series: &Series, arguments: &Arguments) -> Result<Val, Trouble> {
    let numbers: Vec<f64> = series.cells.iter().filter_map(Cell::number).collect();
    let share = |value: &Val| {
        let share = value.cell().and_then(|cell| cell.number()).filter(|share| (0.0..=1.0).contains(share));
        share.ok_or_else(|| Trouble::value("percentiles should all be in the interval [0, 1]"))
    };
    match arguments.get(0, "q") {
        None => Ok(Val::Float(compute::quantile(&numbers, 0.5))),
        Some(Val::List(shares)) => {
            let shares = shares.iter().map(share).collect::<Result<Vec<_>, _>>()?;
            let cells = shares.iter().map(|share| float(compute::quantile(&numbers, *share))).collect();
            let labels = shares.iter().map(|share| Cell::Float(*share)).collect();
            Ok(Val::Series(Series::new(series.name.as_deref(), Index::labels(None, labels), cells)))
        }
        Some(one) => Ok(Val::Float(compute::quantile(&numbers, share(one)?))),
    }
}

/// Half to even, as numpy rounds.
pub(super) fn rounded(number: f64, digits: i64) -> f64 {
    let scale = 10_f64.powi(digits.clamp(-300, 300) as i32);
    let made = (number * scale).round_ties_even() / scale;
    if made.is_finite() { made } else { number }
}

fn numeric(series: &Series, name: &str, arguments: &Arguments) -> Result<Series, Trouble> {
    if series.dtype == Dtype::Object && series.len() > 0 {
        return Err(Trouble::types(format!("{name} needs numbers, and the column holds texts")));
    }
    let digits = if name == "round" { arguments.integer(0, "decimals")?.unwrap_or(0) } else { 0 };
    let mut total = 0.0;
    let mut before: Option<f64> = None;
    let order: Vec<f64> = series.cells.iter().filter_map(Cell::number).collect();
    let made = series.map(|cell| {
        let Some(number) = cell.number() else { return Cell::Null };
        match (name, cell) {
            ("abs", Cell::Int(value)) => Cell::Int(value.wrapping_abs()),
            ("abs", _) => Cell::Float(number.abs()),
            ("round", Cell::Int(value)) => Cell::Int(*value),
            ("round", _) => Cell::Float(rounded(number, digits)),
            ("rank", _) => Cell::Float(rank(&order, number)),
            ("cumsum", _) => {
                total += number;
                if series.dtype == Dtype::Float { Cell::Float(total) } else { Cell::Int(total as i64) }
            }
            (_, _) => {
                let previous = before.replace(number);
                let change = |previous: f64| match name {
                    "diff" => number - previous,
                    _ => number / previous - 1.0,
                };
                float(previous.map_or(f64::NAN, change))
            }
        }
    });
    Ok(made)
}

/// The mean of the places that equal values share.
fn rank(all: &[f64], number: f64) -> f64 {
    let below = all.iter().filter(|other| **other < number).count();
    let equal = all.iter().filter(|other| **other == number).count();
    below as f64 + (equal as f64 + 1.0) / 2.0
}

fn cast(series: &Series, arguments: &Arguments) -> Result<Series, Trouble> {
    let wanted = match arguments.get(0, "dtype") {
        Some(Val::Text(name) | Val::Name(name)) => name.clone(),
        _ => return Err(Trouble::types("astype needs a type")),
    };
    let dtype = match wanted.rsplit('.').next().unwrap_or_default() {
        "int" | "int64" | "int32" | "Int64" => Dtype::Int,
        "float" | "float64" | "float32" => Dtype::Float,
        "bool" => Dtype::Bool,
        "str" | "object" | "string" | "category" => Dtype::Object,
        other => return Err(Trouble::unknown(&format!("the type {other}"))),
    };
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

fn applied(series: &Series, function: &str) -> Result<Series, Trouble> {
    match function {
        "len" => Ok(series.map(|cell| match cell {
            Cell::Text(text) => Cell::Int(text.chars().count() as i64),
            _ => Cell::Null,
        })),
        "str" | "int" | "float" | "bool" => {
            let arguments = Arguments { positional: vec![Val::Name(function.to_owned())], named: Vec::new() };
            cast(series, &arguments)
        }
        "abs" | "round" => numeric(series, function, &Arguments::default()),
        "str.lower" => Ok(series.map(|cell| Cell::text(cell.shown().to_lowercase()))),
        "str.upper" => Ok(series.map(|cell| Cell::text(cell.shown().to_uppercase()))),
        _ => Err(Trouble::unknown("a function of your own")),
    }
}
