//! Functions of the model's own: what takes a `lambda`.

use super::answer::{MAX_LIST, Trouble, Val};
use super::assign::with_column;
use super::call::Arguments;
use super::cell::Cell;
use super::compute;
use super::each::items;
use super::evaluate::Evaluation;
use super::frame::{Frame, Index, Series};
use super::group::Group;

/// A method with a function of the model's own among its arguments.
pub(super) fn call(
    evaluation: &mut Evaluation,
    object: &Val,
    name: &str,
    arguments: &Arguments,
) -> Result<Val, Trouble> {
    match (object, name) {
        (Val::Series(series), "apply" | "map") => {
            let function = function(arguments)?;
            let cells = series
                .cells
                .iter()
                .map(|cell| one(evaluation.apply(function, vec![Val::of(cell)])?))
                .collect::<Result<Vec<_>, _>>()?;
            Ok(Val::Series(Series::new(series.name.as_deref(), series.index.clone(), cells)))
        }
        (Val::Frame(frame), "apply") => applied(evaluation, frame, arguments),
        (Val::Frame(frame), "assign") => {
            let mut frame = frame.clone();
            for (name, value) in arguments.all_named() {
                let value = match value {
                    function @ Val::Lambda(..) => {
                        evaluation.apply(function, vec![Val::Frame(frame.clone())])?
                    }
                    value => value.clone(),
                };
                frame = with_column(&frame, name, &value)?;
            }
            Ok(Val::Frame(frame))
        }
        (Val::Group(group), "transform") => transformed(evaluation, group, arguments),
        (Val::Group(group), "apply" | "agg" | "aggregate") => grouped(evaluation, group, name, arguments),
        _ => Err(Trouble::unknown(&format!("a lambda in '{name}' of a {}", object.kind()))),
    }
}

fn function(arguments: &Arguments) -> Result<&Val, Trouble> {
    arguments.get(0, "func").ok_or_else(|| Trouble::types("a function is needed"))
}

/// The value of a row. pandas would keep `None` apart from `NaN`.
fn one(value: Val) -> Result<Cell, Trouble> {
    match value {
        Val::None => Err(Trouble::unknown("a function that gives None")),
        value => value
            .cell_or_list()
            .ok_or_else(|| Trouble::unknown("a function that gives anything but single values")),
    }
}

/// By rows with `axis=1`, by columns otherwise.
fn applied(evaluation: &mut Evaluation, frame: &Frame, arguments: &Arguments) -> Result<Val, Trouble> {
    let function = function(arguments)?;
    let mut cells = Vec::new();
    if arguments.axis(1)? == 0 {
        for series in frame.all_series() {
            evaluation.work_on(series.len())?;
            cells.push(one(evaluation.apply(function, vec![Val::Series(series)])?)?);
        }
        return Ok(Val::Series(Series::new(None, Index::labels(None, frame.names()), cells)));
    }
    for row in 0..frame.rows() {
        evaluation.work_on(8 * frame.columns.len())?;
        cells.push(one(evaluation.apply(function, vec![Val::Series(frame.row(row))])?)?);
    }
    Ok(Val::Series(Series::new(None, frame.index.clone(), cells)))
}

fn grouped(
    evaluation: &mut Evaluation,
    group: &Group,
    name: &str,
    arguments: &Arguments,
) -> Result<Val, Trouble> {
    let function = function(arguments)?;
    if name != "apply" && group.single().is_none() {
        return Err(Trouble::unknown("agg of several columns by a function of your own"));
    }
    evaluation.work_on(group.count())?;
    let cells = group
        .parts()
        .map(|part| match one(evaluation.apply(function, vec![part])?)? {
            Cell::List(_) => Err(Trouble::unknown("a function of groups that gives lists")),
            cell => Ok(cell),
        })
        .collect::<Result<Vec<_>, _>>()?;
    group.series(cells)
}

/// By group one value for all its rows, or one for each.
fn transformed(evaluation: &mut Evaluation, group: &Group, arguments: &Arguments) -> Result<Val, Trouble> {
    let function = function(arguments)?;
    let series = group.single().ok_or_else(|| Trouble::unknown("transform of several columns"))?;
    evaluation.work_on(group.count())?;
    let mut cells = vec![Cell::Null; series.len()];
    for rows in &group.rows {
        let made = match evaluation.apply(function, vec![Val::Series(series.take(rows))])? {
            Val::Series(made) if made.len() == rows.len() => made.cells.to_vec(),
            Val::Series(_) => return Err(Trouble::unknown("transform into other rows")),
            value => vec![one(value)?; rows.len()],
        };
        rows.iter().zip(made).for_each(|(row, cell)| cells[*row] = cell);
    }
    Ok(Val::Series(Series::new(series.name.as_deref(), series.index.clone(), cells)))
}

/// `sorted(values, key=lambda …)`.
pub(super) fn sorted(evaluation: &mut Evaluation, arguments: &Arguments) -> Result<Val, Trouble> {
    let values = items(arguments.first().unwrap_or(&Val::None))?;
    let key = arguments.get(usize::MAX, "key").ok_or_else(|| Trouble::types("a key is needed"))?;
    let keys = values
        .iter()
        .map(|value| {
            let key = evaluation.apply(key, vec![value.clone()])?.cell();
            key.ok_or_else(|| Trouble::unknown("a key that is no single value"))
        })
        .collect::<Result<Vec<_>, _>>()?;
    let rows = compute::sorted(&[(&keys, !arguments.flag("reverse", false)?)])?;
    Ok(Val::List(rows.into_iter().take(MAX_LIST).map(|row| values[row].clone()).collect()))
}
