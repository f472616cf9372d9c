//! Tables and columns as pandas prints them, without its line breaks at 80 characters.

use super::cell::{Cell, Dtype};
use super::frame::{Column, Frame, Index, Series};
use super::time;

/// Beyond as many rows, only the first and last five are shown.
const MAX_ROWS: usize = 60;
const ENDS: usize = 5;
/// Beyond as many columns, only the first and last ten are shown.
const MAX_COLUMNS: usize = 20;
/// Characters of a text in a table; of a longer one the first are shown.
const MAX_TEXT: usize = 49;
const CUT_TEXT: usize = 46;

/// How a table is shown.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape {
    pub all_rows: bool,
    pub index: bool,
}

/// A table.
pub(super) fn frame(frame: &Frame) -> String {
    shaped(frame, Shape { all_rows: false, index: true })
}

/// A table in this shape.
pub(super) fn shaped(frame: &Frame, shape: Shape) -> String {
    if frame.columns.is_empty() || frame.rows() == 0 {
        let names: Vec<_> = frame.names().iter().map(Cell::shown).collect();
        return format!("Empty DataFrame\nColumns: [{}]\nIndex: []", names.join(", "));
    }
    let rows = if shape.all_rows { (0..frame.rows()).collect() } else { shown_rows(frame.rows()) };
    let is_cut = rows.len() < frame.rows();
    let mut blocks = Vec::new();
    if shape.index {
        blocks.push(index_block(&frame.index, &rows, Some(frame.header.name.as_deref().unwrap_or_default())));
    }
    let count = frame.columns.len();
    // Labels that are no texts are brought to one width.
    let names = frame.columns.iter().map(|column| column.name.chars().count());
    let width = if frame.header.dtype == Dtype::Object { 0 } else { names.max().unwrap_or(0) };
    let most = if shape.all_rows { usize::MAX } else { MAX_COLUMNS };
    for (at, column) in frame.columns.iter().enumerate() {
        if count > most && (most / 2..count - most / 2).contains(&at) {
            if at == most / 2 {
                blocks.push(vec![" ...".to_owned(); rows.len() + 1]);
            }
            continue;
        }
        blocks.push(column_block(column, &format!("{:<width$}", column.name), &rows, shape.index));
    }
    if is_cut {
        for (at, block) in blocks.iter_mut().enumerate() {
            block.insert(block.len() - ENDS, if at == 0 { "..".to_owned() } else { "...".to_owned() });
        }
    }
    if shape.index && has_names(&frame.index) {
        for block in blocks.iter_mut().skip(1) {
            block.insert(1, String::new());
        }
    }
    let mut text = joined(&blocks, 1, shape.index);
    if is_cut || count > most {
        text.push_str(&format!("\n\n[{} rows x {count} columns]", frame.rows()));
    }
    text
}

fn column_block(column: &Column, name: &str, rows: &[usize], lead: bool) -> Vec<String> {
    let cells: Vec<&Cell> = rows.iter().map(|row| &column.cells[*row]).collect();
    let is_number = column.dtype.is_number() || column.dtype == Dtype::Bool;
    let mut block = vec![format!("{}{}", if is_number { " " } else { "" }, name)];
    let mut values = formatted(column.dtype, &cells);
    // Without an index there is no room for a sign that no value has.
    if !lead && values.iter().all(|value| value.starts_with(' ') || value == "NaN") {
        values
            .iter_mut()
            .filter(|value| value.starts_with(' '))
            .for_each(|value| *value = value.split_off(1));
    }
    block.extend(values);
    block
}

