//! Tables turned: rows as columns, and values without labels.

use super::answer::Val;
use super::cell::{Cell, Dtype};
use super::compute;
use super::frame::{Frame, Header, Index, Series};

/// Rows that are turned into columns.
const MAX_TURNED: usize = 2_000;

/// The values; whole numbers beside floating ones are floating.
pub(super) fn matrix(frame: &Frame) -> Val {
    let is_float = frame.columns.iter().all(|column| column.dtype.is_number())
        && frame.columns.iter().any(|column| column.dtype == Dtype::Float);
    if !is_float {
        return Val::Matrix(frame.clone());
    }
    let floating = |series: Series| series.map(|cell| cell.number().map_or(Cell::Null, Cell::Float));
    Val::Matrix(Frame::of(frame.index.clone(), frame.all_series().into_iter().map(floating).collect()))
}

/// Rows as columns; `None` for more than can be shown.
pub(super) fn transposed(frame: &Frame) -> Option<Frame> {
    let labels = match &frame.index {
        Index::Levels(..) => return None,
        index => (0..index.len()).map(|row| index.label(row)).collect::<Vec<_>>(),
    };
    let is_dated = frame
        .columns
        .iter()
        .any(|column| !matches!(column.dtype, Dtype::Object | Dtype::Int | Dtype::Float | Dtype::Bool));
    let names: Vec<String> = labels.iter().map(Cell::shown).collect();
    if frame.rows() > MAX_TURNED || is_dated || compute::distinct(labels.iter()).len() < labels.len() {
        return None;
    }
    let index = Index::labels(frame.header.name.as_deref(), frame.names());
    let mixed = frame.columns.iter().any(|column| column.dtype != frame.columns[0].dtype);
    let numeric = frame.columns.iter().all(|column| column.dtype.is_number());
    let column = |row: usize| {
        let cells = frame.columns.iter().map(|column| match &column.cells[row] {
            Cell::Int(value) if mixed && numeric => Cell::Float(*value as f64),
            cell => cell.clone(),
        });
        let made = Series::new(Some(&names[row]), index.clone(), cells.collect());
        match (mixed, numeric, frame.columns.first().map(|column| column.dtype)) {
            (true, true, _) => made.typed(Dtype::Float),
            (false, _, Some(dtype)) => made.typed(dtype),
            _ => Series {
                cells: frame.columns.iter().map(|c| c.cells[row].clone()).collect::<Vec<_>>().into(),
                ..made.typed(Dtype::Object)
            },
        }
    };
    let columns = (0..frame.rows()).map(column).collect();
    let name = match &frame.index {
        Index::Labels(name, _) => name.clone(),
        _ => None,
    };
    let header = Header { name, dtype: Dtype::of(&labels) };
    Some(Frame { header, ..Frame::of(index, columns) })
}
