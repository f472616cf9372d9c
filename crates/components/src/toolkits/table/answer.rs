//! What comes of an expression: a value, or words for whoever wrote it.

use super::cell::{Cell, Dtype, Items};
use super::frame::{Frame, Series};
use super::group::Group;
use super::syntax::Expr;
use super::{print, print_array, print_index, time};
use millrace_engine::python_float;
use std::sync::Arc;

/// A value while an expression is worked out.
#[derive(Debug, Clone)]
pub(super) enum Val {
    None,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
    List(Vec<Val>),
    Tuple(Vec<Val>),
    Dict(Vec<(Val, Val)>),
    Slice(Option<i64>, Option<i64>, Option<i64>),
    /// A slice by labels, both ends included.
    LabelSlice(Option<Cell>, Option<Cell>),
    Series(Series),
    Frame(Frame),
    /// numpy's array.
    Array(Vec<Cell>),
    /// numpy's array of two dimensions: the values of a table.
    Matrix(Frame),
    /// The names of columns, or the labels of rows; with a name where they have one.
    Labels(Vec<Cell>, Dtype, Option<String>),
    /// The labels of rows where there are several levels, and their names.
    Tuples(Vec<Val>, Vec<String>),
    /// The labels of rows that are only counted.
    Counting(usize),
    Time(i64),
    /// The seconds between two points in time.
    Span(i64),
    /// The type of a column.
    Dtype(Dtype),
    Group(Box<Group>),
    /// `series.str`.
    Strings(Series),
    /// `series.dt`.
    Dates(Series),
    /// `frame.loc` and `frame.iloc`; of a Series, too.
    Loc(Box<Val>),
    Iloc(Box<Val>),
    /// `pd`, `np`, or a function by name.
    Name(String),
    /// A function of the model's own: its names and what it gives.
    Lambda(Vec<String>, Arc<Expr>),
}

/// Why an expression has no value. Words for a model: Python's where there are such.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Trouble(pub String);

/// What can be asked, for a model that asked something else.
const CAN: &str = "This is no Python shell: one table, `df`, is asked in pandas expressions. Possible are \
len(df), df.shape, df.columns, df.dtypes, df.head(n), df.describe(), df['a'], df[['a', 'b']], filters such as \
df[(df['a'] > 1) & (df['b'] == 'x')], df.query('a > 1'), .str.contains(...), .isin([...]), .isnull(), \
mean/sum/min/max/median/std/count/nunique/unique/value_counts, sort_values, nlargest, groupby('a')['b'].mean() or \
.agg([...]), loc and iloc, pivot_table, pd.to_datetime and .dt, .apply(lambda x: ...), [... for x in df['a']], f-strings, arithmetic, print(...) \
and names assigned before. No other loops, no def, no imports, no files.";

impl Trouble {
    pub fn syntax(what: &str) -> Self {
        Self(format!("SyntaxError: {what}"))
    }

    pub fn key(key: &Cell) -> Self {
        Self(format!("KeyError: {}", key.repr()))
    }

    pub fn types(what: impl std::fmt::Display) -> Self {
        Self(format!("TypeError: {what}"))
    }

    pub fn value(what: impl std::fmt::Display) -> Self {
        Self(format!("ValueError: {what}"))
    }

    pub fn index(what: &str) -> Self {
        Self(format!("IndexError: {what}"))
    }

    /// It would fill the memory.
    pub fn memory() -> Self {
        Self("MemoryError: this is too much work for one input; ask for less at a time".to_owned())
    }

    /// The names would fill the memory.
    pub fn kept() -> Self {
        Self("MemoryError: the names hold more than can be kept; nothing was assigned".to_owned())
    }

    /// Python would understand it; this does not.
    pub fn unknown(what: &str) -> Self {
        Self(format!("NotSupported: {what} cannot be used here. {CAN}"))
    }
}

/// Values of one list.
pub(super) const MAX_LIST: usize = 200_000;
/// Bytes of text that one operation makes.
pub(super) const MAX_MADE: usize = 16 * 1024 * 1024;
/// Characters of one answer.
const MAX_ANSWER: usize = 16 * 1024;

/// An answer of bearable length; a cut is said.
pub(super) fn bounded(text: String) -> String {
    match text.char_indices().nth(MAX_ANSWER) {
        None => text,
        Some((end, _)) => {
            format!("{}\n... (cut: the answer has more than {MAX_ANSWER} characters)", &text[..end])
        }
    }
}

