//! One agent's questions, one after the other: what a line assigned is there for the next.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use super::answer::{Trouble, Val, bounded};
use super::cell::Cell;
use super::evaluate::Evaluation;
use super::frame::{Frame, Index};
use super::parse;

/// Bytes of what the names hold beside the table of the file.
const MAX_KEPT: usize = 192 * 1024 * 1024;

/// The table and the names that were assigned.
pub(in crate::toolkits) struct Session {
    names: BTreeMap<String, Val>,
    /// Names that stand for one table.
    shared: Vec<BTreeSet<String>>,
    /// The columns of the file: they do not count as kept.
    first: HashSet<usize>,
}

impl Session {
    pub fn of(frame: &Frame) -> Self {
        let first = frame.columns.iter().map(|column| place(&column.cells)).collect();
        Self {
            names: BTreeMap::from([("df".to_owned(), Val::Frame(frame.clone()))]),
            shared: Vec::new(),
            first,
        }
    }

    /// What a model gets to see for its lines: the value of the last, and what was printed; or words on why not.
    pub fn answer(&mut self, text: &str) -> String {
        let before = (self.names.clone(), self.shared.clone());
        let mut evaluation = Evaluation::of(std::mem::take(&mut self.names));
        evaluation.shared = std::mem::take(&mut self.shared);
        let outcome = parse::parse(bare(text)).and_then(|statements| evaluation.run(&statements));
        self.names = std::mem::take(&mut evaluation.names);
        self.shared = std::mem::take(&mut evaluation.shared);
        let printed = evaluation.printed;
        if self.kept() > MAX_KEPT {
            (self.names, self.shared) = before;
            return Trouble::kept().0;
        }
        bounded(match outcome {
            Ok(Some(value)) => printed + &value.shown(),
            Ok(None) if printed.is_empty() => {
                "Done. Write a name or an expression to see its value.".to_owned()
            }
            Ok(None) => printed,
            Err(Trouble(words)) => printed + &words,
        })
    }

    /// Columns that several names share count once.
    fn kept(&self) -> usize {
        let mut kept = Kept { seen: self.first.clone(), bytes: 0 };
        self.names.values().for_each(|value| kept.add(value));
        kept.bytes
    }
}

fn place(cells: &Arc<Vec<Cell>>) -> usize {
    Arc::as_ptr(cells) as usize
}

struct Kept {
    seen: HashSet<usize>,
    bytes: usize,
}

impl Kept {
    fn add(&mut self, value: &Val) {
        match value {
            Val::Frame(frame) | Val::Matrix(frame) => self.frame(frame),
            Val::Series(series) | Val::Strings(series) | Val::Dates(series) => {
                self.index(&series.index);
                self.column(&series.cells);
            }
            Val::Group(group) => {
                group.held().for_each(|series| self.column(&series.cells));
                self.bytes += group.count() * size_of::<usize>();
            }
            Val::Loc(inner) | Val::Iloc(inner) => self.add(inner),
            Val::List(items) | Val::Tuple(items) | Val::Tuples(items, _) => {
                items.iter().for_each(|item| self.add(item))
            }
            Val::Dict(pairs) => pairs.iter().for_each(|(key, value)| {
                self.add(key);
                self.add(value);
            }),
            Val::Array(cells) | Val::Labels(cells, ..) => self.cells(cells),
            Val::Text(text) => self.bytes += text.len(),
            _ => {}
        }
        self.bytes += size_of::<Val>();
    }

    fn frame(&mut self, frame: &Frame) {
        self.index(&frame.index);
        frame.columns.iter().for_each(|column| self.column(&column.cells));
    }

    fn index(&mut self, index: &Index) {
        match index {
            Index::Range(_) => {}
            Index::Labels(_, labels) => self.column(labels),
            Index::Levels(_, levels) => levels.iter().for_each(|level| self.cells(level)),
        }
    }

    fn column(&mut self, cells: &Arc<Vec<Cell>>) {
        if self.seen.insert(place(cells)) {
            self.cells(cells);
        }
    }

    fn cells(&mut self, cells: &[Cell]) {
        self.bytes += cells.iter().map(|cell| size_of::<Cell>() + cell.text_bytes()).sum::<usize>();
    }
}

/// Without the fence or the prompt that models put around code.
fn bare(text: &str) -> &str {
    let text = text.trim();
    let inner = text
        .strip_prefix("```")
        .map_or(text, |inner| inner.strip_prefix("python").or(inner.strip_prefix("py")).unwrap_or(inner));
    let inner = inner.strip_suffix("```").unwrap_or(inner).trim();
    let inner = inner.strip_prefix(">>> ").unwrap_or(inner);
    let whole = inner.strip_prefix('`').and_then(|inner| inner.strip_suffix('`'));
    whole.unwrap_or(inner).trim()
}
