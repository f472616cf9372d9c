//! Square brackets: columns by name, rows by mask, by place and by label.

use super::answer::{Trouble, Val};
use super::call;
use super::cell::{Cell, Dtype};
use super::frame::{Frame, Header, Index, Series};
use super::string_calls;

/// Labels that a list of labels is compared with.
const MAX_LOOKS: usize = 50_000_000;

/// `value[key]`.
pub(super) fn subscript(value: &Val, key: &Val) -> Result<Val, Trouble> {
    match value {
        Val::Frame(frame) => of_frame(frame, key),
        Val::Series(series) => of_series(series, key),
        Val::Group(group) => {
            let single = !matches!(key, Val::List(_) | Val::Tuple(_));
            group.select(&call::names(key)?, single).map(|group| Val::Group(Box::new(group)))
        }
        Val::Strings(series) => string_calls::part_of(series, key),
        Val::Iloc(inner) => by_place(inner, key),
        Val::Loc(inner) => by_label(inner, key),
        Val::Dict(pairs) => {
            let wanted = key.repr();
            let found = pairs.iter().find(|(key, _)| key.repr() == wanted).map(|(_, value)| value.clone());
            found.ok_or_else(|| Trouble(format!("KeyError: {wanted}")))
        }
        Val::Tuples(items, _) if matches!(key, Val::Int(_)) => of_list(items, key, false),
        Val::List(items) | Val::Tuple(items) => of_list(items, key, matches!(value, Val::Tuple(_))),
        Val::Array(_) | Val::Labels(..) | Val::Counting(_) => {
            let cells = value.cells().unwrap_or_default();
            let items: Vec<Val> = cells.iter().map(Val::of).collect();
            match of_list(&items, key, false)? {
                Val::List(items) => Ok(Val::Array(items.iter().filter_map(Val::cell).collect())),
                one => Ok(one),
            }
        }
        Val::Text(text) => {
            let letters: Vec<Val> = text.chars().map(|c| Val::Text(c.to_string())).collect();
            match of_list(&letters, key, false)? {
                Val::List(letters) => Ok(Val::Text(letters.iter().map(Val::shown).collect())),
                one => Ok(one),
            }
        }
        Val::Matrix(_) => Err(Trouble::unknown("a part of .values; .iloc,")),
        other => Err(Trouble::types(format!("'{}' object is not subscriptable", other.kind()))),
    }
}

fn of_frame(frame: &Frame, key: &Val) -> Result<Val, Trouble> {
    match key {
        Val::Series(mask) => mask_rows(mask, frame.rows()).map(|rows| Val::Frame(frame.take(&rows))),
        Val::Slice(..) => Ok(Val::Frame(frame.take(&slice_rows(key, frame.rows())?))),
        Val::List(items) if items.iter().any(|item| matches!(item, Val::Bool(_))) => {
            Ok(Val::Frame(frame.take(&list_mask(items, frame.rows())?)))
        }
        Val::List(_) | Val::Labels(..) | Val::Array(_) => columns(frame, key).map(Val::Frame),
        key => {
            let name = key.cell().ok_or_else(|| Trouble::types("a column is named by a string"))?;
            frame.column(&name.shown()).map(Val::Series).ok_or_else(|| Trouble::key(&name))
        }
    }
}

/// Some of the columns, in the order of the names.
pub(super) fn columns(frame: &Frame, key: &Val) -> Result<Frame, Trouble> {
    let names = call::names(key)?;
    let missing: Vec<_> = names.iter().filter(|name| frame.column(name).is_none()).collect();
    if !missing.is_empty() {
        let missing: Vec<_> = missing.iter().map(|name| Cell::text(name).repr()).collect();
        let sentence = format!("[{}] not in index", missing.join(", "));
        return Err(Trouble::key(&Cell::text(sentence)));
    }
    Ok(frame.made(frame.index.clone(), names.iter().filter_map(|name| frame.column(name)).collect()))
}

