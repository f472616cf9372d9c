//! What is worked out from a column beside one value: the order of its values, how often they stand there.

use std::cmp::Ordering;
use std::collections::HashMap;

use super::aggregates::{float, mean, present_numbers, quantile, variance};
use super::answer::Trouble;
use super::cell::{Cell, Dtype, Key};
use super::frame::{Index, Series};

/// The values in the order in which they first stand there.
pub(super) fn distinct<'a>(cells: impl Iterator<Item = &'a Cell>) -> Vec<Cell> {
    let mut seen = std::collections::HashSet::new();
    cells.filter(|cell| seen.insert(cell.key())).cloned().collect()
}

/// The values with the rows where they stand, in the order in which they first stand there.
pub(super) fn places(keys: impl Iterator<Item = Vec<Key>>) -> Vec<Vec<usize>> {
    let mut at: HashMap<Vec<Key>, usize> = HashMap::new();
    let mut places: Vec<Vec<usize>> = Vec::new();
    for (row, key) in keys.enumerate() {
        let place = *at.entry(key).or_insert(places.len());
        if place == places.len() {
            places.push(Vec::new());
        }
        places[place].push(row);
    }
    places
}

/// The most frequent values, sorted.
pub(super) fn modes(series: &Series) -> Vec<Cell> {
    let present: Vec<usize> = (0..series.len()).filter(|row| !series.cells[*row].is_null()).collect();
    let places = places(present.iter().map(|row| vec![series.cells[*row].key()]));
    let most = places.iter().map(Vec::len).max().unwrap_or(0);
    let often = places.iter().filter(|rows| rows.len() == most);
    let mut modes: Vec<Cell> = often.map(|rows| series.cells[present[rows[0]]].clone()).collect();
    modes.sort_by(|a, b| a.order(b).unwrap_or(Ordering::Equal));
    modes
}

/// Rows sorted by columns, each ascending or not; missing values come last, equal ones stay in order.
pub(super) fn sorted(by: &[(&[Cell], bool)]) -> Result<Vec<usize>, Trouble> {
    let count = by.first().map_or(0, |(cells, _)| cells.len());
    for (cells, _) in by {
        if cells.iter().any(|cell| matches!(cell, Cell::List(_))) {
            return Err(Trouble::unknown("an order of lists"));
        }
        let texts = cells.iter().any(|cell| matches!(cell, Cell::Text(_)));
        if texts && cells.iter().any(|cell| cell.number().is_some()) {
            return Err(Trouble::types("'<' not supported between instances of 'str' and 'float'"));
        }
    }
    let mut rows: Vec<usize> = (0..count).collect();
    rows.sort_by(|a, b| {
        let pairs = by.iter().map(|(cells, ascending)| (&cells[*a], &cells[*b], *ascending));
        pairs.fold(Ordering::Equal, |so_far, (a, b, ascending)| {
            so_far.then_with(|| match (a.is_null(), b.is_null()) {
                (true, true) => Ordering::Equal,
                (true, false) => Ordering::Greater,
                (false, true) => Ordering::Less,
                _ if ascending => a.order(b).unwrap_or(Ordering::Equal),
                _ => b.order(a).unwrap_or(Ordering::Equal),
            })
        })
    });
    Ok(rows)
}

/// How often each value stands there, the most frequent first.
pub(super) fn value_counts(series: &Series, normalize: bool, ascending: bool, drop_missing: bool) -> Series {
    let kept: Vec<usize> =
        (0..series.len()).filter(|row| !drop_missing || !series.cells[*row].is_null()).collect();
    let mut places = places(kept.iter().map(|row| vec![series.cells[*row].key()]));
    places.sort_by(|a, b| if ascending { a.len().cmp(&b.len()) } else { b.len().cmp(&a.len()) });
    let labels = places.iter().map(|rows| series.cells[kept[rows[0]]].clone()).collect();
    let share = |rows: &Vec<usize>| match normalize {
        true => Cell::Float(rows.len() as f64 / kept.len() as f64),
        false => Cell::Int(rows.len() as i64),
    };
    let index = Index::labels(series.name.as_deref(), labels);
    let name = if normalize { "proportion" } else { "count" };
    Series::new(Some(name), index, places.iter().map(share).collect())
}

/// pandas' summary of a column.
pub(super) fn described(series: &Series) -> Series {
    let labelled = |pairs: Vec<(&str, Cell)>| {
        let (labels, cells): (Vec<_>, Vec<_>) =
            pairs.into_iter().map(|(label, cell)| (Cell::text(label), cell)).unzip();
        Series::new(series.name.as_deref(), Index::labels(None, labels), cells)
    };
    let present = present_numbers(series);
    let count = series.cells.iter().filter(|cell| !cell.is_null()).count();
    if !series.dtype.is_number() {
        let top = value_counts(series, false, false, true);
        let first = |cells: &[Cell]| cells.first().cloned().unwrap_or(Cell::Null);
        return labelled(vec![
            ("count", Cell::Int(count as i64)),
            ("unique", Cell::Int(top.len() as i64)),
            ("top", if top.len() == 0 { Cell::Null } else { top.index.label(0) }),
            ("freq", first(&top.cells)),
        ])
        .typed(Dtype::Object);
    }
    let at = |share| float(quantile(&present, share));
    labelled(vec![
        ("count", Cell::Float(count as f64)),
        ("mean", float(mean(series))),
        ("std", float(variance(series, 1).sqrt())),
        ("min", at(0.0)),
        ("25%", at(0.25)),
        ("50%", at(0.5)),
        ("75%", at(0.75)),
        ("max", at(1.0)),
    ])
    .typed(Dtype::Float)
}
