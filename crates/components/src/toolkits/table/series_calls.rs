//! Methods of a column.

use super::aggregates::{self, AGGREGATES, float};
use super::answer::{MAX_LIST, Trouble, Val};
use super::call::Arguments;
use super::cast::{applied, cast};
use super::cell::{Cell, Dtype};
use super::compute::{self, distinct, value_counts};
use super::frame::{Frame, Index, Series};
use super::group::{Group, function_names};
use super::numbers::numeric;
use super::select::{reset_index, slice_rows};
use super::{compare, export, pivot, print};

/// What is never a label behind a dot.
const RESERVED: &[&str] = &[
    "str", "dt", "loc", "at", "iloc", "iat", "values", "array", "index", "name", "dtype", "shape", "size",
    "empty",
];
/// What columns of lists can be asked.
const OF_LISTS: &[&str] = &[
    "head",
    "tail",
    "tolist",
    "to_list",
    "to_dict",
    "to_frame",
    "reset_index",
    "apply",
    "isnull",
    "isna",
    "notnull",
    "notna",
    "count",
    "size",
    "dropna",
    "sort_index",
    "items",
];
/// What columns of dates can be asked, beside aggregates.
const OF_DATES: &[&str] = &[
    "head",
    "tail",
    "tolist",
    "to_list",
    "to_dict",
    "to_frame",
    "reset_index",
    "isnull",
    "isna",
    "notnull",
    "notna",
    "dropna",
    "sort_values",
    "sort_index",
    "nlargest",
    "nsmallest",
    "isin",
    "between",
    "drop_duplicates",
    "duplicated",
    "rename",
    "idxmax",
    "idxmin",
    "gt",
    "lt",
    "ge",
    "le",
    "eq",
    "ne",
    "shift",
    "groupby",
    "copy",
    "item",
    "agg",
    "aggregate",
    "astype",
];