fn of_series(series: &Series, key: &Val) -> Result<Val, Trouble> {
    match key {
        Val::Series(mask) => mask_rows(mask, series.len()).map(|rows| Val::Series(series.take(&rows))),
        Val::Slice(..) => Ok(Val::Series(series.take(&slice_rows(key, series.len())?))),
        Val::List(items) if items.iter().any(|item| matches!(item, Val::Bool(_))) => {
            Ok(Val::Series(series.take(&list_mask(items, series.len())?)))
        }
        Val::List(items) => Ok(Val::Series(series.take(&rows_of(&series.index, items)?))),
        Val::Tuple(_) => by_label(&Val::Series(series.clone()), key),
        key if matches!(series.index, Index::Levels(..)) => {
            let rows = row_of(&series.index, key)?;
            let index = series.index.inner(&rows);
            let index = index.ok_or_else(|| Trouble::unknown("a label of such an index"))?;
            Ok(Val::Series(Series { index, ..series.take(&rows) }))
        }
        key => match row_of(&series.index, key) {
            Ok(rows) if rows.len() == 1 => Ok(Val::of(&series.cells[rows[0]])),
            Ok(rows) => Ok(Val::Series(series.take(&rows))),
            // Where labels are texts, a number is a place.
            Err(trouble) => match key {
                Val::Int(place) if matches!(series.index.label_type(), Some(Dtype::Object)) => {
                    Ok(Val::of(&series.cells[at(*place, series.len())?]))
                }
                _ => Err(trouble),
            },
        },
    }
}

impl Index {
    fn label_type(&self) -> Option<Dtype> {
        match self {
            Self::Labels(_, labels) => Some(Dtype::of(labels)),
            _ => None,
        }
    }
}

fn of_list(items: &[Val], key: &Val, is_tuple: bool) -> Result<Val, Trouble> {
    match key {
        Val::Int(place) => {
            let kind = if is_tuple { "tuple" } else { "list" };
            let at = at(*place, items.len());
            at.map(|at| items[at].clone()).map_err(|_| Trouble::index(&format!("{kind} index out of range")))
        }
        Val::Slice(..) => {
            let chosen = slice_rows(key, items.len())?.into_iter().map(|row| items[row].clone()).collect();
            Ok(if is_tuple { Val::Tuple(chosen) } else { Val::List(chosen) })
        }
        other => {
            Err(Trouble::types(format!("list indices must be integers or slices, not {}", other.kind())))
        }
    }
}

/// A place counted from the end where it is negative.
fn at(place: i64, length: usize) -> Result<usize, Trouble> {
    let place = if place < 0 { place + length as i64 } else { place };
    usize::try_from(place)
        .ok()
        .filter(|place| *place < length)
        .ok_or_else(|| Trouble::index("single positional indexer is out-of-bounds"))
}

fn mask_rows(mask: &Series, count: usize) -> Result<Vec<usize>, Trouble> {
    if mask.cells.iter().any(|cell| !matches!(cell, Cell::Bool(_) | Cell::Null)) {
        return Err(Trouble::key(&Cell::text("a filter is a column of truth values, such as df['a'] > 1")));
    }
    if mask.len() != count {
        return Err(Trouble::value("the filter has not as many rows as what it filters"));
    }
    Ok(mask.true_rows())
}

fn list_mask(items: &[Val], count: usize) -> Result<Vec<usize>, Trouble> {
    if items.len() != count {
        return Err(Trouble::value("the filter has not as many rows as what it filters"));
    }
    Ok((0..count).filter(|row| matches!(items[*row], Val::Bool(true))).collect())
}

/// The rows of a slice, as Python counts them.
pub(super) fn slice_rows(key: &Val, count: usize) -> Result<Vec<usize>, Trouble> {
    let Val::Slice(start, stop, step) = key else {
        return Err(Trouble::types("a slice is made of integers"));
    };
    let step = step.unwrap_or(1);
    let count = count as i64;
    let clamp =
        |place: i64, low: i64, high: i64| (if place < 0 { place + count } else { place }).clamp(low, high);
    let mut rows = Vec::new();
    if step > 0 {
        let stop = stop.map_or(count, |stop| clamp(stop, 0, count));
        let mut row = start.map_or(0, |start| clamp(start, 0, count));
        while row < stop {
            rows.push(row as usize);
            row = row.saturating_add(step);
        }
    } else if step < 0 {
        let stop = stop.map_or(-1, |stop| clamp(stop, -1, count - 1));
        let mut row = start.map_or(count - 1, |start| clamp(start, -1, count - 1));
        while row > stop {
            rows.push(row as usize);
            row = row.saturating_add(step);
        }
    } else {
        return Err(Trouble::value("slice step cannot be zero"));
    }
    Ok(rows)
}