/// A column.
pub(super) fn series(series: &Series) -> String {
    let name = series.name.as_ref().map(|name| format!("Name: {name}, ")).unwrap_or_default();
    let dtype = series.dtype.name();
    if series.len() == 0 {
        return format!("Series([], {name}dtype: {dtype})");
    }
    let rows = shown_rows(series.len());
    let is_cut = rows.len() < series.len();
    let cells: Vec<&Cell> = rows.iter().map(|row| &series.cells[*row]).collect();
    let mut labels = index_block(&series.index, &rows, None);
    let mut values = formatted(series.dtype, &cells);
    if labels.len() > values.len() {
        values.insert(0, String::new());
    }
    let mut length = String::new();
    if is_cut {
        let at = labels.len() - ENDS;
        labels.insert(at, String::new());
        let width = values.iter().map(|value| value.chars().count()).max().unwrap_or(0);
        values.insert(at, centered(if width > 3 { "..." } else { ".." }, width));
        length = format!("Length: {}, ", series.len());
    }
    let width = labels.first().map_or(0, |label| label.chars().count());
    let mut text = joined(&[labels, values], 3, true);
    match &series.index {
        Index::Labels(Some(name), _) => text = format!("{name}\n{text}"),
        Index::Levels(..) => {
            // Behind the names of the levels there is nothing.
            let (names, rows) = text.split_once('\n').unwrap_or((&text, ""));
            text = format!("{}\n{rows}", names.chars().take(width).collect::<String>());
        }
        _ => {}
    }
    format!("{text}\n{name}{length}dtype: {dtype}")
}

/// As Python centers: what does not divide goes to the left where the width is odd.
fn centered(text: &str, width: usize) -> String {
    let room = width.saturating_sub(text.len());
    let left = room / 2 + (room & width & 1);
    format!("{}{text}{}", " ".repeat(left), " ".repeat(room - left))
}

/// The rows that are shown: all, or both ends.
fn shown_rows(count: usize) -> Vec<usize> {
    if count <= MAX_ROWS { (0..count).collect() } else { (0..ENDS).chain(count - ENDS..count).collect() }
}

fn has_names(index: &Index) -> bool {
    match index {
        Index::Range(_) => false,
        Index::Labels(name, _) => name.is_some(),
        Index::Levels(..) => true,
    }
}

/// The lines of the index: its name where it has one, then a label a row. `header`: a line for the columns'
/// names comes first, with what stands there.
fn index_block(index: &Index, rows: &[usize], header: Option<&str>) -> Vec<String> {
    let levels = index.levels();
    let count = levels.len();
    let mut blocks: Vec<Vec<String>> = Vec::new();
    for (at, (name, cells)) in levels.iter().enumerate() {
        let shown = labels(&rows.iter().map(|row| &cells[*row]).collect::<Vec<_>>(), Dtype::of(cells));
        let mut block: Vec<String> = shown.iter().map(|label| label.trim_start().to_owned()).collect();
        // A label that repeats the one above is left out, but for the innermost level.
        if at + 1 < count {
            for row in (1..block.len()).rev() {
                if levels[..=at].iter().all(|(_, cells)| cells[rows[row]] == cells[rows[row - 1]]) {
                    block[row] = String::new();
                }
            }
        }
        // In front of a column the name of a single level does not widen it.
        if has_names(index) && (header.is_some() || count > 1) {
            block.insert(0, name.clone().unwrap_or_default());
        }
        blocks.push(block);
    }
    let gap = if header.is_some() { " " } else { "  " };
    let padded: Vec<Vec<String>> = blocks.iter().map(|block| pad_right(block)).collect();
    let lines = (0..padded[0].len())
        .map(|line| padded.iter().map(|block| block[line].as_str()).collect::<Vec<_>>().join(gap));
    pad_right(&header.map(str::to_owned).into_iter().chain(lines).collect::<Vec<_>>())
}

fn labels(cells: &[&Cell], dtype: Dtype) -> Vec<String> {
    match dtype {
        Dtype::Float => trimmed(cells),
        Dtype::Time => dates(cells),
        _ => {
            let label = |cell: &&Cell| if cell.is_null() { "NaN".to_owned() } else { cell.shown() };
            cells.iter().map(label).collect()
        }
    }
}

