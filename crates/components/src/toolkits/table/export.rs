//! Tables as text in other forms: CSV, JSON, Markdown, dictionaries.

use serde_json::Value as Json;

use super::answer::{MAX_LIST, Trouble, Val};
use super::call::Arguments;
use super::cell::{Cell, Dtype};
use super::each::dict;
use super::format;
use super::frame::{Frame, Index, Series};

/// A method that writes a table; `None` where the name is another.
pub(super) fn call(frame: &Frame, name: &str, arguments: &Arguments) -> Result<Option<Val>, Trouble> {
    if !matches!(name, "to_csv" | "to_json" | "to_markdown" | "to_dict") {
        return Ok(None);
    }
    if frame.rows() * frame.columns.len() > MAX_LIST {
        return Err(Trouble::memory());
    }
    Ok(Some(match name {
        "to_csv" => Val::Text(csv(frame, arguments)?),
        "to_json" => Val::Text(json(frame, arguments)?),
        "to_markdown" => Val::Text(markdown(frame, arguments)?),
        _ => to_dict(frame, arguments)?,
    }))
}

/// The index as the columns that are written first.
fn with_index(frame: &Frame, index: bool) -> Vec<Series> {
    let mut columns = Vec::new();
    if index {
        for (name, cells) in frame.index.levels() {
            let name = name.unwrap_or_default();
            columns.push(Series::new(Some(&name), Index::Range(frame.rows()), cells));
        }
    }
    columns.extend(frame.all_series());
    columns
}

fn csv(frame: &Frame, arguments: &Arguments) -> Result<String, Trouble> {
    if !matches!(arguments.get(0, "path_or_buf"), None | Some(Val::None)) {
        return Err(Trouble::unknown("to_csv into a file"));
    }
    let columns = with_index(frame, arguments.flag("index", true)?);
    if columns.iter().any(|column| matches!(column.dtype, Dtype::Time | Dtype::List)) {
        return Err(Trouble::unknown("to_csv of dates or lists"));
    }
    let quoted = |text: String| match text.contains([',', '"', '\n', '\r']) {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false if text.is_empty() && columns.len() == 1 => "\"\"".to_owned(),
        false => text,
    };
    let names = columns.iter().map(|column| quoted(column.name.clone().unwrap_or_default()));
    let mut lines = vec![names.collect::<Vec<_>>().join(",")];
    for row in 0..frame.rows() {
        let cell = |column: &Series| match &column.cells[row] {
            Cell::Null => quoted(String::new()),
            cell => quoted(cell.shown()),
        };
        lines.push(columns.iter().map(cell).collect::<Vec<_>>().join(","));
    }
    lines.push(String::new());
    Ok(lines.join("\n"))
}

fn json(frame: &Frame, arguments: &Arguments) -> Result<String, Trouble> {
    if !matches!(arguments.get(0, "path_or_buf"), None | Some(Val::None)) {
        return Err(Trouble::unknown("to_json into a file"));
    }
    let columns = frame.all_series();
    let pair = |name: &str, value: String| format!("{}:{value}", quoted(name));
    match arguments.text(usize::MAX, "orient")?.as_deref() {
        Some("records") => {
            let record = |row: usize| {
                let pairs = columns.iter().map(|column| {
                    Ok(pair(column.name.as_deref().unwrap_or_default(), value(&column.cells[row])?))
                });
                Ok(format!("{{{}}}", pairs.collect::<Result<Vec<_>, Trouble>>()?.join(",")))
            };
            let records = (0..frame.rows()).map(record).collect::<Result<Vec<_>, Trouble>>()?;
            Ok(format!("[{}]", records.join(",")))
        }
        None | Some("columns") => {
            let column = |column: &Series| {
                let pairs = (0..column.len()).map(|row| match column.index.label(row) {
                    label @ (Cell::Int(_) | Cell::Text(_)) if !matches!(column.index, Index::Levels(..)) => {
                        Ok(pair(&label.shown(), value(&column.cells[row])?))
                    }
                    _ => Err(Trouble::unknown("to_json with these labels")),
                });
                let pairs = pairs.collect::<Result<Vec<_>, Trouble>>()?;
                Ok(pair(column.name.as_deref().unwrap_or_default(), format!("{{{}}}", pairs.join(","))))
            };
            let columns = columns.iter().map(column).collect::<Result<Vec<_>, Trouble>>()?;
            Ok(format!("{{{}}}", columns.join(",")))
        }
        Some(_) => Err(Trouble::unknown("this orient")),
    }
}

/// A JSON text in ASCII, with slashes escaped, as pandas has it.
fn quoted(text: &str) -> String {
    let mut made = String::new();
    for c in Json::from(text).to_string().replace('/', "\\/").chars() {
        if c.is_ascii() {
            made.push(c);
        } else {
            c.encode_utf16(&mut [0; 2]).iter().for_each(|unit| made += &format!("\\u{unit:04x}"));
        }
    }
    made
}

