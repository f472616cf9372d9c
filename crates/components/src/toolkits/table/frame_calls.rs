//! Methods of a table.

use super::answer::{MAX_LIST, Trouble, Val};
use super::call::{self, Arguments};
use super::cell::{Cell, Dtype};
use super::compute::{self, AGGREGATES, needs_numbers, places};
use super::evaluate;
use super::frame::{Frame, Index, Series};
use super::group::{Group, function_names};
use super::print;
use super::select::reset_index;
use super::series_calls::{self, ends, sorted_labels};

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
        "columns" => Val::Labels(frame.names(), Dtype::Object),
        "index" => match frame.index {
            Index::Range(count) => Val::Name(format!("RangeIndex(start=0, stop={count}, step=1)")),
            _ => series_calls::index_labels(&frame.index),
        },
        "dtypes" => {
            let types = frame.columns.iter().map(|column| Cell::text(column.dtype.name())).collect();
            Val::Series(Series::new(None, Index::labels(None, frame.names()), types).typed(Dtype::Object))
        }
        "loc" | "at" => Val::Loc(Box::new(Val::Frame(frame.clone()))),
        "iloc" | "iat" => Val::Iloc(Box::new(Val::Frame(frame.clone()))),
        _ => return None,
    })
}

/// A method of a table.
pub(super) fn call(frame: &Frame, name: &str, arguments: &Arguments) -> Result<Val, Trouble> {
    if AGGREGATES.contains(&name) && name != "mode" {
        return aggregated(frame, name, arguments);
    }
    if let Some(made) = shaped(frame, name, arguments)? {
        return Ok(Val::Frame(made));
    }
    match name {
        "groupby" => {
            let by = arguments.get(0, "by").ok_or_else(|| Trouble::types("groupby needs a column's name"))?;
            match by {
                Val::Series(series) => match &series.name {
                    Some(name) if frame.column(name).is_some_and(|column| column.cells == series.cells) => {
                        Group::new(frame, std::slice::from_ref(name), arguments)
                    }
                    _ => return Err(Trouble::unknown("groupby by anything but columns")),
                },
                by => Group::new(frame, &call::names(by)?, arguments),
            }
            .map(Val::Group)
        }
        "value_counts" => counted(frame, arguments),
        "duplicated" => {
            let rows = distinct_rows(frame, arguments)?;
            let cells = (0..frame.rows()).map(|row| Cell::Bool(rows.binary_search(&row).is_err())).collect();
            Ok(Val::Series(Series::new(None, frame.index.clone(), cells)))
        }
        "agg" | "aggregate" => agg(frame, arguments),
        "corr" => {
            let numeric = numeric_columns(frame);
            let labels: Vec<Cell> =
                numeric.iter().map(|series| Cell::text(series.name.as_deref().unwrap_or_default())).collect();
            let index = Index::labels(None, labels);
            let column = |a: &Series| {
                let cells = numeric.iter().map(|b| compute::float(compute::correlation(a, b))).collect();
                Series::new(a.name.as_deref(), index.clone(), cells)
            };
            Ok(Val::Frame(Frame::of(index.clone(), numeric.iter().map(column).collect())))
        }
        "to_string" => Ok(Val::Text(print::frame(frame))),
        "to_dict" => to_dict(frame, arguments),
        "info" => Ok(Val::Text(info(frame))),
        "keys" => Ok(Val::Labels(frame.names(), Dtype::Object)),
        "idxmax" | "idxmin" => per_column(numeric_columns(frame), |series| {
            series_calls::call(series, name, &Arguments::default())
                .map(|value| value.cell().unwrap_or(Cell::Null))
        }),
        "sample" => Err(Trouble::unknown("a random choice")),
        "iterrows" | "itertuples" | "items" | "apply" | "applymap" | "pipe" => {
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
            let name =
                arguments.names(0, "keys")?.and_then(|names| names.into_iter().next()).unwrap_or_default();
            let key = frame.column(&name).ok_or_else(|| Trouble::key(&Cell::text(&name)))?;
            let rest =
                frame.all_series().into_iter().filter(|series| series.name.as_ref() != Some(&name)).collect();
            Frame::of(Index::Labels(Some(name), key.cells), rest)
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
            Frame::of(frame.index.clone(), rest.collect())
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

fn each(frame: &Frame, mut make: impl FnMut(&Series) -> Result<Series, Trouble>) -> Result<Frame, Trouble> {
    let columns = frame.all_series().iter().map(&mut make).collect::<Result<_, _>>()?;
    Ok(Frame::of(frame.index.clone(), columns))
}

fn chosen(frame: &Frame, names: Option<&[String]>) -> Result<Vec<Series>, Trouble> {
    let Some(names) = names else { return Ok(frame.all_series()) };
    names.iter().map(|name| frame.column(name).ok_or_else(|| Trouble::key(&Cell::text(name)))).collect()
}

fn numeric_columns(frame: &Frame) -> Vec<Series> {
    frame.all_series().into_iter().filter(|series| series.dtype.is_number()).collect()
}

fn per_column(
    columns: Vec<Series>,
    mut make: impl FnMut(&Series) -> Result<Cell, Trouble>,
) -> Result<Val, Trouble> {
    let labels =
        columns.iter().map(|series| Cell::text(series.name.as_deref().unwrap_or_default())).collect();
    let cells = columns.iter().map(&mut make).collect::<Result<Vec<_>, _>>()?;
    Ok(Val::Series(Series::new(None, Index::labels(None, labels), cells)))
}

fn aggregated(frame: &Frame, name: &str, arguments: &Arguments) -> Result<Val, Trouble> {
    let only_numbers = arguments.flag("numeric_only", needs_numbers(name))?;
    // Truth values count as numbers here.
    let columns =
        frame.all_series().into_iter().filter(|series| !only_numbers || series.dtype != Dtype::Object);
    let columns: Vec<Series> = columns.collect();
    if arguments.axis(0)? == 1 {
        let cells = (0..frame.rows()).map(|row| {
            let cells = columns.iter().map(|series| series.cells[row].clone()).collect();
            compute::aggregate(name, &Series::new(None, Index::Range(columns.len()), cells))
        });
        let cells = cells.collect::<Result<Vec<_>, _>>()?;
        return Ok(Val::Series(Series::new(None, frame.index.clone(), cells)));
    }
    per_column(columns, |series| compute::aggregate(name, series))
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
    let keys = (0..frame.rows()).map(|row| columns.iter().map(|series| series.cells[row].key()).collect());
    Ok(places(keys).iter().map(|rows| rows[0]).collect())
}

fn counted(frame: &Frame, arguments: &Arguments) -> Result<Val, Trouble> {
    let columns = chosen(frame, arguments.names(0, "subset")?.as_deref())?;
    let by: Vec<String> = columns.iter().filter_map(|series| series.name.clone()).collect();
    match Group::new(frame, &by, &Arguments::default())?.call("size", &Arguments::default())? {
        Val::Series(sizes) => {
            let rows = compute::sorted(&[(&sizes.cells, false)])?;
            Ok(Val::Series(Series { name: Some("count".to_owned()), ..sizes.take(&rows) }))
        }
        other => Ok(other),
    }
}

fn agg(frame: &Frame, arguments: &Arguments) -> Result<Val, Trouble> {
    let how = arguments.first().ok_or_else(|| Trouble::types("agg needs a function"))?;
    let columns_and_names: Vec<(Series, Vec<String>)> = match how {
        Val::Dict(pairs) => {
            let pair = |(column, how): &(Val, Val)| {
                let name = column.shown();
                let series = frame.column(&name).ok_or_else(|| Trouble::key(&Cell::text(&name)))?;
                Ok((series, function_names(how)?))
            };
            pairs.iter().map(pair).collect::<Result<_, Trouble>>()?
        }
        how => {
            let names = function_names(how)?;
            if !matches!(how, Val::List(_)) {
                return call(frame, &names[0], &Arguments::default());
            }
            let columns = if names.iter().any(|name| needs_numbers(name)) {
                numeric_columns(frame)
            } else {
                frame.all_series()
            };
            columns.into_iter().map(|series| (series, names.clone())).collect()
        }
    };
    if columns_and_names.iter().all(|(_, names)| names.len() == 1) && matches!(how, Val::Dict(_)) {
        let hows: Vec<String> = columns_and_names.iter().map(|(_, names)| names[0].clone()).collect();
        let mut hows = hows.iter();
        let columns = columns_and_names.into_iter().map(|(series, _)| series).collect();
        return per_column(columns, |series| {
            compute::aggregate(hows.next().map_or("count", String::as_str), series)
        });
    }
    let mut all: Vec<String> = Vec::new();
    for (_, names) in &columns_and_names {
        all.extend(names.iter().filter(|name| !all.contains(name)).cloned().collect::<Vec<_>>());
    }
    let index = Index::labels(None, all.iter().map(Cell::text).collect());
    let column = |(series, names): &(Series, Vec<String>)| {
        let cell = |name: &String| {
            if names.contains(name) { compute::aggregate(name, series) } else { Ok(Cell::Null) }
        };
        let cells = all.iter().map(cell).collect::<Result<Vec<_>, _>>()?;
        Ok(Series::new(series.name.as_deref(), index.clone(), cells))
    };
    let columns = columns_and_names.iter().map(column).collect::<Result<_, Trouble>>()?;
    Ok(Val::Frame(Frame::of(index.clone(), columns)))
}

fn described(frame: &Frame, arguments: &Arguments) -> Result<Frame, Trouble> {
    if arguments.get(usize::MAX, "include").is_some() {
        return Err(Trouble::unknown("describe with include; describe a column by itself,"));
    }
    let numeric = numeric_columns(frame);
    let columns = if numeric.is_empty() { frame.all_series() } else { numeric };
    let made: Vec<Series> = columns.iter().map(compute::described).collect();
    let index = made.first().map_or(Index::Range(0), |series| series.index.clone());
    Ok(Frame::of(index, made))
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

fn to_dict(frame: &Frame, arguments: &Arguments) -> Result<Val, Trouble> {
    if frame.rows() * frame.columns.len() > MAX_LIST {
        return Err(Trouble::memory());
    }
    let row = |row: usize| {
        let pair =
            |column: &super::frame::Column| (Val::Text(column.name.clone()), Val::of(&column.cells[row]));
        Val::Dict(frame.columns.iter().map(pair).collect())
    };
    match arguments.text(0, "orient")?.as_deref() {
        Some("records") => Ok(Val::List((0..frame.rows()).map(row).collect())),
        Some("list") => {
            let list = |column: &super::frame::Column| Val::List(column.cells.iter().map(Val::of).collect());
            Ok(Val::Dict(
                frame.columns.iter().map(|column| (Val::Text(column.name.clone()), list(column))).collect(),
            ))
        }
        None | Some("dict") => {
            let column = |series: &Series| {
                let pair = |row: usize| (Val::of(&series.index.label(row)), Val::of(&series.cells[row]));
                Val::Dict((0..series.len()).map(pair).collect())
            };
            let pairs = frame.all_series().into_iter();
            Ok(Val::Dict(
                pairs
                    .map(|series| (Val::Text(series.name.clone().unwrap_or_default()), column(&series)))
                    .collect(),
            ))
        }
        Some(_) => Err(Trouble::unknown("this orient")),
    }
}

fn info(frame: &Frame) -> String {
    let rows = frame.rows();
    let width = frame.columns.iter().map(|column| column.name.chars().count()).max().unwrap_or(0).max(6);
    let mut lines = vec![
        "<class 'pandas.core.frame.DataFrame'>".to_owned(),
        format!("RangeIndex: {rows} entries, 0 to {}", rows.saturating_sub(1)),
        format!("Data columns (total {} columns):", frame.columns.len()),
        format!(" #   {:<width$}  Non-Null Count  Dtype  ", "Column"),
        format!("---  {:<width$}  --------------  -----  ", "------"),
    ];
    for (at, column) in frame.columns.iter().enumerate() {
        let present = column.cells.iter().filter(|cell| !cell.is_null()).count();
        let count = format!("{present} non-null");
        lines.push(format!(" {at:<3} {:<width$}  {count:<14}  {:<7}", column.name, column.dtype.name()));
    }
    lines.join("\n")
}