/// `iloc[rows]` and `iloc[rows, columns]`.
fn by_place(value: &Val, key: &Val) -> Result<Val, Trouble> {
    let (rows, chosen) = split(key);
    let places = |key: &Val, count: usize| -> Result<(Vec<usize>, bool), Trouble> {
        match key {
            Val::Int(place) => Ok((vec![at(*place, count)?], true)),
            Val::Slice(..) => Ok((slice_rows(key, count)?, false)),
            Val::LabelSlice(None, None) => Ok(((0..count).collect(), false)),
            Val::Series(mask) => Ok((mask_rows(mask, count)?, false)),
            Val::List(items) => {
                let place = |item: &Val| match item {
                    Val::Int(place) => at(*place, count),
                    _ => Err(Trouble::types("iloc takes integers")),
                };
                Ok((items.iter().map(place).collect::<Result<_, _>>()?, false))
            }
            _ => Err(Trouble::types("Cannot index by location index with a non-integer key")),
        }
    };
    match value {
        Val::Series(series) => {
            let (rows, single) = places(rows, series.len())?;
            Ok(if single { Val::of(&series.cells[rows[0]]) } else { Val::Series(series.take(&rows)) })
        }
        Val::Frame(frame) => {
            let (rows, one_row) = places(rows, frame.rows())?;
            let Some(chosen) = chosen else { return Ok(row_or_rows(frame, &rows, one_row)) };
            let (columns, one_column) = places(chosen, frame.columns.len())?;
            let columns = columns.iter().map(|at| frame.series(&frame.columns[*at])).collect();
            Ok(crossing(&Frame::of(frame.index.clone(), columns), &rows, one_row, one_column))
        }
        other => Err(Trouble::types(format!("'{}' has no iloc", other.kind()))),
    }
}

/// `loc[rows]` and `loc[rows, columns]`.
fn by_label(value: &Val, key: &Val) -> Result<Val, Trouble> {
    let levels = match value {
        Val::Series(series) => matches!(series.index, Index::Levels(..)),
        Val::Frame(frame) => matches!(frame.index, Index::Levels(..)),
        _ => false,
    };
    if levels && key.cell().is_some() {
        return of_outer(value, key);
    }
    if let (true, Val::Tuple(parts)) = (levels, key) {
        let count = match value {
            Val::Series(series) => series.index.levels().len(),
            Val::Frame(frame) => frame.index.levels().len(),
            _ => 0,
        };
        if parts.len() != count || parts.iter().any(|part| part.cell().is_none()) {
            return Err(Trouble::unknown("some of the levels of a label"));
        }
    }
    let (rows, chosen) = if levels { (key, None) } else { split(key) };
    match value {
        Val::Series(series) => {
            let (rows, single) = labelled(&series.index, rows)?;
            Ok(if single { Val::of(&series.cells[rows[0]]) } else { Val::Series(series.take(&rows)) })
        }
        Val::Frame(frame) => {
            let (rows, one_row) = labelled(&frame.index, rows)?;
            let Some(chosen) = chosen else { return Ok(row_or_rows(frame, &rows, one_row)) };
            match chosen {
                Val::LabelSlice(None, None) | Val::Slice(None, None, None) => {
                    Ok(crossing(frame, &rows, one_row, false))
                }
                Val::LabelSlice(start, stop) => {
                    let names = frame.names();
                    let place = |cell: &Cell| {
                        names.iter().position(|name| name == cell).ok_or_else(|| Trouble::key(cell))
                    };
                    let start = start.as_ref().map(place).transpose()?.unwrap_or(0);
                    let stop = stop.as_ref().map(place).transpose()?.unwrap_or(names.len().saturating_sub(1));
                    let part = names.get(start..=stop).unwrap_or_default().to_vec();
                    Ok(crossing(&columns(frame, &Val::Array(part))?, &rows, one_row, false))
                }
                Val::List(_) => Ok(crossing(&columns(frame, chosen)?, &rows, one_row, false)),
                one => {
                    let only =
                        columns(frame, one).map_err(|_| Trouble::key(&one.cell().unwrap_or(Cell::Null)))?;
                    Ok(crossing(&only, &rows, one_row, true))
                }
            }
        }
        other => Err(Trouble::types(format!("'{}' has no loc", other.kind()))),
    }
}

/// A label of the outermost level: what is left has the others.
fn of_outer(value: &Val, key: &Val) -> Result<Val, Trouble> {
    match value {
        Val::Series(series) => of_series(series, key),
        Val::Frame(frame) => {
            let rows = row_of(&frame.index, key)?;
            let index = frame.index.inner(&rows);
            let index = index.ok_or_else(|| Trouble::unknown("a label of such an index"))?;
            Ok(Val::Frame(frame.made(index, frame.take(&rows).all_series())))
        }
        other => Err(Trouble::types(format!("'{}' has no loc", other.kind()))),
    }
}

fn split(key: &Val) -> (&Val, Option<&Val>) {
    match key {
        Val::Tuple(parts) if parts.len() == 2 => (&parts[0], Some(&parts[1])),
        key => (key, None),
    }
}