fn value(cell: &Cell) -> Result<String, Trouble> {
    Ok(match cell {
        Cell::Null => "null".to_owned(),
        Cell::Bool(value) => value.to_string(),
        Cell::Int(value) => value.to_string(),
        Cell::Text(text) => quoted(text),
        // Ten digits behind the point.
        Cell::Float(value) if *value == 0.0 || (1e-9..1e15).contains(&value.abs()) => {
            let text = format!("{value:.10}");
            let text = text.trim_end_matches('0');
            if text.ends_with('.') { format!("{text}0") } else { text.to_owned() }
        }
        _ => return Err(Trouble::unknown("to_json of these values")),
    })
}

/// The table that `tabulate` makes of it.
fn markdown(frame: &Frame, arguments: &Arguments) -> Result<String, Trouble> {
    let columns = with_index(frame, arguments.flag("index", true)?);
    let mut blocks = Vec::new();
    for column in &columns {
        let (mut block, right) = markdown_cells(column)?;
        let name = column.name.clone().unwrap_or_default();
        let longest = block.iter().map(|text| text.chars().count()).max().unwrap_or(0);
        let width = longest.max(name.chars().count() + 2);
        let dashes = "-".repeat(width + 1);
        block.insert(0, name);
        let mut lines: Vec<String> = block
            .iter()
            .map(|text| if right { format!(" {text:>width$} ") } else { format!(" {text:<width$} ") })
            .collect();
        lines.insert(1, if right { format!("{dashes}:") } else { format!(":{dashes}") });
        blocks.push(lines);
    }
    let line = |at: usize| {
        let cells: Vec<&str> = blocks.iter().map(|block| block[at].as_str()).collect();
        format!("|{}|", cells.join("|"))
    };
    Ok((0..frame.rows() + 2).map(line).collect::<Vec<_>>().join("\n"))
}

/// The texts of a column, and whether they stand to the right.
fn markdown_cells(column: &Series) -> Result<(Vec<String>, bool), Trouble> {
    match column.dtype {
        Dtype::Int | Dtype::Int32 => Ok((column.cells.iter().map(Cell::shown).collect(), true)),
        Dtype::Float => {
            let texts = column.cells.iter().map(|cell| match cell {
                Cell::Float(number) => format::formatted(&Val::Float(*number), "g"),
                _ => Ok("nan".to_owned()),
            });
            let texts = texts.collect::<Result<Vec<_>, _>>()?;
            if texts.iter().any(|text| text.contains('e') || text.contains("inf")) {
                return Err(Trouble::unknown("to_markdown of numbers with exponents"));
            }
            // The points stand in one column.
            let behind = |text: &str| text.split_once('.').map_or(0, |(_, behind)| behind.len() + 1);
            let most = texts.iter().map(|text| behind(text)).max().unwrap_or(0);
            let padded = texts.iter().map(|text| format!("{text}{}", " ".repeat(most - behind(text))));
            Ok((padded.collect(), true))
        }
        Dtype::Object => {
            let is_plain = |cell: &Cell| match cell {
                Cell::Text(text) => {
                    text.trim().parse::<f64>().is_err()
                        && !text.contains(['\n', '|'])
                        && text.trim() == &**text
                        && text.is_ascii()
                }
                cell => cell.is_null(),
            };
            let has_text = column.cells.iter().any(|cell| !cell.is_null());
            if !has_text || !column.cells.iter().all(is_plain) {
                return Err(Trouble::unknown("to_markdown of these texts"));
            }
            Ok((column.cells.iter().map(Cell::shown).collect(), false))
        }
        Dtype::Bool => Ok((column.cells.iter().map(Cell::shown).collect(), false)),
        Dtype::Time | Dtype::List => Err(Trouble::unknown("to_markdown of dates or lists")),
    }
}

fn to_dict(frame: &Frame, arguments: &Arguments) -> Result<Val, Trouble> {
    let names: Vec<Val> = frame.names().iter().map(Val::of).collect();
    let columns = frame.all_series();
    let record = |row: usize| {
        let pairs = names.iter().cloned().zip(columns.iter().map(|series| Val::of(&series.cells[row])));
        dict(pairs.collect())
    };
    match arguments.text(0, "orient")?.as_deref() {
        Some("records") => Ok(Val::List((0..frame.rows()).map(record).collect())),
        Some("index") => {
            let label = |row: usize| Val::of(&frame.index.label(row));
            Ok(dict((0..frame.rows()).map(|row| (label(row), record(row))).collect()))
        }
        Some("list") => {
            let list = |series: &Series| Val::List(series.cells.iter().map(Val::of).collect());
            Ok(dict(names.into_iter().zip(columns.iter().map(list)).collect()))
        }
        None | Some("dict") => {
            let column = |series: &Series| of_series(series);
            Ok(dict(names.into_iter().zip(columns.iter().map(column)).collect()))
        }
        Some(_) => Err(Trouble::unknown("this orient")),
    }
}

/// The label of a row; a tuple where there are several levels.
pub(super) fn label(index: &Index, row: usize) -> Val {
    match index {
        Index::Levels(_, levels) => Val::Tuple(levels.iter().map(|level| Val::of(&level[row])).collect()),
        index => Val::of(&index.label(row)),
    }
}

/// A column by its labels.
pub(super) fn of_series(series: &Series) -> Val {
    dict((0..series.len()).map(|row| (label(&series.index, row), Val::of(&series.cells[row]))).collect())
}
