//! Columns with an index: pandas' Series and DataFrame.

use std::collections::HashMap;
use std::sync::Arc;

use super::answer::{MAX_MADE, Trouble};
use super::cell::{Cell, Dtype, Key};

/// The labels of rows.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Index {
    /// 0, 1, 2 and so on, as many as there are rows.
    Range(usize),
    /// One label a row.
    Labels(Option<String>, Arc<Vec<Cell>>),
    /// Several labels a row, by level.
    Levels(Vec<String>, Arc<Vec<Vec<Cell>>>),
}

impl Index {
    pub fn labels(name: Option<&str>, labels: Vec<Cell>) -> Self {
        Self::Labels(name.map(str::to_owned), Arc::new(labels))
    }

    pub fn len(&self) -> usize {
        match self {
            Self::Range(length) => *length,
            Self::Labels(_, labels) => labels.len(),
            Self::Levels(_, levels) => levels.first().map_or(0, Vec::len),
        }
    }

    /// The label of a row; of several levels the first.
    pub fn label(&self, row: usize) -> Cell {
        match self {
            Self::Range(_) => Cell::Int(row as i64),
            Self::Labels(_, labels) => labels[row].clone(),
            Self::Levels(_, levels) => levels[0][row].clone(),
        }
    }

    /// The label of a row as Python shows it: a tuple where there are several levels.
    pub fn shown(&self, row: usize) -> String {
        match self {
            Self::Levels(_, levels) => {
                let parts: Vec<_> = levels.iter().map(|level| level[row].repr()).collect();
                format!("({})", parts.join(", "))
            }
            _ => self.label(row).shown(),
        }
    }

    /// The levels but the first, of these rows; `None` where there is one.
    pub fn inner(&self, rows: &[usize]) -> Option<Self> {
        let Self::Levels(names, levels) = self.take(rows) else { return None };
        match (names.get(1..)?, levels.get(1..)?) {
            ([], _) | (_, []) => None,
            ([name], [cells]) => Some(Self::labels(Some(name), cells.clone())),
            (names, levels) => Some(Self::Levels(names.to_vec(), Arc::new(levels.to_vec()))),
        }
    }

    /// The levels, by name.
    pub fn levels(&self) -> Vec<(Option<String>, Vec<Cell>)> {
        match self {
            Self::Range(length) => vec![(None, (0..*length).map(|row| Cell::Int(row as i64)).collect())],
            Self::Labels(name, labels) => vec![(name.clone(), labels.to_vec())],
            Self::Levels(names, levels) => {
                names.iter().cloned().map(Some).zip(levels.iter().cloned()).collect()
            }
        }
    }

    /// These rows.
    pub fn take(&self, rows: &[usize]) -> Self {
        let of = |cells: &[Cell]| rows.iter().map(|row| cells[*row].clone()).collect::<Vec<_>>();
        match self {
            Self::Range(length)
                if rows.len() == *length && rows.iter().enumerate().all(|(at, row)| at == *row) =>
            {
                self.clone()
            }
            Self::Range(_) => Self::labels(None, rows.iter().map(|row| Cell::Int(*row as i64)).collect()),
            Self::Labels(name, labels) => Self::Labels(name.clone(), Arc::new(of(labels))),
            Self::Levels(names, levels) => {
                Self::Levels(names.clone(), Arc::new(levels.iter().map(|level| of(level)).collect()))
            }
        }
    }

    /// The row with this label.
    pub fn find(&self, label: &Cell) -> Vec<usize> {
        match (self, label) {
            (Self::Range(length), Cell::Int(row)) => {
                usize::try_from(*row).ok().filter(|row| row < length).into_iter().collect()
            }
            (Self::Range(_), _) => Vec::new(),
            _ => (0..self.len()).filter(|row| self.label(*row).equals(label)).collect(),
        }
    }
}

/// One column with an index.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Series {
    pub name: Option<String>,
    pub index: Index,
    pub dtype: Dtype,
    pub cells: Arc<Vec<Cell>>,
}

impl Series {
    /// Of the type that its values have; whole numbers among floating ones become floating.
    pub fn new(name: Option<&str>, index: Index, mut cells: Vec<Cell>) -> Self {
        let dtype = Dtype::of(&cells);
        if dtype == Dtype::Float {
            for cell in &mut cells {
                if let Cell::Int(value) = cell {
                    *cell = Cell::Float(*value as f64);
                }
            }
        }
        Self { name: name.map(str::to_owned), index, dtype, cells: Arc::new(cells) }
    }

    /// Of this type, even if it is empty.
    pub fn typed(mut self, dtype: Dtype) -> Self {
        self.dtype = dtype;
        self
    }

    pub fn len(&self) -> usize {
        self.cells.len()
    }

    pub fn take(&self, rows: &[usize]) -> Self {
        let cells = rows.iter().map(|row| self.cells[*row].clone()).collect();
        Self { cells: Arc::new(cells), index: self.index.take(rows), ..self.clone() }
    }

    /// The values made anew, one by one.
    pub fn map(&self, make: impl FnMut(&Cell) -> Cell) -> Self {
        Self::new(self.name.as_deref(), self.index.clone(), self.cells.iter().map(make).collect())
    }