impl Val {
    pub fn kind(&self) -> &'static str {
        match self {
            Self::None => "NoneType",
            Self::Bool(_) => "bool",
            Self::Int(_) => "int",
            Self::Float(_) => "float",
            Self::Text(_) => "str",
            Self::List(_) => "list",
            Self::Tuple(_) => "tuple",
            Self::Dict(_) => "dict",
            Self::Slice(..) | Self::LabelSlice(..) => "slice",
            Self::Series(_) => "Series",
            Self::Frame(_) => "DataFrame",
            Self::Array(_) | Self::Matrix(_) => "ndarray",
            Self::Labels(..) => "Index",
            Self::Tuples(..) => "MultiIndex",
            Self::Counting(_) => "RangeIndex",
            Self::Time(_) => "Timestamp",
            Self::Span(_) => "Timedelta",
            Self::Dtype(_) => "dtype",
            Self::Group(_) => "DataFrameGroupBy",
            Self::Strings(_) => "StringMethods",
            Self::Dates(_) => "DatetimeProperties",
            Self::Loc(_) | Self::Iloc(_) => "indexer",
            Self::Name(_) | Self::Lambda(..) => "function",
        }
    }

    pub fn of(cell: &Cell) -> Self {
        match cell {
            Cell::Null => Self::Float(f64::NAN),
            Cell::Bool(value) => Self::Bool(*value),
            Cell::Int(value) => Self::Int(*value),
            Cell::Float(value) => Self::Float(*value),
            Cell::Text(text) => Self::Text(text.to_string()),
            Cell::Time(time) => Self::Time(*time),
            Cell::List(items) if items.is_array => Self::Array(items.cells.clone()),
            Cell::List(items) => Self::List(items.cells.iter().map(Self::of).collect()),
        }
    }

    /// The one value that it is, if it is one.
    pub fn cell(&self) -> Option<Cell> {
        Some(match self {
            Self::None => Cell::Null,
            Self::Bool(value) => Cell::Bool(*value),
            Self::Int(value) => Cell::Int(*value),
            Self::Float(value) if value.is_nan() => Cell::Null,
            Self::Float(value) => Cell::Float(*value),
            Self::Text(text) => Cell::text(text),
            Self::Time(time) => Cell::Time(*time),
            _ => return None,
        })
    }

    /// The one value that it is; a list is one, too.
    pub fn cell_or_list(&self) -> Option<Cell> {
        let items = |cells, is_array| Cell::List(Arc::new(Items { cells, is_array }));
        match self {
            Self::List(_) => self.cells().map(|cells| items(cells, false)),
            Self::Array(cells) => Some(items(cells.clone(), true)),
            other => other.cell(),
        }
    }

    /// The values that it holds, if it holds values.
    pub fn cells(&self) -> Option<Vec<Cell>> {
        match self {
            Self::Series(series) => Some(series.cells.to_vec()),
            Self::Array(cells) | Self::Labels(cells, ..) => Some(cells.clone()),
            Self::Counting(count) => Some((0..*count as i64).map(Cell::Int).collect()),
            Self::List(items) | Self::Tuple(items) => items.iter().map(Self::cell).collect(),
            _ => None,
        }
    }

    /// The bytes of text in it.
    pub fn text_bytes(&self) -> usize {
        let of = |cells: &[Cell]| cells.iter().map(Cell::text_bytes).sum();
        match self {
            Self::Text(text) => text.len(),
            Self::Series(series) => of(&series.cells),
            _ => 0,
        }
    }

    /// Python's `str`.
    pub fn shown(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Series(series) => print::series(series),
            Self::Frame(frame) => print::frame(frame),
            Self::Array(cells) => print_array::line(cells, "", " "),
            Self::Time(time) => time::shown(*time),
            Self::Span(span) => time::span(*span),
            Self::Dtype(dtype) => dtype.name().to_owned(),
            other => other.repr(),
        }
    }

    /// Python's `repr`.
    pub fn repr(&self) -> String {
        let list = |items: &[Self]| items.iter().map(Self::repr).collect::<Vec<_>>().join(", ");
        match self {
            Self::None => "None".to_owned(),
            Self::Float(value) => python_float(*value),
            Self::Bool(_) | Self::Int(_) | Self::Text(_) => {
                self.cell().map(|cell| cell.repr()).unwrap_or_default()
            }
            Self::List(items) => format!("[{}]", list(items)),
            Self::Tuples(items, names) => print_index::tuples(items, names),
            Self::Tuple(items) if items.len() == 1 => format!("({},)", list(items)),
            Self::Tuple(items) => format!("({})", list(items)),
            Self::Dict(pairs) => {
                let pairs = pairs.iter().map(|(key, value)| format!("{}: {}", key.repr(), value.repr()));
                format!("{{{}}}", pairs.collect::<Vec<_>>().join(", "))
            }
            Self::Labels(cells, dtype, name) => print_index::labels(cells, *dtype, name.as_deref()),
            Self::Counting(count) => format!("RangeIndex(start=0, stop={count}, step=1)"),
            Self::Time(_) => self.cell().map(|cell| cell.repr()).unwrap_or_default(),
            Self::Span(span) => format!("Timedelta('{}')", time::span(*span)),
            Self::Name(class) if class.starts_with('<') => class.clone(),
            Self::Dtype(Dtype::Object | Dtype::List) => "dtype('O')".to_owned(),
            Self::Dtype(Dtype::Time) => "dtype('<M8[ns]')".to_owned(),
            Self::Dtype(dtype) => format!("dtype('{}')", dtype.name()),
            Self::Array(cells) => print_array::repr(cells),
            Self::Matrix(frame) => print_array::matrix(frame),
            Self::Series(_) | Self::Frame(_) => self.shown(),
            other => format!("<{}>", other.kind()),
        }
    }
}
