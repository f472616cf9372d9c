//! One value of a column: sums, means, deviations, quantiles, with the digits that numpy and pandas get.

use std::cmp::Ordering;

use super::answer::Trouble;
use super::cell::{Cell, Dtype};
use super::compute::{distinct, modes};
use super::frame::Series;

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
    if series.dtype == Dtype::Time && (needs_numbers(name) || matches!(name, "sum" | "any" | "all")) {
        return Err(Trouble::unknown(&format!("{name} of dates")));
    }
    if series.dtype == Dtype::List && !matches!(name, "count" | "size" | "first" | "last") {
        return Err(Trouble::unknown(&format!("{name} of lists")));
    }
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
        "sum" | "prod" => total(name, series),
        "min" => extreme(series, &present, Ordering::Less)?,
        "max" => extreme(series, &present, Ordering::Greater)?,
        "mean" => float(mean(series)),
        "median" => float(quantile(&present_numbers(series), 0.5)),
        "var" => float(variance(series, 1)),
        "std" => float(variance(series, 1).sqrt()),
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

fn total(name: &str, series: &Series) -> Cell {
    let whole = matches!(series.dtype, Dtype::Int | Dtype::Int32 | Dtype::Bool);
    if whole || (series.dtype == Dtype::Object && present_numbers(series).is_empty()) {
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
    if name == "sum" {
        return Cell::Float(pairwise(&with_zeros(series)));
    }
    Cell::Float(present_numbers(series).iter().product())
}

/// The numbers without the missing ones.
pub(super) fn present_numbers(series: &Series) -> Vec<f64> {
    series.cells.iter().filter_map(Cell::number).collect()
}

/// pandas adds a zero in the place of a missing value: which numbers are added first depends on it.
fn with_zeros(series: &Series) -> Vec<f64> {
    series.cells.iter().map(|cell| cell.number().unwrap_or(0.0)).collect()
}

/// As numpy adds: in halves, so that errors do not pile up; short runs in eight lanes.
fn pairwise(numbers: &[f64]) -> f64 {
    if numbers.len() < 8 {
        return numbers.iter().sum();
    }
    if numbers.len() <= 128 {
        let mut lanes = [0.0; 8];
        let chunks = numbers.chunks_exact(8);
        let rest = chunks.remainder();
        for chunk in chunks {
            for (lane, number) in lanes.iter_mut().zip(chunk) {
                *lane += number;
            }
        }
        let [a, b, c, d, e, f, g, h] = lanes;
        let lanes = ((a + b) + (c + d)) + ((e + f) + (g + h));
        return rest.iter().fold(lanes, |sum, number| sum + number);
    }
    let half = numbers.len() / 2;
    let half = half - half % 8;
    pairwise(&numbers[..half]) + pairwise(&numbers[half..])
}

pub(super) fn mean(series: &Series) -> f64 {
    pairwise(&with_zeros(series)) / present_numbers(series).len() as f64
}

/// The variance with as many values less than there are.
pub(super) fn variance(series: &Series, less: usize) -> f64 {
    let count = present_numbers(series).len();
    if count <= less {
        return f64::NAN;
    }
    let mean = mean(series);
    let square = |cell: &Cell| cell.number().map_or(0.0, |number| (number - mean) * (number - mean));
    let squares: Vec<f64> = series.cells.iter().map(square).collect();
    pairwise(&squares) / (count - less) as f64
}

/// One value of a group. Here pandas does not add in halves, but takes along what each addition lost.
pub(super) fn of_group(name: &str, series: &Series) -> Result<Cell, Trouble> {
    if series.dtype == Dtype::Object
        && needs_numbers(name)
        && series.cells.iter().any(|cell| matches!(cell, Cell::Text(_)))
    {
        return Err(Trouble::types(format!("agg function failed [how->{name},dtype->object]")));
    }
    let numbers = present_numbers(series);
    match name {
        "mean" if !numbers.is_empty() => Ok(float(compensated(&numbers) / numbers.len() as f64)),
        "sum" if series.dtype == Dtype::Float => Ok(float(compensated(&numbers))),
        "var" if numbers.len() > 1 => Ok(float(welford(&numbers))),
        "std" if numbers.len() > 1 => Ok(float(welford(&numbers).sqrt())),
        _ => aggregate(name, series),
    }
}

/// Kahan's sum.
fn compensated(numbers: &[f64]) -> f64 {
    let (mut sum, mut lost) = (0.0_f64, 0.0_f64);
    for number in numbers {
        let next = number - lost;
        let total = sum + next;
        lost = total - sum - next;
        if lost.is_nan() {
            lost = 0.0;
        }
        sum = total;
    }
    sum
}

/// Welford's variance.
fn welford(numbers: &[f64]) -> f64 {
    let (mut mean, mut squares) = (0.0, 0.0);
    for (at, number) in numbers.iter().enumerate() {
        let before = mean;
        mean += (number - before) / (at + 1) as f64;
        squares += (number - mean) * (number - before);
    }
    squares / (numbers.len() - 1) as f64
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
    let share = place - place.floor();
    // As numpy: from the nearer end.
    if share >= 0.5 { high - (high - low) * (1.0 - share) } else { low + (high - low) * share }
}

/// The covariance of two columns over the product of their deviations.
pub(super) fn correlation(a: &Series, b: &Series) -> f64 {
    let pairs: Vec<(f64, f64)> =
        a.cells.iter().zip(b.cells.iter()).filter_map(|(a, b)| Some((a.number()?, b.number()?))).collect();
    let (x, y): (Vec<f64>, Vec<f64>) = pairs.iter().copied().unzip();
    let count = pairs.len() as f64;
    let (mx, my) = (pairwise(&x) / count, pairwise(&y) / count);
    let (x, y): (Vec<f64>, Vec<f64>) = pairs.iter().map(|(a, b)| (a - mx, b - my)).unzip();
    let share = 1.0 / (count - 1.0);
    let product = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>() * share;
    (product(&x, &y) / product(&x, &x).sqrt() / product(&y, &y).sqrt()).clamp(-1.0, 1.0)
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
