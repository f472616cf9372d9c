//! Arrays as numpy prints them.

use millrace_engine::python_float;

use super::cell::{Cell, Dtype};
use super::frame::Frame;

/// Characters of a line.
const WIDTH: usize = 75;
/// Beyond as many values, only the first and the last three are shown.
const MOST: usize = 1_000;
const ENDS: usize = 3;
/// Digits behind the point.
const DIGITS: usize = 8;

/// `repr`.
pub(super) fn repr(cells: &[Cell]) -> String {
    let dtype = match Dtype::of(cells) {
        _ if cells.is_empty() => ", dtype=object",
        Dtype::Object | Dtype::List => ", dtype=object",
        Dtype::Time => ", dtype='datetime64[ns]'",
        _ => "",
    };
    let text = format!("array({}", line(cells, "array(", ", "));
    let last = text.rsplit('\n').next().unwrap_or_default().chars().count();
    // numpy counts a comma and a blank before the type.
    let is_long = !dtype.is_empty() && last + dtype.len() > WIDTH;
    let dtype = if is_long { dtype.replace(", ", ",\n      ") } else { dtype.to_owned() };
    format!("{text}{dtype})")
}

/// One dimension, behind what stands before it.
pub(super) fn line(cells: &[Cell], before: &str, separator: &str) -> String {
    let is_cut = cells.len() > MOST;
    let shown: Vec<&Cell> = if is_cut {
        cells[..ENDS].iter().chain(&cells[cells.len() - ENDS..]).collect()
    } else {
        cells.iter().collect()
    };
    let mut words = items(&shown, Dtype::of(cells));
    if is_cut {
        words.insert(ENDS, "...".to_owned());
    }
    // A bracket stands behind each line, and another behind `repr`.
    let width = WIDTH - if before.is_empty() { 1 } else { 2 };
    format!("[{}]", wrapped(&words, before.len() + 1, separator, width))
}

/// Two dimensions.
pub(super) fn matrix(frame: &Frame) -> String {
    let count = frame.columns.len();
    let cut_rows = frame.rows() * count > MOST && frame.rows() > 2 * ENDS;
    let cut_columns = frame.rows() * count > MOST && count > 2 * ENDS;
    let rows = ends(frame.rows(), cut_rows);
    let columns = ends(count, cut_columns);
    let cells: Vec<Cell> = frame.columns.iter().flat_map(|column| column.cells.iter().cloned()).collect();
    let mut dtype = Dtype::of(&cells);
    if frame.columns.iter().any(|column| matches!(column.dtype, Dtype::Object | Dtype::List)) {
        dtype = Dtype::Object;
    }
    let shown = rows.iter().flat_map(|row| columns.iter().map(|at| &frame.columns[*at].cells[*row]));
    let words = items(&shown.collect::<Vec<_>>(), dtype);
    let mut lines: Vec<String> = words
        .chunks(columns.len().max(1))
        .map(|words| {
            let mut words = words.to_vec();
            if cut_columns {
                words.insert(ENDS, "...".to_owned());
            }
            format!("[{}]", wrapped(&words, 2, " ", WIDTH - 2))
        })
        .collect();
    if cut_rows {
        lines.insert(ENDS, "...".to_owned());
    }
    format!("[{}]", lines.join("\n "))
}

fn ends(count: usize, is_cut: bool) -> Vec<usize> {
    if is_cut { (0..ENDS).chain(count - ENDS..count).collect() } else { (0..count).collect() }
}

/// Words in lines of this width; those after the first are indented.
fn wrapped(words: &[String], indent: usize, separator: &str, width: usize) -> String {
    let mut text = String::new();
    let mut length = indent;
    for (at, word) in words.iter().enumerate() {
        let word_length = word.chars().count();
        let last = at + 1 == words.len();
        if length + word_length > width && length > indent {
            text.truncate(text.trim_end().len());
            text.push('\n');
            text.push_str(&" ".repeat(indent));
            length = indent;
        }
        text.push_str(word);
        length += word_length;
        if !last {
            text.push_str(separator);
            length += separator.len();
        }
    }
    text
}