/// Dates, with the time of the day where one has another than midnight.
fn dates(cells: &[&Cell]) -> Vec<String> {
    let is_day = |cell: &&Cell| if let Cell::Time(time) = cell { time::is_midnight(*time) } else { true };
    let form = if cells.iter().all(is_day) { "%Y-%m-%d" } else { "%Y-%m-%d %H:%M:%S" };
    let shown = |cell: &&Cell| match cell {
        Cell::Time(time) => time::formatted(*time, form).unwrap_or_default(),
        _ => "NaT".to_owned(),
    };
    cells.iter().map(shown).collect()
}

/// Values as lines of one width at most: numbers with room for a sign, texts behind a blank.
fn formatted(dtype: Dtype, cells: &[&Cell]) -> Vec<String> {
    match dtype {
        Dtype::Float => return trimmed(cells),
        Dtype::Time => return dates(cells),
        _ => {}
    }
    let signed = |cell: &Cell| match cell {
        Cell::Int(value) if *value < 0 => value.to_string(),
        Cell::Null => " NaN".to_owned(),
        cell => format!(" {}", cut(&cell.shown().replace('\n', "\\n"))),
    };
    cells.iter().map(|cell| signed(cell)).collect()
}

fn cut(text: &str) -> String {
    if text.chars().count() <= MAX_TEXT {
        return text.to_owned();
    }
    format!("{}...", text.chars().take(CUT_TEXT).collect::<String>())
}

/// Floating numbers with six digits behind the point, less the zeros that all of them end with; with an
/// exponent where some would be too long or too small.
fn trimmed(cells: &[&Cell]) -> Vec<String> {
    let numbers: Vec<Option<f64>> = cells.iter().map(|cell| cell.number().filter(|n| !n.is_nan())).collect();
    let fixed = |number: f64| {
        let text = if number.is_infinite() { "inf".to_owned() } else { format!("{:.6}", number.abs()) };
        format!("{}{text}", if number.is_sign_negative() { "-" } else { " " })
    };
    let mut texts: Vec<String> = numbers.iter().map(|n| n.map_or("NaN".to_owned(), fixed)).collect();
    while texts.iter().any(|t| t.contains('.'))
        && texts.iter().filter(|t| t.contains('.')).all(|t| t.ends_with('0'))
    {
        texts.iter_mut().filter(|text| text.contains('.')).for_each(|text| {
            text.pop();
        });
    }
    texts.iter_mut().filter(|text| text.ends_with('.')).for_each(|text| text.push('0'));
    let is_long = texts.iter().any(|text| text.len() > 12) && numbers.iter().flatten().any(|n| n.abs() > 1e6);
    let is_small = numbers.iter().flatten().any(|n| n.abs() < 1e-6 && *n != 0.0);
    if !is_long && !is_small {
        return texts;
    }
    let exponent = |number: f64| {
        let text = format!("{:.6e}", number.abs());
        let (digits, power) = text.split_once('e').unwrap_or((&text, "0"));
        let (sign, power) = power.strip_prefix('-').map_or(('+', power), |power| ('-', power));
        format!("{}{digits}e{sign}{power:0>2}", if number.is_sign_negative() { "-" } else { " " })
    };
    numbers.iter().map(|n| n.map_or("NaN".to_owned(), exponent)).collect()
}

fn pad_right(lines: &[String]) -> Vec<String> {
    let width = lines.iter().map(|line| line.chars().count()).max().unwrap_or(0);
    lines.iter().map(|line| format!("{line:<width$}")).collect()
}

/// Blocks side by side: an index to the left, the others to the right.
fn joined(blocks: &[Vec<String>], gap: usize, index: bool) -> String {
    let padded: Vec<Vec<String>> = blocks
        .iter()
        .enumerate()
        .map(|(at, block)| {
            if at == 0 && index {
                return pad_right(block);
            }
            let width = block.iter().map(|line| line.chars().count()).max().unwrap_or(0);
            block.iter().map(|line| format!("{line:>width$}")).collect()
        })
        .collect();
    let gap = " ".repeat(gap);
    let lines = (0..padded[0].len())
        .map(|line| padded.iter().map(|block| block[line].as_str()).collect::<Vec<_>>().join(&gap));
    lines.collect::<Vec<_>>().join("\n")
}
