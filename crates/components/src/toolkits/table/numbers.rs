//! Columns of numbers made from columns of numbers: rounded, added up, ranked.

use super::aggregates::float;
use super::answer::Trouble;
use super::call::Arguments;
use super::cell::{Cell, Dtype};
use super::frame::Series;

/// Half to even, as numpy rounds.
pub(super) fn rounded(number: f64, digits: i64) -> f64 {
    let scale = 10_f64.powi(digits.clamp(-300, 300) as i32);
    let made = (number * scale).round_ties_even() / scale;
    if made.is_finite() { made } else { number }
}

pub(super) fn numeric(series: &Series, name: &str, arguments: &Arguments) -> Result<Series, Trouble> {
    if series.dtype == Dtype::Object && series.len() > 0 {
        return Err(Trouble::types(format!("{name} needs numbers, and the column holds texts")));
    }
    let digits = if name == "round" { arguments.integer(0, "decimals")?.unwrap_or(0) } else { 0 };
    let mut total = 0.0;
    let mut before: Option<f64> = None;
    let order = Ranks::of(series, name, arguments)?;
    let made = series.map(|cell| {
        let Some(number) = cell.number() else { return Cell::Null };
        match (name, cell) {
            ("abs", Cell::Int(value)) => Cell::Int(value.wrapping_abs()),
            ("abs", _) => Cell::Float(number.abs()),
            ("round", Cell::Int(value)) => Cell::Int(*value),
            ("round", _) => Cell::Float(rounded(number, digits)),
            ("rank", _) => Cell::Float(order.rank(number)),
            ("cummax" | "cummin", _) => {
                let is_max = name == "cummax";
                let best =
                    before.map_or(number, |best| if is_max { best.max(number) } else { best.min(number) });
                before = Some(best);
                if series.dtype == Dtype::Float { Cell::Float(best) } else { Cell::Int(best as i64) }
            }
            ("cumsum", _) => {
                total += number;
                if series.dtype == Dtype::Float { Cell::Float(total) } else { Cell::Int(total as i64) }
            }
            (_, _) => {
                let previous = before.replace(number);
                let change = |previous: f64| match name {
                    "diff" => number - previous,
                    _ => number / previous - 1.0,
                };
                float(previous.map_or(f64::NAN, change))
            }
        }
    });
    Ok(made)
}

/// Numbers in order, and which of the places that equal ones share is theirs.
struct Ranks {
    sorted: Vec<f64>,
    method: String,
    ascending: bool,
}

impl Ranks {
    fn of(series: &Series, name: &str, arguments: &Arguments) -> Result<Self, Trouble> {
        let mut ranks = Self { sorted: Vec::new(), method: "average".to_owned(), ascending: true };
        if name == "rank" {
            ranks.ascending = arguments.flag("ascending", true)?;
            ranks.method = arguments.text(usize::MAX, "method")?.unwrap_or(ranks.method);
            if !matches!(ranks.method.as_str(), "average" | "min" | "max" | "dense") {
                return Err(Trouble::unknown("this method of rank"));
            }
            ranks.sorted = series.cells.iter().filter_map(Cell::number).collect();
            if !ranks.ascending {
                ranks.sorted.iter_mut().for_each(|number| *number = -*number);
            }
            ranks.sorted.sort_by(f64::total_cmp);
            if ranks.method == "dense" {
                ranks.sorted.dedup();
            }
        }
        Ok(ranks)
    }

    fn rank(&self, number: f64) -> f64 {
        let number = if self.ascending { number } else { -number };
        let below = self.sorted.partition_point(|other| *other < number) as f64;
        let up_to = self.sorted.partition_point(|other| *other <= number) as f64;
        match self.method.as_str() {
            "average" => (below + 1.0 + up_to) / 2.0,
            "max" => up_to,
            _ => below + 1.0,
        }
    }
}
