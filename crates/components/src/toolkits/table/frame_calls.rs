//! Methods of a table.

use super::aggregates::{self, AGGREGATES};
use super::answer::{MAX_LIST, Trouble, Val};
use super::call::Arguments;
use super::cell::{Cell, Dtype};
use super::compute::{self, places};
use super::frame::{Frame, Index, Series};
use super::group::{Group, function_names};
use super::select::reset_index;
use super::series_calls::{self, ends, sorted_labels};
use super::summary::{agg, aggregated, correlated, described};
use super::turn::{matrix, transposed};
use super::{assign, compare, evaluate, export, info, pivot, print};

/// What would not keep the header of a table.
const LOSE_HEADER: &[&str] = &[
    "agg",
    "aggregate",
    "corr",
    "groupby",
    "pivot_table",
    "rename",
    "select_dtypes",
    "set_index",
    "value_counts",
];

/// What stands behind a dot without being called; `None` where it is no such thing.
pub(super) fn attribute(frame: &Frame, name: &str) -> Option<Val> {
    if let Some(column) = frame.column(name) {
        return Some(Val::Series(column));
    }
    let (rows, columns) = (frame.rows() as i64, frame.columns.len() as i64);
    Some(match name {
        "shape" => Val::Tuple(vec![Val::Int(rows), Val::Int(columns)]),
        "size" => Val::Int(rows * columns),
        "empty" => Val::Bool(rows * columns == 0),
        "ndim" => Val::Int(2),
        "columns" => column_labels(frame),
        "index" => series_calls::index_labels(&frame.index),
        "values" => matrix(frame),
        "T" => return transposed(frame).map(Val::Frame),
        "dtypes" => {
            let types = frame.columns.iter().map(|column| Cell::text(column.dtype.name())).collect();
            Val::Series(Series::new(None, Index::labels(None, frame.names()), types).typed(Dtype::Object))
        }
        "loc" | "at" => Val::Loc(Box::new(Val::Frame(frame.clone()))),
        "iloc" | "iat" => Val::Iloc(Box::new(Val::Frame(frame.clone()))),
        _ => return None,
    })
}

fn column_labels(frame: &Frame) -> Val {
    Val::Labels(frame.names(), frame.header.dtype, frame.header.name.clone())
}

/// A method of a table.
pub(super) fn call(frame: &Frame, name: &str, arguments: &Arguments) -> Result<Val, Trouble> {
    let has_header = frame.header.name.is_some() || frame.header.dtype != Dtype::Object;
    if has_header && LOSE_HEADER.contains(&name) {
        return Err(Trouble::unknown(&format!("'{name}' of a table whose columns were made of values")));
    }
    if AGGREGATES.contains(&name) && name != "mode" {
        return aggregated(frame, name, arguments);
    }
    if let Some(made) = shaped(frame, name, arguments)? {
        return Ok(Val::Frame(made));
    }
    if let Some(made) = export::call(frame, name, arguments)? {
        return Ok(made);
    }
    match name {
        "groupby" => {
            let by = arguments.get(0, "by").ok_or_else(|| Trouble::types("groupby needs a column's name"))?;
            Group::new(frame, by, arguments).map(|group| Val::Group(Box::new(group)))
        }
        "value_counts" => counted(frame, arguments),
        "duplicated" => {
            let rows = distinct_rows(frame, arguments)?;
            let cells = (0..frame.rows()).map(|row| Cell::Bool(rows.binary_search(&row).is_err())).collect();
            Ok(Val::Series(Series::new(None, frame.index.clone(), cells)))
        }
        "agg" | "aggregate" => agg(frame, arguments),
        "corr" => {
            let numeric = correlated(frame, arguments)?;
            let labels: Vec<Cell> =
                numeric.iter().map(|series| Cell::text(series.name.as_deref().unwrap_or_default())).collect();
            let index = Index::labels(None, labels);
            let column = |a: &Series| {
                let cells =
                    numeric.iter().map(|b| aggregates::float(aggregates::correlation(a, b))).collect();
                Series::new(a.name.as_deref(), index.clone(), cells)
            };
            Ok(Val::Frame(Frame::of(index.clone(), numeric.iter().map(column).collect())))
        }
        "to_string" => {
            if frame.rows() * frame.columns.len() > MAX_LIST {
                return Err(Trouble::memory());
            }
            let shape = print::Shape { all_rows: true, index: arguments.flag("index", true)? };
            Ok(Val::Text(print::shaped(frame, shape)))
        }
        "info" => info::info(frame).map(Val::Text),
        "keys" => Ok(column_labels(frame)),
        "transpose" => transposed(frame).map(Val::Frame).ok_or_else(|| Trouble::unknown("T of this table")),
        "to_numpy" => Ok(matrix(frame)),
        "pivot_table" => pivot::pivot_table(frame, 0, arguments).map(Val::Frame),
        "idxmax" | "idxmin" => per_column(frame, numeric_columns(frame), |series| {
            series_calls::call(series, name, &Arguments::default())
                .map(|value| value.cell().unwrap_or(Cell::Null))
        }),
        "sample" => Err(Trouble::unknown("a random choice")),
        "iterrows" | "itertuples" | "items" | "apply" | "applymap" | "pipe" | "melt" | "stack" => {
            Err(Trouble::unknown("a loop or a function of your own"))
        }
        _ => Err(Trouble::unknown(&format!("'{name}' of a table"))),
    }
}