/// What stands behind a dot without being called; `None` where it is no such thing.
pub(super) fn attribute(series: &Series, name: &str) -> Option<Val> {
    // A row's values go by the names of its columns.
    if let Index::Labels(_, labels) = &series.index
        && !RESERVED.contains(&name)
        && let Some(row) =
            labels.iter().position(|label| matches!(label, Cell::Text(text) if **text == *name))
    {
        return Some(Val::of(&series.cells[row]));
    }
    Some(match name {
        "str" => Val::Strings(series.clone()),
        "dt" if series.dtype == Dtype::Time => Val::Dates(series.clone()),
        "loc" | "at" => Val::Loc(Box::new(Val::Series(series.clone()))),
        "iloc" | "iat" => Val::Iloc(Box::new(Val::Series(series.clone()))),
        "values" | "array" => Val::Array(series.cells.to_vec()),
        "index" => index_labels(&series.index),
        "name" => match (&series.name, &series.index) {
            // A row's name is its label.
            (Some(name), Index::Labels(None, _)) if name.parse::<i64>().is_ok() => {
                Val::Int(name.parse().unwrap_or_default())
            }
            (name, _) => name.clone().map_or(Val::None, Val::Text),
        },
        "dtype" => Val::Dtype(series.dtype),
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
        Index::Range(count) => Val::Counting(*count),
        Index::Levels(names, _) => {
            Val::Tuples((0..index.len()).map(|row| export::label(index, row)).collect(), names.clone())
        }
        Index::Labels(name, labels) => Val::Labels(labels.to_vec(), Dtype::of(labels), name.clone()),
    }
}

/// A method of a column.
pub(super) fn call(series: &Series, name: &str, arguments: &Arguments) -> Result<Val, Trouble> {
    if series.dtype == Dtype::List && !OF_LISTS.contains(&name) {
        return Err(Trouble::unknown(&format!("'{name}' of a column of lists")));
    }
    if series.dtype == Dtype::Time && !OF_DATES.contains(&name) && !AGGREGATES.contains(&name) {
        return Err(Trouble::unknown(&format!("'{name}' of a column of dates")));
    }
    if AGGREGATES.contains(&name) && name != "mode" {
        return aggregated(series, name, arguments);
    }
    if let Some(made) = shaped(series, name, arguments)? {
        return Ok(Val::Series(made));
    }
    if matches!(name, "tolist" | "to_list" | "to_dict" | "items") && series.len() > MAX_LIST {
        return Err(Trouble::memory());
    }
    match name {
        "unique" => Ok(Val::Array(distinct(series.cells.iter()))),
        "tolist" | "to_list" => super::each::items(&Val::Series(series.clone())).map(Val::List),
        "to_numpy" => Ok(Val::Array(series.cells.to_vec())),
        "to_dict" => Ok(export::of_series(series)),
        "to_frame" => Ok(Val::Frame(Frame::of(series.index.clone(), vec![series.clone()]))),
        "to_string" => {
            if series.len() > 60 {
                return Err(Trouble::unknown("to_string of a long column; a table's to_string,"));
            }
            let shown = print::series(series);
            Ok(Val::Text(shown.rsplit_once('\n').map_or(shown.clone(), |(rows, _)| rows.to_owned())))
        }
        "item" => match series.cells.as_slice() {
            [one] => Ok(Val::of(one)),
            _ => Err(Trouble::value("can only convert an array of size 1 to a Python scalar")),
        },
        "quantile" => quantiles(series, arguments),
        "sem" if series.dtype.is_number() => {
            let count = aggregates::present_numbers(series).len() as f64;
            Ok(Val::Float(aggregates::variance(series, 1).sqrt() / count.sqrt()))
        }
        "idxmax" | "idxmin" => {
            let wanted = aggregates::aggregate(if name == "idxmax" { "max" } else { "min" }, series)?;
            let row = series.cells.iter().position(|cell| !cell.is_null() && cell.equals(&wanted));
            Ok(row.map_or(Val::Float(f64::NAN), |row| export::label(&series.index, row)))
        }
        "corr" => match arguments.first() {
            Some(Val::Series(other)) if other.len() == series.len() => {
                Ok(Val::Float(aggregates::correlation(series, other)))
            }
            _ => Err(Trouble::types("corr needs another column")),
        },
        "agg" | "aggregate" => {
            let how = arguments.first().ok_or_else(|| Trouble::types("agg needs a function"))?;
            let names = function_names(how)?;
            if !matches!(how, Val::List(_)) {
                return call(series, &names[0], &Arguments::default());
            }
            let cells = names
                .iter()
                .map(|name| aggregates::aggregate(name, series))
                .collect::<Result<Vec<_>, _>>()?;
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
        "unstack" => {
            let fill = arguments.get(usize::MAX, "fill_value").and_then(Val::cell);
            pivot::unstack(series, fill.as_ref()).map(Val::Frame)
        }
        "groupby" => match arguments.get(0, "by") {
            Some(Val::Series(key)) => Group::of_series(series.clone(), vec![key.clone()], arguments)
                .map(|group| Val::Group(Box::new(group))),
            Some(Val::List(keys)) if !keys.is_empty() => {
                let key = |key: &Val| if let Val::Series(key) = key { Some(key.clone()) } else { None };
                let keys: Option<Vec<Series>> = keys.iter().map(key).collect();
                let keys =
                    keys.ok_or_else(|| Trouble::unknown("groupby of a column by anything but columns"))?;
                Group::of_series(series.clone(), keys, arguments).map(|group| Val::Group(Box::new(group)))
            }
            _ => Err(Trouble::unknown("groupby of a column by anything but a column")),
        },
        "items" => match export::of_series(&series.labelled_once()?) {
            Val::Dict(pairs) => {
                Ok(Val::List(pairs.into_iter().map(|(key, value)| Val::Tuple(vec![key, value])).collect()))
            }
            other => Ok(other),
        },
        _ => Err(Trouble::unknown(&format!("'{name}' of a column"))),
    }
}

/// One value of a column.
fn aggregated(series: &Series, name: &str, arguments: &Arguments) -> Result<Val, Trouble> {
    arguments.ignore(&["numeric_only"]);
    arguments.axis(usize::MAX)?;
    if !arguments.flag("skipna", true)? {
        return Err(Trouble::unknown("skipna=False"));
    }
    if let ("std" | "var", Some(less)) = (name, arguments.integer(usize::MAX, "ddof")?) {
        if series.dtype == Dtype::Object {
            return Err(Trouble::types("the column holds no numbers"));
        }
        let variance = aggregates::variance(series, less.clamp(0, 1_000) as usize);
        return Ok(Val::Float(if name == "std" { variance.sqrt() } else { variance }));
    }
    if name == "nunique" {
        arguments.ignore(&["dropna"]);
        if !arguments.flag("dropna", true)? {
            return Ok(Val::Int(distinct(series.cells.iter()).len() as i64));
        }
    }
    aggregates::aggregate(name, series).map(|cell| Val::of(&cell))
}

/// Methods that give a column again.
fn shaped(series: &Series, name: &str, arguments: &Arguments) -> Result<Option<Series>, Trouble> {
    Ok(Some(match name {
        "head" | "tail" => series.take(&ends(name, series.len(), arguments)?),
        "copy" | "infer_objects" | "squeeze" => series.clone(),
        "value_counts" if series.dtype == Dtype::Time => {
            return Err(Trouble::unknown("value_counts of dates"));
        }
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
            arguments.ignore(&["kind"]);
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
            let values = arguments.get(0, "values").and_then(|values| match values {
                Val::Dict(pairs) => pairs.iter().map(|(key, _)| key.cell()).collect(),
                values => values.cells(),
            });
            let values = values
                .ok_or_else(|| Trouble::types("only list-like objects are allowed to be passed to isin()"))?;
            // Texts beside dates are dates.
            let value = |value: &Cell| value.cast(Dtype::Time).filter(|_| series.dtype == Dtype::Time);
            let known: std::collections::HashSet<_> =
                values.iter().map(|cell| value(cell).as_ref().unwrap_or(cell).same()).collect();
            let made = series.map(|cell| Cell::Bool(known.contains(&cell.same())));
            if made.len() == 0 { made.typed(Dtype::Bool) } else { made }
        }
        "between" => {
            let bound = |place, name| arguments.get(place, name).and_then(Val::cell);
            let (Some(low), Some(high)) = (bound(0, "left"), bound(1, "right")) else {
                return Err(Trouble::types("between needs two values"));
            };
            let (with_low, with_high) = match arguments.text(usize::MAX, "inclusive")?.as_deref() {
                None | Some("both") => (true, true),
                Some("left") => (true, false),
                Some("right") => (false, true),
                Some("neither") => (false, false),
                Some(_) => {
                    return Err(Trouble::value(
                        "Inclusive has to be either string of 'both', 'left', 'right', or 'neither'.",
                    ));
                }
            };
            let inside = |cell: &Cell| {
                cell.order(&low).is_some_and(|o| o.is_gt() || (with_low && o.is_eq()))
                    && cell.order(&high).is_some_and(|o| o.is_lt() || (with_high && o.is_eq()))
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
        "abs" | "round" | "cumsum" | "cummax" | "cummin" | "diff" | "pct_change" | "rank" => {
            numeric(series, name, arguments)?
        }
        "astype" => cast(series, arguments)?,
        "apply" | "map" => match arguments.first() {
            Some(Val::Name(function)) => applied(series, function)?,
            Some(Val::Dict(pairs)) if name == "map" => {
                let known = pairs.iter().filter_map(|(key, value)| Some((key.cell()?.same(), value.cell())));
                let known: std::collections::HashMap<_, _> = known.collect();
                series.map(|cell| match known.get(&cell.same()) {
                    Some(Some(value)) if !cell.is_null() => value.clone(),
                    _ => Cell::Null,
                })
            }
            _ => return Err(Trouble::unknown("a function of your own")),
        },
        _ => return compare::call(series, name, arguments),
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
        None => Ok(Val::Float(aggregates::quantile(&numbers, 0.5))),
        Some(Val::List(shares)) => {
            let shares = shares.iter().map(share).collect::<Result<Vec<_>, _>>()?;
            let cells = shares.iter().map(|share| float(aggregates::quantile(&numbers, *share))).collect();
            let labels = shares.iter().map(|share| Cell::Float(*share)).collect();
            Ok(Val::Series(Series::new(series.name.as_deref(), Index::labels(None, labels), cells)))
        }
        Some(one) => Ok(Val::Float(aggregates::quantile(&numbers, share(one)?))),
    }
}
