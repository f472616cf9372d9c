//! What is worked out from a column: sums, means, quantiles, the order of its values.

use std::cmp::Ordering;
use std::collections::HashMap;

use super::answer::Trouble;
use super::cell::{Cell, Dtype, Key};
use super::frame::{Index, Series};

/// The names of what makes one value of a column.
pub(super) const AGGREGATES: &[&str] = &[
    "mean", "sum", "min", "max", "median", "std", "var", "count", "nunique", "size", "first", "last", "prod",
    "any", "all", "mode",
];

/// Aggregates that text has no part in.
pub(super) fn needs_numbers(name: &str) -> bool {
    matches!(name, "mean" | "median" | "std" | "var" | "prod" | "quantile")
}

/// One value of a column; missing values count as not there.
pub(super) fn aggregate(name: &str, series: &Series) -> Result<Cell, Trouble> {
    let present: Vec<&Cell> = series.cells.iter().filter(|cell| !cell.is_null()).collect();
    let is_text = present.iter().any(|cell| matches!(cell, Cell::Text(_)));
    if is_text && needs_numbers(name) {
        return Err(Trouble::types(format!("could not convert the texts of {} to numbers", label(series))));
    }
    let numbers: Vec<f64> = present.iter().filter_map(|cell| cell.number()).collect();
    Ok(match name {
        "count" => Cell::Int(present.len() as i64),
        "size" => Cell::Int(series.len() as i64),
        "nunique" => {
            Cell::Int(distinct(series.cells.iter()).iter().filter(|cell| !cell.is_null()).count() as i64)
        }
        "sum" if is_text => {
            let texts: Option<Vec<String>> = present
                .iter()
                .map(|c| if let Cell::Text(t) = c { Some(t.to_string()) } else { None })
                .collect();
            let texts = texts.ok_or_else(|| Trouble::types("numbers and texts do not add"))?;
            if texts.iter().map(String::len).sum::<usize>() > 100_000 {
                return Err(Trouble::unknown("the sum of this many texts"));
            }
            Cell::text(texts.concat())
        }
        "sum" | "prod" => total(name, series, &numbers),
        "min" => extreme(series, &present, Ordering::Less)?,
        "max" => extreme(series, &present, Ordering::Greater)?,
        "mean" => float(mean(&numbers)),
        "median" => float(quantile(&numbers, 0.5)),
        "var" => float(variance(&numbers)),
        "std" => float(variance(&numbers).sqrt()),
        "first" => present.first().map_or(Cell::Null, |cell| (*cell).clone()),
        "last" => present.last().map_or(Cell::Null, |cell| (*cell).clone()),
        "any" => Cell::Bool(present.iter().any(|cell| truth(cell))),
        "all" => Cell::Bool(present.iter().all(|cell| truth(cell))),
        "mode" => modes(series).into_iter().next().unwrap_or(Cell::Null),
        _ => return Err(Trouble::unknown(&format!("the aggregate '{name}'"))),
    })
}

fn label(series: &Series) -> String {
    series.name.as_ref().map_or("the column".to_owned(), |name| format!("'{name}'"))
}

pub(super) fn truth(cell: &Cell) -> bool {
    match cell {
        Cell::Text(text) => !text.is_empty(),
        cell => cell.number().is_some_and(|number| number != 0.0),
    }
}

/// A number, or missing.
pub(super) fn float(number: f64) -> Cell {
    if number.is_nan() { Cell::Null } else { Cell::Float(number) }
}

fn total(name: &str, series: &Series, numbers: &[f64]) -> Cell {
    let whole = series.dtype == Dtype::Int || series.dtype == Dtype::Bool;
    if whole || (series.dtype == Dtype::Object && numbers.is_empty()) {
        let whole = |cell: &Cell| match cell {
            Cell::Int(value) => Some(*value),
            cell => cell.number().map(|number| number as i64),
        };
        let all = series.cells.iter().filter_map(whole);
        return Cell::Int(if name == "sum" {
            all.fold(0, i64::wrapping_add)
        } else {
            all.fold(1, i64::wrapping_mul)
        });
    }
    Cell::Float(if name == "sum" { pairwise(numbers) } else { numbers.iter().product() })
}

