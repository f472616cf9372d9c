//! Labels as pandas prints an `Index`.

use super::answer::Val;
use super::cell::{Cell, Dtype};

const WIDTH: usize = 80;
/// Beyond as many labels, only the first and the last ten are shown.
const MOST: usize = 100;
const ENDS: usize = 10;

/// `MultiIndex([…], names=[…])`, of which pandas would leave some out where there are many.
pub(super) fn tuples(tuples: &[Val], names: &[String]) -> String {
    let part = |tuple: &Val, level: usize| match tuple {
        Val::Tuple(parts) => parts.get(level).map(Val::repr).unwrap_or_default(),
        other => other.repr(),
    };
    let length = |text: &String| text.chars().count();
    let width = |level: usize| tuples.iter().map(|tuple| length(&part(tuple, level))).max().unwrap_or(0);
    let widths: Vec<usize> = (0..names.len()).map(width).collect();
    let line = |tuple: &Val| {
        let parts = widths.iter().enumerate().map(|(level, width)| format!("{:>width$}", part(tuple, level)));
        format!("({})", parts.collect::<Vec<_>>().join(", "))
    };
    let lines: Vec<String> = tuples.iter().take(MOST).map(line).collect();
    let names: Vec<String> = names.iter().map(|name| Cell::text(name).repr()).collect();
    format!("MultiIndex([{}],\n           names=[{}])", lines.join(",\n            "), names.join(", "))
}

/// `Index([…], dtype='…', name='…')`.
pub(super) fn labels(cells: &[Cell], dtype: Dtype, name: Option<&str>) -> String {
    let class = if dtype == Dtype::Time { "DatetimeIndex" } else { "Index" };
    let name = name.map(|name| format!(", name={}", Cell::text(name).repr())).unwrap_or_default();
    let mut length = if cells.len() > MOST { format!(", length={}", cells.len()) } else { String::new() };
    if dtype == Dtype::Time {
        length += ", freq=None";
    }
    format!("{class}({}dtype='{}'{name}{length})", listed(cells, dtype, class.len()), dtype.name())
}

fn word(cell: &Cell) -> String {
    match cell {
        Cell::Time(_) => format!("'{}'", cell.shown().trim_end_matches(" 00:00:00")),
        cell => cell.repr(),
    }
}

/// The list, up to the comma and the blank or line break behind it.
fn listed(cells: &[Cell], dtype: Dtype, class: usize) -> String {
    let is_cut = cells.len() > MOST;
    let (mut head, mut tail): (Vec<String>, Vec<String>) = if is_cut {
        (cells[..ENDS].iter().map(word).collect(), cells[cells.len() - ENDS..].iter().map(word).collect())
    } else {
        (Vec::new(), cells.iter().map(word).collect())
    };
    if tail.len() <= 2 {
        return format!("[{}], ", tail.join(", "));
    }
    let is_long = is_cut || tail.join(", ").chars().count() >= WIDTH;
    if is_long && !matches!(dtype, Dtype::Object | Dtype::List) {
        let width = head.iter().chain(&tail).map(|word| word.chars().count()).max().unwrap_or(0);
        head.iter_mut().chain(&mut tail).for_each(|word| *word = format!("{word:>width$}"));
    }
    let indent = format!("\n{}", " ".repeat(class + 2));
    let mut lines = Lines { done: String::new(), line: indent.clone(), indent: indent.clone() };
    head.iter().for_each(|word| lines.add(&format!("{word}, "), WIDTH));
    if is_cut {
        lines.done += lines.line.trim_end();
        lines.done += &format!("{indent}...");
        lines.line = indent.clone();
    }
    let (last, others) = match tail.split_last() {
        Some(parts) => parts,
        None => return "[], ".to_owned(),
    };
    others.iter().for_each(|word| lines.add(&format!("{word}, "), WIDTH));
    lines.add(last, WIDTH - 2);
    let all = format!("{}{}],", lines.done, lines.line);
    let end =
        if all.chars().count() > WIDTH { format!("\n{}", " ".repeat(class + 1)) } else { " ".to_owned() };
    format!("[{}{end}", all.strip_prefix(&indent).unwrap_or(&all))
}

struct Lines {
    done: String,
    line: String,
    indent: String,
}

impl Lines {
    fn add(&mut self, word: &str, width: usize) {
        if self.line.trim_end().chars().count() + word.trim_end().chars().count() >= width {
            self.done += self.line.trim_end();
            self.line = self.indent.clone();
        }
        self.line += word;
    }
}