/// Methods that give a table again.
fn shaped(frame: &Frame, name: &str, arguments: &Arguments) -> Result<Option<Frame>, Trouble> {
    if arguments.flag("inplace", false)? {
        return Err(Trouble::unknown("inplace=True; assign the result to a name instead,"));
    }
    Ok(Some(match name {
        "head" | "tail" => frame.take(&ends(name, frame.rows(), arguments)?),
        "copy" | "convert_dtypes" | "infer_objects" => frame.clone(),
        "describe" => described(frame, arguments)?,
        "isnull" | "isna" | "notnull" | "notna" => {
            let wanted = name.starts_with("is");
            each(frame, |series| Ok(series.map(|cell| Cell::Bool(cell.is_null() == wanted))))?
        }
        "fillna" if matches!(arguments.get(0, "value"), Some(Val::Dict(_))) => filled(frame, arguments)?,
        "fillna" if frame.columns.iter().any(|c| c.dtype == Dtype::Time) => {
            return Err(Trouble::unknown("fillna of a table with dates; choose columns,"));
        }
        "fillna" | "round" | "abs" | "cumsum" => each(frame, |series| {
            let numeric = name == "fillna" || series.dtype.is_number();
            if !numeric {
                return Ok(series.clone());
            }
            match series_calls::call(series, name, arguments)? {
                Val::Series(series) => Ok(series),
                _ => Ok(series.clone()),
            }
        })?,
        "dropna" => {
            let subset = arguments.names(usize::MAX, "subset")?;
            let looked_at = chosen(frame, subset.as_deref())?;
            let complete = |row: &usize| looked_at.iter().all(|series| !series.cells[*row].is_null());
            frame.take(&(0..frame.rows()).filter(complete).collect::<Vec<_>>())
        }
        "drop_duplicates" => frame.take(&distinct_rows(frame, arguments)?),
        "sort_values" => {
            let by = arguments
                .names(0, "by")?
                .ok_or_else(|| Trouble::types("sort_values needs a column's name"))?;
            frame.take(&sorted_rows(frame, &by, arguments.get(usize::MAX, "ascending"))?)
        }
        "sort_index" => frame.take(&sorted_labels(&frame.index, arguments)?),
        "nlargest" | "nsmallest" => {
            let count = arguments.integer(0, "n")?.unwrap_or(5).max(0) as usize;
            let by = arguments
                .names(1, "columns")?
                .ok_or_else(|| Trouble::types(format!("{name} needs a column's name")))?;
            let rows = sorted_rows(frame, &by, Some(&Val::Bool(name == "nsmallest")))?;
            frame.take(&rows.into_iter().take(count).collect::<Vec<_>>())
        }
        "reset_index" => reset_index(frame, arguments.flag("drop", false)?),
        "set_index" => {
            let names = arguments.names(0, "keys")?.unwrap_or_default();
            let [name] = names.as_slice() else {
                return Err(Trouble::unknown("set_index by several columns"));
            };
            let name = name.clone();
            let key = frame.column(&name).ok_or_else(|| Trouble::key(&Cell::text(&name)))?;
            let rest =
                frame.all_series().into_iter().filter(|series| series.name.as_ref() != Some(&name)).collect();
            arguments.ignore(&["drop"]);
            if !arguments.flag("drop", true)? {
                return Err(Trouble::unknown("set_index with drop=False"));
            }
            frame.made(Index::Labels(Some(name), key.cells), rest)
        }
        "assign" => {
            let mut frame = frame.clone();
            for (name, value) in arguments.all_named() {
                frame = assign::with_column(&frame, name, value)?;
            }
            frame
        }
        "replace" => {
            let mut changed = 0;
            let made = each(frame, |series| {
                if !matches!(series.dtype, Dtype::Object | Dtype::Int | Dtype::Float) {
                    return Ok(series.clone());
                }
                changed += 1;
                compare::call(series, "replace", arguments).map(|made| made.unwrap_or_else(|| series.clone()))
            })?;
            if changed == 0 {
                return Err(Trouble::unknown("replace here"));
            }
            made
        }
        "query" => {
            let condition =
                arguments.text(0, "expr")?.ok_or_else(|| Trouble::types("query needs a condition"))?;
            match evaluate::condition(frame, &condition)? {
                Val::Series(mask) => frame.take(&mask.true_rows()),
                _ => return Err(Trouble::value("a query is a condition over columns")),
            }
        }
        "drop" => {
            let names = match arguments.names(usize::MAX, "columns")? {
                Some(names) => names,
                None if arguments.axis(1)? == 1 => arguments.names(0, "labels")?.unwrap_or_default(),
                None => return Err(Trouble::unknown("drop of rows; filter instead,")),
            };
            if let Some(missing) = names.iter().find(|name| frame.column(name).is_none()) {
                return Err(Trouble::key(&Cell::text(format!("['{missing}'] not found in axis"))));
            }
            let rest = frame
                .all_series()
                .into_iter()
                .filter(|series| !names.iter().any(|name| series.name.as_ref() == Some(name)));
            frame.made(frame.index.clone(), rest.collect())
        }
        "rename" => renamed(frame, arguments)?,
        "select_dtypes" => {
            let wanted = arguments.get(0, "include").map(function_names).transpose()?.unwrap_or_default();
            let fits = |series: &Series| {
                wanted.iter().any(|name| match name.as_str() {
                    "number" => series.dtype.is_number(),
                    "int" | "float" | "bool" | "object" => series.dtype.name().starts_with(name.as_str()),
                    name => series.dtype.name() == name,
                })
            };
            Frame::of(
                frame.index.clone(),
                frame.all_series().into_iter().filter(|series| fits(series)).collect(),
            )
        }
        _ => return Ok(None),
    }))
}