/// As numpy adds: in halves, so that errors do not pile up; short runs in eight lanes.
fn pairwise(numbers: &[f64]) -> f64 {
    if numbers.len() < 8 {
        return numbers.iter().sum();
    }
    if numbers.len() <= 128 {
        let mut lanes = [0.0; 8];
        let chunks = numbers.chunks_exact(8);
        let rest: &[f64] = chunks.remainder();
        for chunk in chunks {
            for (lane, number) in lanes.iter_mut().zip(chunk) {
                *lane += number;
            }
        }
        let [a, b, c, d, e, f, g, h] = lanes;
        return ((a + b) + (c + d)) + ((e + f) + (g + h)) + rest.iter().sum::<f64>();
    }
    let half = numbers.len() / 2;
    let half = half - half % 8;
    pairwise(&numbers[..half]) + pairwise(&numbers[half..])
}

pub(super) fn mean(numbers: &[f64]) -> f64 {
    pairwise(numbers) / numbers.len() as f64
}

fn variance(numbers: &[f64]) -> f64 {
    if numbers.len() < 2 {
        return f64::NAN;
    }
    let mean = mean(numbers);
    let squares: Vec<f64> = numbers.iter().map(|number| (number - mean).powi(2)).collect();
    pairwise(&squares) / (numbers.len() - 1) as f64
}

/// Between the two nearest values, in proportion.
pub(super) fn quantile(numbers: &[f64], share: f64) -> f64 {
    if numbers.is_empty() {
        return f64::NAN;
    }
    let mut sorted = numbers.to_vec();
    sorted.sort_by(f64::total_cmp);
    let place = share * (sorted.len() - 1) as f64;
    let (low, high) = (sorted[place.floor() as usize], sorted[place.ceil() as usize]);
    low + (high - low) * (place - place.floor())
}

/// The covariance of two columns over the product of their deviations.
pub(super) fn correlation(a: &Series, b: &Series) -> f64 {
    let pairs: Vec<(f64, f64)> =
        a.cells.iter().zip(b.cells.iter()).filter_map(|(a, b)| Some((a.number()?, b.number()?))).collect();
    let (x, y): (Vec<f64>, Vec<f64>) = pairs.iter().copied().unzip();
    let (mx, my) = (mean(&x), mean(&y));
    let free = pairs.len() as f64 - 1.0;
    let covariance = pairs.iter().map(|(a, b)| (a - mx) * (b - my)).sum::<f64>() / free;
    let deviation =
        |values: &[f64], mean: f64| (values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / free).sqrt();
    covariance / deviation(&x, mx) / deviation(&y, my)
}

fn extreme(series: &Series, present: &[&Cell], wanted: Ordering) -> Result<Cell, Trouble> {
    let mut best: Option<&Cell> = None;
    for cell in present {
        let better = match best {
            None => true,
            Some(best) => cell.order(best).ok_or_else(|| mixed(series))? == wanted,
        };
        if better {
            best = Some(cell);
        }
    }
    Ok(best.map_or(Cell::Null, Cell::clone))
}

fn mixed(series: &Series) -> Trouble {
    Trouble::types(format!("the values of {} are of types that do not compare", label(series)))
}

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
    let present: Vec<f64> = series.cells.iter().filter_map(Cell::number).collect();
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
        ("mean", float(mean(&present))),
        ("std", float(variance(&present).sqrt())),
        ("min", at(0.0)),
        ("25%", at(0.25)),
        ("50%", at(0.5)),
        ("75%", at(0.75)),
        ("max", at(1.0)),
    ])
    .typed(Dtype::Float)
}
