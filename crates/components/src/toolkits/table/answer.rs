//! What comes of an expression: a value, or words for whoever wrote it.

use super::cell::{Cell, Dtype};
use super::frame::{Frame, Series};
use super::group::Group;
use super::print;
use millrace_engine::python_float;

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
    /// The names of columns, or the labels of rows.
    Labels(Vec<Cell>, Dtype),
    Group(Group),
    /// `series.str`.
    Strings(Series),
    /// `frame.loc` and `frame.iloc`; of a Series, too.
    Loc(Box<Val>),
    Iloc(Box<Val>),
    /// `pd`, `np`, or a function by name.
    Name(String),
}

/// Why an expression has no value. Words for a model: Python's where there are such.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Trouble(pub String);

/// What can be asked, for a model that asked something else.
const CAN: &str = "This is no Python shell: one table, `df`, is asked in pandas expressions. Possible are \
len(df), df.shape, df.columns, df.dtypes, df.head(n), df.describe(), df['a'], df[['a', 'b']], filters such as \
df[(df['a'] > 1) & (df['b'] == 'x')], df.query('a > 1'), .str.contains(...), .isin([...]), .isnull(), \
mean/sum/min/max/median/std/count/nunique/unique/value_counts, sort_values, nlargest, groupby('a')['b'].mean() or \
.agg([...]), loc and iloc, arithmetic, print(...) and names assigned in lines above. No loops, functions or imports.";

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
            Self::Array(_) => "ndarray",
            Self::Labels(..) => "Index",
            Self::Group(_) => "DataFrameGroupBy",
            Self::Strings(_) => "StringMethods",
            Self::Loc(_) | Self::Iloc(_) => "indexer",
            Self::Name(_) => "function",
        }
    }

    pub fn of(cell: &Cell) -> Self {
        match cell {
            Cell::Null => Self::Float(f64::NAN),
            Cell::Bool(value) => Self::Bool(*value),
            Cell::Int(value) => Self::Int(*value),
            Cell::Float(value) => Self::Float(*value),
            Cell::Text(text) => Self::Text(text.to_string()),
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
            _ => return None,
        })
    }

    /// The values that it holds, if it holds values.
    pub fn cells(&self) -> Option<Vec<Cell>> {
        match self {
            Self::Series(series) => Some(series.cells.to_vec()),
            Self::Array(cells) | Self::Labels(cells, _) => Some(cells.clone()),
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
            Self::Array(cells) => array(cells),
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
            Self::Tuple(items) if items.len() == 1 => format!("({},)", list(items)),
            Self::Tuple(items) => format!("({})", list(items)),
            Self::Dict(pairs) => {
                let pairs = pairs.iter().map(|(key, value)| format!("{}: {}", key.repr(), value.repr()));
                format!("{{{}}}", pairs.collect::<Vec<_>>().join(", "))
            }
            Self::Labels(cells, dtype) => {
                let shown: Vec<_> = cells.iter().map(Cell::repr).collect();
                format!("Index([{}], dtype='{}')", shown.join(", "), dtype.name())
            }
            Self::Array(cells) => format!("array({})", array(cells)),
            Self::Series(_) | Self::Frame(_) => self.shown(),
            other => format!("<{}>", other.kind()),
        }
    }
}

/// numpy's `str`, in one line.
fn array(cells: &[Cell]) -> String {
    if Dtype::of(cells) != Dtype::Float {
        let shown: Vec<_> = cells.iter().map(Cell::repr).collect();
        return format!("[{}]", shown.join(" "));
    }
    // numpy leaves out the zero behind the point, and brings all to one width.
    let short = |cell: &Cell| match python_float(cell.number().unwrap_or(f64::NAN)) {
        text if text.ends_with(".0") => text[..text.len() - 1].to_owned(),
        text => text,
    };
    let shown: Vec<String> = cells.iter().map(short).collect();
    let behind = |text: &str| text.split_once('.').map_or(0, |(_, behind)| behind.len());
    let most = shown.iter().map(|text| behind(text)).max().unwrap_or(0);
    let padded: Vec<String> = shown
        .iter()
        .map(|text| format!("{text}{}", " ".repeat(if text.contains('.') { most - behind(text) } else { 0 })))
        .collect();
    let width = padded.iter().map(String::len).max().unwrap_or(0);
    let padded: Vec<String> = padded.iter().map(|text| format!("{text:>width$}")).collect();
    format!("[{}]", padded.join(" "))
}