/// The values, of one width where they are numbers.
fn items(cells: &[&Cell], dtype: Dtype) -> Vec<String> {
    let words: Vec<String> = match dtype {
        Dtype::Float => floats(&cells.iter().map(|c| c.number().unwrap_or(f64::NAN)).collect::<Vec<_>>()),
        Dtype::Time => cells.iter().map(|cell| stamp(cell)).collect(),
        _ => cells.iter().map(|cell| cell.repr()).collect(),
    };
    if matches!(dtype, Dtype::Object | Dtype::List) {
        return words;
    }
    let width = words.iter().map(String::len).max().unwrap_or(0);
    words.iter().map(|word| format!("{word:>width$}")).collect()
}

fn stamp(cell: &Cell) -> String {
    match cell {
        Cell::Null => "'NaT'".to_owned(),
        cell => format!("'{}.000000000'", cell.shown().replace(' ', "T")),
    }
}

/// Floating numbers with the point in one column, or with exponents where they differ much.
fn floats(numbers: &[f64]) -> Vec<String> {
    let sizes = || numbers.iter().map(|number| number.abs()).filter(|n| n.is_finite() && *n != 0.0);
    let (most, least) = (sizes().fold(0.0, f64::max), sizes().fold(f64::INFINITY, f64::min));
    let is_wide = most >= 1e8 || least < 1e-4 || (least.is_finite() && most / least > 1_000.0);
    let plain = if is_wide { exponents(numbers) } else { points(numbers) };
    let special = |number: f64| match number {
        n if n.is_nan() => "nan".to_owned(),
        n if n > 0.0 => "inf".to_owned(),
        _ => "-inf".to_owned(),
    };
    let shown = numbers.iter().zip(plain);
    shown.map(|(number, text)| if number.is_finite() { text } else { special(*number) }).collect()
}

/// Digits before and behind the point, eight behind it at most.
fn points(numbers: &[f64]) -> Vec<String> {
    let short = |number: &f64| {
        let whole = python_float(*number);
        let behind = whole.split_once('.').map_or(0, |(_, behind)| behind.len());
        let text = if behind > DIGITS || whole.contains('e') { format!("{number:.DIGITS$}") } else { whole };
        text.trim_end_matches('0').to_owned()
    };
    let behind = |text: &str| text.split_once('.').map_or(0, |(_, behind)| behind.len());
    let texts: Vec<String> = numbers.iter().map(short).collect();
    let finite = texts.iter().zip(numbers).filter(|(_, number)| number.is_finite());
    let most = finite.map(|(text, _)| behind(text)).max().unwrap_or(0);
    texts.iter().map(|text| format!("{text}{}", " ".repeat(most.saturating_sub(behind(text))))).collect()
}

/// As many digits for all as the one that needs most of them.
fn exponents(numbers: &[f64]) -> Vec<String> {
    let short = |number: &f64| {
        let text = format!("{number:e}");
        let digits = text.split('e').next().unwrap_or_default().split_once('.').map_or(0, |(_, b)| b.len());
        let text = if digits > DIGITS { format!("{number:.DIGITS$e}") } else { text };
        let digits = text.split('e').next().unwrap_or_default().trim_end_matches('0');
        digits.split_once('.').map_or(0, |(_, behind)| behind.len())
    };
    let digits = numbers.iter().filter(|number| number.is_finite()).map(short).max().unwrap_or(0);
    let long = |number: &f64| {
        let text = format!("{number:.digits$e}");
        let (digits, power) = text.split_once('e').unwrap_or((&text, "0"));
        let (sign, power) = power.strip_prefix('-').map_or(('+', power), |power| ('-', power));
        let point = if digits.contains('.') { "" } else { "." };
        format!("{digits}{point}e{sign}{power:0>2}")
    };
    numbers.iter().map(long).collect()
}
