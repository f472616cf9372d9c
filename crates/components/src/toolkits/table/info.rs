//! `DataFrame.info`.

use super::answer::Trouble;
use super::cell::{Cell, Dtype};
use super::frame::{Frame, Index};

/// Beyond as many columns pandas lists none.
const MOST: usize = 100;

pub(super) fn info(frame: &Frame) -> Result<String, Trouble> {
    let (rows, count) = (frame.rows(), frame.columns.len());
    if count > MOST || rows == 0 || matches!(frame.index, Index::Levels(..)) {
        return Err(Trouble::unknown("info of such a table"));
    }
    let (first, last) = (frame.index.label(0).shown(), frame.index.label(rows - 1).shown());
    let labels = if matches!(frame.index, Index::Range(_)) { "RangeIndex" } else { "Index" };
    let width = frame.columns.iter().map(|column| column.name.chars().count()).max().unwrap_or(0).max(6);
    let types = frame.columns.iter().map(|column| column.dtype.name().len()).max().unwrap_or(0).max(5);
    let mut lines = vec![
        "<class 'pandas.core.frame.DataFrame'>".to_owned(),
        format!("{labels}: {rows} entries, {first} to {last}"),
        format!("Data columns (total {count} columns):"),
        format!(" #   {:<width$}  Non-Null Count  {:<types$}", "Column", "Dtype"),
        format!("---  {:<width$}  --------------  {:<types$}", "------", "-----"),
    ];
    for (at, column) in frame.columns.iter().enumerate() {
        let present = column.cells.iter().filter(|cell| !cell.is_null()).count();
        let present = format!("{present} non-null");
        lines.push(format!(
            " {at:<3} {:<width$}  {present:<14}  {:<types$}",
            column.name,
            column.dtype.name()
        ));
    }
    let mut names: Vec<&str> = frame.columns.iter().map(|column| column.dtype.name()).collect();
    names.sort_unstable();
    let counts = names.chunk_by(|a, b| a == b).map(|same| format!("{}({})", same[0], same.len()));
    lines.push(format!("dtypes: {}", counts.collect::<Vec<_>>().join(", ")));
    lines.push(format!("memory usage: {}", memory(frame)));
    Ok(lines.join("\n"))
}

/// Eight bytes a value; what texts need beside is not counted, and said by a plus.
fn memory(frame: &Frame) -> String {
    let rows = frame.rows();
    let size = |dtype: Dtype| match dtype {
        Dtype::Bool => rows,
        Dtype::Int32 => 4 * rows,
        _ => 8 * rows,
    };
    let (index, mut texts) = match &frame.index {
        Index::Range(_) => (128, false),
        index => (8 * rows, matches!(index.label(0), Cell::Text(_))),
    };
    texts |= frame.columns.iter().any(|column| matches!(column.dtype, Dtype::Object | Dtype::List));
    let plus = if texts { "+" } else { "" };
    let mut bytes = (index + frame.columns.iter().map(|column| size(column.dtype)).sum::<usize>()) as f64;
    let mut units = ["bytes", "KB", "MB"].iter();
    loop {
        match units.next() {
            Some(unit) if bytes < 1024.0 => return format!("{bytes:.1}{plus} {unit}"),
            None => return format!("{bytes:.1}{plus} GB"),
            Some(_) => bytes /= 1024.0,
        }
    }
}