/// `fillna({'a': 0})`.
fn filled(frame: &Frame, arguments: &Arguments) -> Result<Frame, Trouble> {
    let Some(Val::Dict(pairs)) = arguments.get(0, "value") else { return Ok(frame.clone()) };
    each(frame, |series| {
        let found = pairs.iter().find(|(name, _)| Some(name.shown()) == series.name);
        let Some((_, value)) = found else { return Ok(series.clone()) };
        match series_calls::call(series, "fillna", &Arguments::of(vec![value.clone()]))? {
            Val::Series(series) => Ok(series),
            _ => Ok(series.clone()),
        }
    })
}

fn each(frame: &Frame, mut make: impl FnMut(&Series) -> Result<Series, Trouble>) -> Result<Frame, Trouble> {
    let columns = frame.all_series().iter().map(&mut make).collect::<Result<_, _>>()?;
    Ok(frame.made(frame.index.clone(), columns))
}

fn chosen(frame: &Frame, names: Option<&[String]>) -> Result<Vec<Series>, Trouble> {
    let Some(names) = names else { return Ok(frame.all_series()) };
    names.iter().map(|name| frame.column(name).ok_or_else(|| Trouble::key(&Cell::text(name)))).collect()
}

pub(super) fn numeric_columns(frame: &Frame) -> Vec<Series> {
    frame.all_series().into_iter().filter(|series| series.dtype.is_number()).collect()
}

