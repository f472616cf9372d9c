//! Long tables made wide.

use super::answer::{Trouble, Val};
use super::call::Arguments;
use super::cell::{Cell, Dtype};
use super::compute;
use super::frame::{Frame, Header, Index, Series};
use super::group::{Group, function_names};

/// Values that a wide table may have.
const MOST: usize = 1_000_000;

/// The innermost level of the labels as columns.
pub(super) fn unstack(series: &Series, fill: Option<&Cell>) -> Result<Frame, Trouble> {
    let Index::Levels(names, levels) = &series.index else {
        return Err(Trouble::unknown("unstack without several levels"));
    };
    let (Some((across, outer)), Some((name, names))) = (levels.split_last(), names.split_last()) else {
        return Err(Trouble::unknown("unstack without several levels"));
    };
    let labels = sorted_labels(across)?;
    if labels.iter().any(Cell::is_null) {
        return Err(Trouble::unknown("unstack with a missing label"));
    }
    let rows =
        compute::places((0..series.len()).map(|row| outer.iter().map(|level| level[row].key()).collect()));
    if rows.len() * labels.len() > MOST {
        return Err(Trouble::memory());
    }
    let firsts: Vec<Vec<Cell>> =
        outer.iter().map(|level| rows.iter().map(|rows| level[rows[0]].clone()).collect()).collect();
    let by: Vec<(&[Cell], bool)> = firsts.iter().map(|cells| (cells.as_slice(), true)).collect();
    let order = compute::sorted(&by)?;
    let mut columns = vec![vec![fill.cloned().unwrap_or(Cell::Null); rows.len()]; labels.len()];
    let places: std::collections::HashMap<_, _> =
        labels.iter().enumerate().map(|(at, label)| (label.key(), at)).collect();
    for (place, at) in order.iter().enumerate() {
        for row in &rows[*at] {
            let column = places.get(&across[*row].key()).copied().unwrap_or(0);
            columns[column][place] = series.cells[*row].clone();
        }
    }
    let ordered = |cells: &Vec<Cell>| order.iter().map(|at| cells[*at].clone()).collect::<Vec<_>>();
    let index = match (names, firsts.as_slice()) {
        ([name], [cells]) => Index::labels(Some(name), ordered(cells)),
        _ => Index::Levels(names.to_vec(), std::sync::Arc::new(firsts.iter().map(ordered).collect())),
    };
    let typed = |made: Series| {
        let kept = made.dtype == Dtype::Float || !made.cells.iter().any(Cell::is_null);
        if kept && series.dtype == Dtype::Float { made.typed(Dtype::Float) } else { made }
    };
    let column =
        |(label, cells): (&Cell, Vec<Cell>)| typed(Series::new(Some(&label.shown()), index.clone(), cells));
    let mut columns: Vec<Series> = labels.iter().zip(columns).map(column).collect();
    // What is missing in one makes all of them floating.
    if series.dtype.is_number() && columns.iter().any(|column| column.dtype == Dtype::Float) {
        columns = columns.into_iter().map(floating).collect();
    }
    let header = Header { name: Some(name.clone()), dtype: Dtype::of(&labels) };
    Ok(Frame { header, ..Frame::of(index, columns) })
}

fn floating(series: Series) -> Series {
    series.map(|cell| cell.number().map_or(Cell::Null, Cell::Float)).typed(Dtype::Float)
}

fn sorted_labels(cells: &[Cell]) -> Result<Vec<Cell>, Trouble> {
    let labels = compute::distinct(cells.iter());
    let rows = compute::sorted(&[(&labels, true)])?;
    Ok(rows.iter().map(|row| labels[*row].clone()).collect())
}

/// `pivot_table` with one column of values; its arguments start at a place.
pub(super) fn pivot_table(frame: &Frame, place: usize, arguments: &Arguments) -> Result<Frame, Trouble> {
    let one = |at: usize, name: &str| -> Result<Option<String>, Trouble> {
        match arguments.names(place + at, name)?.as_deref() {
            None => Ok(None),
            Some([one]) => Ok(Some(one.clone())),
            Some(_) => Err(Trouble::unknown(&format!("several {name} of a pivot_table"))),
        }
    };
    if matches!(arguments.get(place, "values"), Some(Val::List(_)))
        || matches!(arguments.get(place + 2, "columns"), Some(Val::List(_)))
    {
        return Err(Trouble::unknown("a pivot_table with lists of values or columns"));
    }
    let values = one(0, "values")?.ok_or_else(|| Trouble::unknown("pivot_table without values="))?;
    let index =
        arguments.names(place + 1, "index")?.ok_or_else(|| Trouble::unknown("pivot_table without index="))?;
    let columns = one(2, "columns")?;
    let how = arguments.get(place + 3, "aggfunc").map(function_names).transpose()?;
    let how = how.unwrap_or_else(|| vec!["mean".to_owned()]);
    if matches!(arguments.get(place + 3, "aggfunc"), Some(Val::List(_))) || how.len() != 1 {
        return Err(Trouble::unknown("several functions in a pivot_table"));
    }
    let how = if how[0] == "size" { "count" } else { how[0].as_str() };
    let fill = arguments.get(usize::MAX, "fill_value").and_then(Val::cell);
    arguments.ignore(&["observed"]);
    let keys = index.iter().chain(&columns).map(|name| Val::Text(name.clone())).collect();
    let group = Group::new(frame, &Val::List(keys), &Arguments::default())?;
    let Val::Series(made) = group.select(&[values], true)?.call(how, &Arguments::default())? else {
        return Err(Trouble::unknown("this pivot_table"));
    };
    let filled = |series: Series| match &fill {
        Some(value) => {
            series.map(|cell| if cell.is_null() { value.clone() } else { cell.clone() }).typed(series.dtype)
        }
        None => series,
    };
    if columns.is_none() {
        return Ok(Frame::of(made.index.clone(), vec![filled(made)]));
    }
    let wide = unstack(&made, fill.as_ref())?;
    // Rows and columns without any value are left out.
    let has_value = |series: &Series| series.cells.iter().any(|cell| !cell.is_null());
    let columns: Vec<Series> = wide.all_series().into_iter().filter(has_value).collect();
    let complete = |row: &usize| columns.iter().any(|column| !column.cells[*row].is_null());
    let rows: Vec<usize> = (0..wide.rows()).filter(complete).collect();
    let columns = columns.iter().map(|series| filled(series.take(&rows))).collect();
    Ok(wide.made(wide.index.take(&rows), columns))
}

/// How often the values of two columns stand together.
pub(super) fn crosstab(index: &Series, columns: &Series) -> Result<Frame, Trouble> {
    if index.name.is_none() || columns.name.is_none() {
        return Err(Trouble::unknown("crosstab of columns without names"));
    }
    let group = Group::of_series(index.clone(), vec![index.clone(), columns.clone()], &Arguments::default())?;
    match group.call("size", &Arguments::default())? {
        Val::Series(sizes) => unstack(&sizes, Some(&Cell::Int(0))),
        _ => Err(Trouble::unknown("this crosstab")),
    }
}
