//! What groups give beside one aggregate: lists, summaries, and a value for every row.

use super::aggregates::{self, AGGREGATES};
use super::answer::{Trouble, Val};
use super::call::Arguments;
use super::cell::{Cell, Dtype};
use super::compute::{self, distinct};
use super::frame::{Frame, Series};
use super::group::{Group, function_names};
use super::series_calls::ends;

/// A method that is no aggregate.
pub(super) fn call(group: &Group, name: &str, arguments: &Arguments) -> Result<Val, Trouble> {
    let unknown = || Trouble::unknown(&format!("'{name}' of groups"));
    if matches!(name, "head" | "tail") {
        return heads(group, name, arguments);
    }
    if name == "apply" && matches!(arguments.first(), Some(Val::Name(function)) if function == "len") {
        return group.series(group.rows.iter().map(|rows| Cell::Int(rows.len() as i64)).collect());
    }
    if name == "get_group" {
        let wanted = arguments.first().and_then(Val::cell).ok_or_else(unknown)?;
        return group.part(&wanted).ok_or_else(|| Trouble::key(&wanted));
    }
    if let ("cumcount", None, Some(any)) = (name, group.single(), group.columns.first()) {
        return by_row(group, any, name, arguments);
    }
    let series = group.single().ok_or_else(|| {
        Trouble::unknown(&format!("'{name}' of groups of several columns; choose one column,"))
    })?;
    let taken = || group.rows.iter().map(|rows| series.take(rows));
    match name {
        "apply" | "agg" | "aggregate" => {
            match function_names(arguments.first().ok_or_else(unknown)?)?.as_slice() {
                [how] if how == "list" => group.series(taken().map(|part| list(&part, false)).collect()),
                [how] if matches!(how.as_str(), "max" | "min" | "sum") => group
                    .series(taken().map(|part| aggregates::of_group(how, &part)).collect::<Result<_, _>>()?),
                [how] if how == "size" => {
                    group.series(group.rows.iter().map(|rows| Cell::Int(rows.len() as i64)).collect())
                }
                _ => Err(unknown()),
            }
        }
        "unique" => group.series(
            taken()
                .map(|part| list(&Series { cells: distinct(part.cells.iter()).into(), ..part }, true))
                .collect(),
        ),
        "describe" if series.dtype.is_number() => described(group, series),
        "idxmax" | "idxmin" => {
            let cells = taken().map(|part| {
                let found = super::series_calls::call(&part, name, &Arguments::default())?;
                Ok(found.cell().unwrap_or(Cell::Null))
            });
            group.series(cells.collect::<Result<_, Trouble>>()?)
        }
        "quantile" if series.dtype.is_number() => {
            let share = arguments.get(0, "q").map_or(Some(0.5), |q| q.cell().and_then(|cell| cell.number()));
            let share = share.filter(|share| (0.0..=1.0).contains(share)).ok_or_else(unknown)?;
            let quantile = |part: Series| {
                aggregates::float(aggregates::quantile(&aggregates::present_numbers(&part), share))
            };
            group.series(taken().map(quantile).collect())
        }
        "transform" => transformed(group, series, arguments),
        "cumsum" | "cumcount" | "shift" | "diff" => by_row(group, series, name, arguments),
        _ => Err(unknown()),
    }
}

fn list(part: &Series, is_array: bool) -> Cell {
    Cell::List(std::sync::Arc::new(super::cell::Items { cells: part.cells.to_vec(), is_array }))
}

/// The first rows of each group, in the order of the table.
fn heads(group: &Group, name: &str, arguments: &Arguments) -> Result<Val, Trouble> {
    let mut chosen = Vec::new();
    for rows in &group.rows {
        chosen.extend(ends(name, rows.len(), arguments)?.into_iter().map(|at| rows[at]));
    }
    chosen.sort_unstable();
    Ok(match group.single() {
        Some(series) => Val::Series(series.take(&chosen)),
        None => Val::Frame(group.whole.take(&chosen)),
    })
}

fn described(group: &Group, series: &Series) -> Result<Val, Trouble> {
    let parts: Vec<Series> = group.rows.iter().map(|rows| compute::described(&series.take(rows))).collect();
    let Some(first) = parts.first() else { return Err(Trouble::unknown("describe of no groups")) };
    let column = |at: usize| {
        let cells = parts.iter().map(|part| part.cells[at].clone()).collect();
        Series::new(Some(&first.index.label(at).shown()), group.index(), cells).typed(Dtype::Float)
    };
    Ok(Val::Frame(Frame::of(group.index(), (0..first.len()).map(column).collect())))
}

/// The aggregate of its group for every row.
fn transformed(group: &Group, series: &Series, arguments: &Arguments) -> Result<Val, Trouble> {
    let how = arguments.first().ok_or_else(|| Trouble::types("transform needs a function"))?;
    let how = function_names(how)?;
    let [how] = how.as_slice() else { return Err(Trouble::unknown("several functions in transform")) };
    if how == "cumsum" {
        return by_row(group, series, how, &Arguments::default());
    }
    if !AGGREGATES.contains(&how.as_str()) || how == "mode" {
        return Err(Trouble::unknown("this function in transform"));
    }
    let mut cells = vec![Cell::Null; series.len()];
    for rows in &group.rows {
        let value = aggregates::of_group(how, &series.take(rows))?;
        rows.iter().for_each(|row| cells[*row] = value.clone());
    }
    Ok(Val::Series(Series::new(series.name.as_deref(), series.index.clone(), cells)))
}

/// What goes on from row to row inside each group.
fn by_row(group: &Group, series: &Series, name: &str, arguments: &Arguments) -> Result<Val, Trouble> {
    let mut cells = vec![Cell::Null; series.len()];
    for rows in &group.rows {
        let part = series.take(rows);
        let made = match name {
            "cumcount" => (0..rows.len()).map(|at| Cell::Int(at as i64)).collect(),
            name => match super::series_calls::call(&part, name, arguments)? {
                Val::Series(made) => made.cells.to_vec(),
                _ => return Err(Trouble::unknown(&format!("'{name}' of groups"))),
            },
        };
        rows.iter().zip(made).for_each(|(row, cell)| cells[*row] = cell);
    }
    let name = series.name.as_deref().filter(|_| name != "cumcount");
    Ok(Val::Series(Series::new(name, series.index.clone(), cells)))
}