    /// The values made anew, as long as their texts fit into the memory.
    pub fn try_map(&self, mut make: impl FnMut(&Cell) -> Result<Cell, Trouble>) -> Result<Self, Trouble> {
        Self::made(self.name.as_deref(), self.index.clone(), self.cells.iter().map(&mut make))
    }

    /// Of values that are being made, as long as their texts fit into the memory.
    pub fn made(
        name: Option<&str>,
        index: Index,
        cells: impl Iterator<Item = Result<Cell, Trouble>>,
    ) -> Result<Self, Trouble> {
        let mut bytes = 0;
        let counted = cells.map(|cell| {
            bytes += cell.as_ref().map_or(0, Cell::text_bytes);
            if bytes > MAX_MADE { Err(Trouble::memory()) } else { cell }
        });
        let cells = counted.collect::<Result<Vec<_>, _>>()?;
        Ok(Self::new(name, index, cells))
    }

    /// The column itself, where no label stands twice.
    pub fn labelled_once(&self) -> Result<Self, Trouble> {
        let levels = self.index.levels();
        let mut seen = std::collections::HashSet::new();
        let key = |row: usize| levels.iter().map(|(_, cells)| cells[row].key()).collect::<Vec<_>>();
        if (0..self.len()).all(|row| seen.insert(key(row))) {
            return Ok(self.clone());
        }
        Err(Trouble::unknown("items of a column whose labels stand there several times"))
    }

    /// As a mask: the rows where it is true.
    pub fn true_rows(&self) -> Vec<usize> {
        (0..self.len()).filter(|row| self.cells[*row] == Cell::Bool(true)).collect()
    }
}

/// One column of a table.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Column {
    pub name: String,
    pub dtype: Dtype,
    pub cells: Arc<Vec<Cell>>,
}

/// What stands over columns that were made of labels: a name, and the type that the labels had.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Header {
    pub name: Option<String>,
    pub dtype: Dtype,
}

/// A table.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Frame {
    pub(super) index: Index,
    pub(super) columns: Vec<Column>,
    pub(super) header: Header,
}

impl Frame {
    /// Columns that share an index.
    pub(super) fn of(index: Index, columns: Vec<Series>) -> Self {
        let column = |series: Series| Column {
            name: series.name.unwrap_or_else(|| "0".to_owned()),
            dtype: series.dtype,
            cells: series.cells,
        };
        let header = Header { name: None, dtype: Dtype::Object };
        Self { index, columns: columns.into_iter().map(column).collect(), header }
    }

    /// Other columns under the same header.
    pub(super) fn made(&self, index: Index, columns: Vec<Series>) -> Self {
        Self { header: self.header.clone(), ..Self::of(index, columns) }
    }

    /// A column's values in the order of this index; missing where it has no such label.
    pub(super) fn aligned(&self, series: &Series) -> Result<Vec<Cell>, Trouble> {
        let keys = |index: &Index| -> Vec<Vec<Key>> {
            let levels = index.levels();
            (0..index.len()).map(|row| levels.iter().map(|(_, cells)| cells[row].key()).collect()).collect()
        };
        let mut rows = HashMap::new();
        for (row, key) in keys(&series.index).into_iter().enumerate() {
            if rows.insert(key, row).is_some() {
                return Err(Trouble::value("cannot reindex on an axis with duplicate labels"));
            }
        }
        let cell = |key: &Vec<Key>| rows.get(key).map_or(Cell::Null, |row| series.cells[*row].clone());
        Ok(keys(&self.index).iter().map(cell).collect())
    }

    pub(super) fn rows(&self) -> usize {
        self.index.len()
    }

    pub(super) fn column(&self, name: &str) -> Option<Series> {
        let column = self.columns.iter().find(|column| column.name == name)?;
        Some(self.series(column))
    }

    pub(super) fn series(&self, column: &Column) -> Series {
        Series {
            name: Some(column.name.clone()),
            index: self.index.clone(),
            dtype: column.dtype,
            cells: column.cells.clone(),
        }
    }

    pub(super) fn all_series(&self) -> Vec<Series> {
        self.columns.iter().map(|column| self.series(column)).collect()
    }

    pub(super) fn take(&self, rows: &[usize]) -> Self {
        let columns = self.all_series().iter().map(|series| series.take(rows)).collect();
        self.made(self.index.take(rows), columns)
    }

    /// One row as a Series with the columns' names for labels.
    pub(super) fn row(&self, row: usize) -> Series {
        let labels = self.names();
        let cells = self.columns.iter().map(|column| column.cells[row].clone()).collect();
        Series::new(Some(&self.index.shown(row)), Index::labels(None, labels), cells)
    }

    pub(super) fn names(&self) -> Vec<Cell> {
        let label = |column: &Column| {
            let text = Cell::text(&column.name);
            match (self.header.dtype, column.name.as_str()) {
                (Dtype::Object, _) => text,
                (Dtype::Bool, name) => Cell::Bool(name == "True"),
                (dtype, _) => text.cast(dtype).unwrap_or(text),
            }
        };
        self.columns.iter().map(label).collect()
    }
}