fn row_or_rows(frame: &Frame, rows: &[usize], one: bool) -> Val {
    if one { Val::Series(frame.row(rows[0])) } else { Val::Frame(frame.take(rows)) }
}

fn crossing(frame: &Frame, rows: &[usize], one_row: bool, one_column: bool) -> Val {
    match (one_row, one_column) {
        (true, true) => Val::of(&frame.columns[0].cells[rows[0]]),
        (true, false) => Val::Series(frame.row(rows[0])),
        (false, true) => Val::Series(frame.series(&frame.columns[0]).take(rows)),
        (false, false) => Val::Frame(frame.take(rows)),
    }
}

/// The rows of labels, and whether it is one row by its only label.
fn labelled(index: &Index, key: &Val) -> Result<(Vec<usize>, bool), Trouble> {
    match key {
        Val::Series(mask) => Ok((mask_rows(mask, index.len())?, false)),
        Val::LabelSlice(None, None) | Val::Slice(None, None, None) => Ok(((0..index.len()).collect(), false)),
        Val::LabelSlice(start, stop) => {
            let first = |label: &Cell| index.find(label).first().copied().ok_or_else(|| Trouble::key(label));
            let last = |label: &Cell| match (index, label) {
                // Beyond the last row is the last row.
                (Index::Range(count), Cell::Int(row)) => Ok((*row).min(*count as i64 - 1).max(0) as usize),
                _ => index.find(label).last().copied().ok_or_else(|| Trouble::key(label)),
            };
            let start = start.as_ref().map(first).transpose()?.unwrap_or(0);
            let stop = stop.as_ref().map(last).transpose()?.unwrap_or(index.len().saturating_sub(1));
            Ok(((start..index.len().min(stop + 1)).collect(), false))
        }
        Val::List(items) if items.iter().any(|item| matches!(item, Val::Bool(_))) => {
            Ok((list_mask(items, index.len())?, false))
        }
        Val::List(items) => Ok((rows_of(index, items)?, false)),
        key => {
            let rows = row_of(index, key)?;
            let single = rows.len() == 1;
            Ok((rows, single))
        }
    }
}

/// The rows of several labels, each looked for among all.
fn rows_of(index: &Index, labels: &[Val]) -> Result<Vec<usize>, Trouble> {
    let looked_at = if matches!(index, Index::Range(_)) { 1 } else { index.len() };
    if labels.len().saturating_mul(looked_at) > MAX_LOOKS {
        return Err(Trouble::memory());
    }
    let mut rows = Vec::new();
    for label in labels {
        rows.extend(row_of(index, label)?);
        if rows.len() > MAX_LOOKS / 10 {
            return Err(Trouble::memory());
        }
    }
    Ok(rows)
}

fn row_of(index: &Index, label: &Val) -> Result<Vec<usize>, Trouble> {
    if let (Index::Levels(_, levels), Val::Tuple(parts)) = (index, label) {
        let parts: Option<Vec<Cell>> = parts.iter().map(Val::cell).collect();
        let parts = parts.ok_or_else(|| Trouble::types("a label is a value"))?;
        let fits = |row: &usize| levels.iter().zip(&parts).all(|(level, part)| level[*row].equals(part));
        let rows: Vec<usize> = (0..index.len()).filter(fits).collect();
        return if rows.is_empty() { Err(Trouble(format!("KeyError: {}", label.repr()))) } else { Ok(rows) };
    }
    let label = label.cell().ok_or_else(|| Trouble::types("a label is a value"))?;
    if let (Index::Labels(_, labels), Cell::Text(_)) = (index, &label)
        && labels.iter().any(|label| matches!(label, Cell::Time(_)))
    {
        return Err(Trouble::unknown("a date as a label; a filter over the column,"));
    }
    let rows = index.find(&label);
    if rows.is_empty() { Err(Trouble::key(&label)) } else { Ok(rows) }
}

/// The index as columns, and a new one that counts.
pub(super) fn reset_index(frame: &Frame, drop: bool) -> Frame {
    let fresh = Index::Range(frame.rows());
    let mut columns = Vec::new();
    if !drop {
        for (name, cells) in frame.index.levels() {
            columns.push(Series::new(Some(name.as_deref().unwrap_or("index")), fresh.clone(), cells));
        }
    }
    columns.extend(frame.all_series());
    let header = Header { dtype: Dtype::Object, ..frame.header.clone() };
    let header = if drop { frame.header.clone() } else { header };
    Frame { header, ..Frame::of(fresh, columns) }
}
