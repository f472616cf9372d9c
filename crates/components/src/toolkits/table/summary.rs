//! A table in short: aggregates of its columns, correlations, `describe`.

use super::aggregates::{self, needs_numbers};
use super::answer::{Trouble, Val};
use super::call::Arguments;
use super::cell::{Cell, Dtype};
use super::compute;
use super::frame::{Frame, Index, Series};
use super::frame_calls::{call, numeric_columns, per_column};
use super::group::function_names;

pub(super) fn correlated(frame: &Frame, arguments: &Arguments) -> Result<Vec<Series>, Trouble> {
    let only_numbers = arguments.flag("numeric_only", false)?;
    let columns = frame.all_series().into_iter();
    let columns: Vec<Series> = columns.filter(|series| !only_numbers || series.dtype.counts()).collect();
    for series in &columns {
        match series.dtype {
            Dtype::Time | Dtype::List => return Err(Trouble::unknown("corr of dates or lists")),
            Dtype::Object => {
                let text = series.cells.iter().find(|cell| matches!(cell, Cell::Text(_)));
                let text = text.map(Cell::repr).unwrap_or_default();
                return Err(Trouble::value(format!("could not convert string to float: {text}")));
            }
            _ => {}
        }
    }
    Ok(columns)
}

pub(super) fn aggregated(frame: &Frame, name: &str, arguments: &Arguments) -> Result<Val, Trouble> {
    let only_numbers = arguments.flag("numeric_only", needs_numbers(name))?;
    if !arguments.flag("skipna", true)? {
        return Err(Trouble::unknown("skipna=False"));
    }
    // Truth values count as numbers here.
    let columns = frame.all_series().into_iter().filter(|series| !only_numbers || series.dtype.counts());
    let columns: Vec<Series> = columns.collect();
    if arguments.axis(0)? == 1 {
        let cells = (0..frame.rows()).map(|row| {
            let cells = columns.iter().map(|series| series.cells[row].clone()).collect();
            aggregates::aggregate(name, &Series::new(None, Index::Range(columns.len()), cells))
        });
        let cells = cells.collect::<Result<Vec<_>, _>>()?;
        return Ok(Val::Series(Series::new(None, frame.index.clone(), cells)));
    }
    per_column(frame, columns, |series| aggregates::aggregate(name, series))
}

pub(super) fn agg(frame: &Frame, arguments: &Arguments) -> Result<Val, Trouble> {
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
        return per_column(frame, columns, |series| {
            aggregates::aggregate(hows.next().map_or("count", String::as_str), series)
        });
    }
    let mut all: Vec<String> = Vec::new();
    for (_, names) in &columns_and_names {
        all.extend(names.iter().filter(|name| !all.contains(name)).cloned().collect::<Vec<_>>());
    }
    let index = Index::labels(None, all.iter().map(Cell::text).collect());
    let column = |(series, names): &(Series, Vec<String>)| {
        let cell = |name: &String| {
            if names.contains(name) { aggregates::aggregate(name, series) } else { Ok(Cell::Null) }
        };
        let cells = all.iter().map(cell).collect::<Result<Vec<_>, _>>()?;
        Ok(Series::new(series.name.as_deref(), index.clone(), cells))
    };
    let columns = columns_and_names.iter().map(column).collect::<Result<_, Trouble>>()?;
    Ok(Val::Frame(Frame::of(index.clone(), columns)))
}

pub(super) fn described(frame: &Frame, arguments: &Arguments) -> Result<Frame, Trouble> {
    if arguments.get(usize::MAX, "include").is_some() {
        return Err(Trouble::unknown("describe with include; describe a column by itself,"));
    }
    if frame.columns.iter().any(|column| matches!(column.dtype, Dtype::Time | Dtype::List)) {
        return Err(Trouble::unknown("describe of a table with dates or lists; choose columns,"));
    }
    let numeric = numeric_columns(frame);
    let columns = if numeric.is_empty() { frame.all_series() } else { numeric };
    let made: Vec<Series> = columns.iter().map(compute::described).collect();
    let index = made.first().map_or(Index::Range(0), |series| series.index.clone());
    Ok(frame.made(index, made))
}
