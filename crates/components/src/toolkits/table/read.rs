//! CSV as a table, with the types that pandas would find.

use std::collections::{HashMap, HashSet};

use millrace_engine::{ErrorKind, RunError};

use super::cell::{Cell, Dtype};
use super::frame::{Frame, Index, Series};

/// Bytes of a file.
pub(in crate::toolkits) const MAX_BYTES: u64 = 50 * 1024 * 1024;
/// Values of a table.
const MAX_CELLS: usize = 4_000_000;
/// Columns of a table.
const MAX_COLUMNS: usize = 2_000;

/// What pandas takes for a missing value.
const MISSING: &[&str] = &[
    "", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>", "N/A",
    "NA", "NULL", "NaN", "None", "n/a", "nan", "null",
];

/// The table of a file, and what had to be done to read it, in sentences.
///
/// # Errors
/// [`ErrorKind::Flow`] in the field `path`: no header, or more than can be taken.
pub(in crate::toolkits) fn read(bytes: &[u8]) -> Result<(Frame, Vec<String>), RunError> {
    let mut notes = Vec::new();
    let text = decoded(bytes, &mut notes);
    let delimiter = delimiter(&text, &mut notes);
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(delimiter)
        .from_reader(text.as_bytes());
    let mut records = reader.records();
    let Some(Ok(header)) = records.next() else {
        return Err(invalid("the file is empty: its first line must name the columns"));
    };
    if header.len() > MAX_COLUMNS {
        return Err(invalid(&format!("the file has {} columns; the limit is {MAX_COLUMNS}", header.len())));
    }
    let header = names(&header);
    let mut columns: Vec<Vec<Option<String>>> = vec![Vec::new(); header.len()];
    let (mut rows, mut long, mut short) = (0, 0, 0);
    for record in records {
        let record = record.map_err(|error| invalid(&format!("the file cannot be read: {error}")))?;
        rows += 1;
        if rows * header.len() > MAX_CELLS {
            return Err(invalid(&format!("the file has more than {MAX_CELLS} values; that is the limit")));
        }
        long += usize::from(record.len() > header.len());
        short += usize::from(record.len() < header.len());
        for (at, column) in columns.iter_mut().enumerate() {
            column.push(record.get(at).filter(|field| !MISSING.contains(field)).map(str::to_owned));
        }
    }
    if long > 0 {
        notes.push(format!(
            "{long} rows have more fields than there are columns; what is beyond was left out."
        ));
    }
    if short > 0 {
        notes.push(format!("{short} rows have fewer fields than there are columns; what is missing is NaN."));
    }
    let index = Index::Range(rows);
    let series = header.iter().zip(columns).map(|(name, column)| typed(name, &index, column)).collect();
    Ok((Frame::of(index, series), notes))
}

fn invalid(message: &str) -> RunError {
    let error = RunError::new(ErrorKind::Flow, format!("path: {message}"));
    RunError { field: Some("path".to_owned()), ..error }
}

/// UTF-8, else UTF-16 by its mark, else Windows-1252.
fn decoded(bytes: &[u8], notes: &mut Vec<String>) -> String {
    if let Some((encoding, _)) = encoding_rs::Encoding::for_bom(bytes) {
        return encoding.decode(bytes).0.into_owned();
    }
    if let Ok(text) = str::from_utf8(bytes) {
        return text.to_owned();
    }
    notes.push("The file is not UTF-8; it was read as Windows-1252 (Latin-1).".to_owned());
    encoding_rs::WINDOWS_1252.decode(bytes).0.into_owned()
}

/// A comma, unless the first line has none but has another that is usual.
fn delimiter(text: &str, notes: &mut Vec<String>) -> u8 {
    let first = text.lines().next().unwrap_or_default();
    if first.contains(',') {
        return b',';
    }
    for (delimiter, name) in [(b';', "semicolons"), (b'\t', "tabs"), (b'|', "bars")] {
        if first.contains(delimiter as char) {
            notes.push(format!("The file's fields stand between {name}."));
            return delimiter;
        }
    }
    b','
}

/// Names that stand once: a second `a` is `a.1`, an empty one `Unnamed: 3`.
fn names(header: &csv::StringRecord) -> Vec<String> {
    let mut seen = HashSet::new();
    // The last number that each name was given: those below it are taken for good.
    let mut counts: HashMap<String, usize> = HashMap::new();
    let mut unique = |name: String| {
        let mut candidate = name.clone();
        let count = counts.entry(name.clone()).or_default();
        while !seen.insert(candidate.clone()) {
            *count += 1;
            candidate = format!("{name}.{count}");
        }
        candidate
    };
    let named = |(at, name): (usize, &str)| {
        if name.is_empty() { format!("Unnamed: {at}") } else { name.to_owned() }
    };
    header.iter().enumerate().map(named).map(&mut unique).collect()
}

fn typed(name: &str, index: &Index, column: Vec<Option<String>>) -> Series {
    if column.iter().all(Option::is_none) {
        let missing = Series::new(Some(name), index.clone(), vec![Cell::Null; column.len()]);
        // A column without rows has no type of its own.
        return if column.is_empty() { missing.typed(Dtype::Object) } else { missing };
    }
    for parse in [integer, float, boolean] {
        let cells: Option<Vec<Cell>> = column
            .iter()
            .map(|field| field.as_deref().map_or(Some(Cell::Null), |field| parse(field.trim())))
            .collect();
        if let Some(cells) = cells {
            return Series::new(Some(name), index.clone(), cells);
        }
    }
    let cells = column.into_iter().map(|field| field.map_or(Cell::Null, Cell::text)).collect();
    Series::new(Some(name), index.clone(), cells)
}

fn integer(field: &str) -> Option<Cell> {
    field.parse().ok().map(Cell::Int)
}

fn float(field: &str) -> Option<Cell> {
    let is_number = field.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c));
    let is_word = ["inf", "-inf", "+inf", "infinity", "-infinity"].contains(&&*field.to_ascii_lowercase());
    (is_number || is_word).then(|| field.parse().ok().map(Cell::Float)).flatten()
}

fn boolean(field: &str) -> Option<Cell> {
    match field {
        "True" | "TRUE" | "true" => Some(Cell::Bool(true)),
        "False" | "FALSE" | "false" => Some(Cell::Bool(false)),
        _ => None,
    }
}