pub(super) fn per_column(
    frame: &Frame,
    columns: Vec<Series>,
    mut make: impl FnMut(&Series) -> Result<Cell, Trouble>,
) -> Result<Val, Trouble> {
    let labels = frame.made(frame.index.clone(), columns.clone()).names();
    let cells = columns.iter().map(&mut make).collect::<Result<Vec<_>, _>>()?;
    Ok(Val::Series(Series::new(None, Index::labels(frame.header.name.as_deref(), labels), cells)))
}

fn sorted_rows(frame: &Frame, by: &[String], ascending: Option<&Val>) -> Result<Vec<usize>, Trouble> {
    let columns = chosen(frame, Some(by))?;
    let directions: Vec<bool> = match ascending {
        None => vec![true; by.len()],
        Some(Val::Bool(all)) => vec![*all; by.len()],
        Some(Val::List(each)) if each.len() == by.len() => {
            each.iter().map(|one| matches!(one, Val::Bool(true) | Val::Int(1))).collect()
        }
        Some(_) => return Err(Trouble::value("ascending is True, False, or a list of as many")),
    };
    let by: Vec<(&[Cell], bool)> =
        columns.iter().map(|series| series.cells.as_slice()).zip(directions).collect();
    compute::sorted(&by)
}

/// The first rows of each kind, in order.
fn distinct_rows(frame: &Frame, arguments: &Arguments) -> Result<Vec<usize>, Trouble> {
    let columns = chosen(frame, arguments.names(0, "subset")?.as_deref())?;
    if columns.iter().any(|series| series.dtype == Dtype::List) {
        return Err(Trouble::types("unhashable type: 'list'"));
    }
    let keys = (0..frame.rows()).map(|row| columns.iter().map(|series| series.cells[row].key()).collect());
    Ok(places(keys).iter().map(|rows| rows[0]).collect())
}

fn counted(frame: &Frame, arguments: &Arguments) -> Result<Val, Trouble> {
    let columns = chosen(frame, arguments.names(0, "subset")?.as_deref())?;
    let by: Vec<String> = columns.iter().filter_map(|series| series.name.clone()).collect();
    let by = Val::List(by.into_iter().map(Val::Text).collect());
    match Group::new(frame, &by, &Arguments::default())?.call("size", &Arguments::default())? {
        Val::Series(sizes) => {
            let rows = compute::sorted(&[(&sizes.cells, false)])?;
            Ok(Val::Series(Series { name: Some("count".to_owned()), ..sizes.take(&rows) }))
        }
        other => Ok(other),
    }
}

fn renamed(frame: &Frame, arguments: &Arguments) -> Result<Frame, Trouble> {
    let Some(Val::Dict(pairs)) = arguments.get(usize::MAX, "columns") else {
        return Err(Trouble::unknown("rename without columns={…}"));
    };
    each(frame, |series| {
        let name = series.name.clone().unwrap_or_default();
        let new = pairs.iter().find(|(old, _)| old.shown() == name).map(|(_, new)| new.shown());
        Ok(Series { name: Some(new.unwrap_or(name)), ..series.clone() })
    })
}
