//! Works out what a model wrote, line by line, over one table.

use std::collections::BTreeMap;

use super::answer::{MAX_MADE, Trouble, Val, bounded};
use super::arithmetic;
use super::call::Arguments;
use super::compute;
use super::frame::{Frame, Series};
use super::functions::{builtin, method, to_number};
use super::parse;
use super::select;
use super::series_calls;
use super::syntax::{Expr, Statement};
use super::{frame_calls, string_calls};

/// Values that one input may touch, all operations together.
const MAX_WORK: usize = 24_000_000;
/// Bytes of text that one input may make, all operations together.
const MAX_TEXT: usize = 4 * MAX_MADE;

/// What a model gets to see for its lines: the value of the last, and what was printed; or words on why not.
pub(in crate::toolkits) fn answer(frame: &Frame, text: &str) -> String {
    let mut table = Evaluation::of(frame);
    let outcome = parse::parse(bare(text)).and_then(|statements| table.run(&statements));
    let said = match outcome {
        Ok(Some(value)) => table.printed + &value.shown(),
        Ok(None) if table.printed.is_empty() => {
            "Done. Write a name or an expression to see its value.".to_owned()
        }
        Ok(None) => table.printed,
        Err(Trouble(words)) => table.printed + &words,
    };
    bounded(said)
}

/// The condition of `DataFrame.query`: names are columns.
pub(super) fn condition(frame: &Frame, text: &str) -> Result<Val, Trouble> {
    let condition = parse::parse_condition(&text.replace('`', ""))?;
    let mut columns =
        Evaluation { names: BTreeMap::new(), printed: String::new(), work: 0, made: 0, elementwise: true };
    for series in frame.all_series() {
        columns.names.insert(series.name.clone().unwrap_or_default(), Val::Series(series));
    }
    columns.value(&condition)
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

struct Evaluation {
    names: BTreeMap<String, Val>,
    printed: String,
    work: usize,
    made: usize,
    /// Whether `and`, `or` and `not` go row by row, as in `DataFrame.query`.
    elementwise: bool,
}

impl Evaluation {
    fn of(frame: &Frame) -> Self {
        let names = BTreeMap::from([("df".to_owned(), Val::Frame(frame.clone()))]);
        Self { names, printed: String::new(), work: 0, made: 0, elementwise: false }
    }

    fn run(&mut self, statements: &[Statement]) -> Result<Option<Val>, Trouble> {
        let mut last = None;
        for statement in statements {
            last = None;
            match statement {
                Statement::Import => {}
                Statement::Assign(name, value) => {
                    let value = self.value(value)?;
                    self.names.insert(name.clone(), value);
                }
                Statement::AssignColumn(name, key, value) => self.assign_column(name, key, value)?,
                Statement::Expr(expression) => {
                    last = Some(self.value(expression)?).filter(|value| !matches!(value, Val::None));
                }
            }
        }
        Ok(last)
    }

    fn assign_column(&mut self, name: &str, key: &Expr, value: &Expr) -> Result<(), Trouble> {
        let (key, value) = (self.value(key)?, self.value(value)?);
        let Some(Val::Frame(frame)) = self.names.get(name) else {
            return Err(Trouble::unknown("an assignment into this"));
        };
        let column =
            key.cell().map(|key| key.shown()).ok_or_else(|| Trouble::unknown("an assignment to rows"))?;
        let cells = match (value.cells(), value.cell()) {
            (Some(cells), _) if cells.len() == frame.rows() => cells,
            (Some(_), _) => return Err(Trouble::value("Length of values does not match length of index")),
            (None, Some(cell)) => vec![cell; frame.rows()],
            (None, None) => return Err(Trouble::unknown("this value for a column")),
        };
        let made = Series::new(Some(&column), frame.index.clone(), cells);
        let mut columns = frame.all_series();
        match columns.iter_mut().find(|series| series.name.as_ref() == Some(&column)) {
            Some(series) => *series = made,
            None => columns.push(made),
        }
        let frame = Frame::of(frame.index.clone(), columns);
        self.names.insert(name.to_owned(), Val::Frame(frame));
        Ok(())
    }

    fn values(&mut self, expressions: &[Expr]) -> Result<Vec<Val>, Trouble> {
        expressions.iter().map(|expression| self.value(expression)).collect()
    }

    /// Counts the values that an operation goes over.
    fn charge(&mut self, value: &Val) -> Result<(), Trouble> {
        self.work += match value {
            Val::Series(series) | Val::Strings(series) => series.len(),
            Val::Frame(frame) => frame.rows() * frame.columns.len().max(1),
            Val::Loc(inner) | Val::Iloc(inner) => return self.charge(&inner.clone()),
            Val::List(items) => items.len(),
            _ => 1,
        };
        if self.work > MAX_WORK {
            return Err(Trouble::memory());
        }
        Ok(())
    }

    fn value(&mut self, expression: &Expr) -> Result<Val, Trouble> {
        let value = self.unmeasured(expression)?;
        if matches!(expression, Expr::Call(..) | Expr::Binary(..)) {
            self.made += value.text_bytes();
            if self.made > MAX_TEXT {
                return Err(Trouble::memory());
            }
        }
        Ok(value)
    }

    fn unmeasured(&mut self, expression: &Expr) -> Result<Val, Trouble> {
        Ok(match expression {
            Expr::None => Val::None,
            Expr::Bool(value) => Val::Bool(*value),
            Expr::Int(value) => Val::Int(*value),
            Expr::Float(value) => Val::Float(*value),
            Expr::Text(text) => Val::Text(text.clone()),
            Expr::Name(name) => self.name(name)?,
            Expr::List(items) => Val::List(self.values(items)?),
            Expr::Tuple(items) => Val::Tuple(self.values(items)?),
            Expr::Dict(pairs) => {
                let pairs = pairs.iter().map(|(key, value)| Ok((self.value(key)?, self.value(value)?)));
                Val::Dict(pairs.collect::<Result<_, Trouble>>()?)
            }
            Expr::Slice(..) => self.slice(expression, false)?,
            Expr::Attribute(object, name) => self.attribute(object, name)?,
            Expr::Subscript(object, key) => {
                let object = self.value(object)?;
                self.charge(&object)?;
                let key = self.key(key, matches!(object, Val::Loc(_)))?;
                select::subscript(&object, &key)?
            }
            Expr::Call(function, positional, named) => self.call(function, positional, named)?,
            Expr::Not(inner) if self.elementwise => arithmetic::invert(self.value(inner)?)?,
            Expr::Not(inner) => Val::Bool(!self.truth(inner)?),
            Expr::Negative(inner) => arithmetic::negative(self.value(inner)?)?,
            Expr::Invert(inner) => arithmetic::invert(self.value(inner)?)?,
            Expr::Binary(operator, left, right) => self.binary(operator, left, right)?,
        })
    }

    fn name(&self, name: &str) -> Result<Val, Trouble> {
        if let Some(value) = self.names.get(name) {
            return Ok(value.clone());
        }
        const KNOWN: &[&str] = &[
            "pd", "np", "len", "print", "str", "int", "float", "bool", "round", "max", "min", "sum", "abs",
            "list", "sorted", "set", "tuple", "type", "pandas", "numpy", "any", "all",
        ];
        if KNOWN.contains(&name) {
            return Ok(Val::Name(name.to_owned()));
        }
        Err(Trouble(format!("NameError: name '{name}' is not defined")))
    }

    fn key(&mut self, key: &Expr, labels: bool) -> Result<Val, Trouble> {
        match key {
            Expr::Slice(..) => self.slice(key, labels),
            Expr::Tuple(parts) => {
                let parts = parts.iter().map(|part| self.key(part, labels)).collect::<Result<_, _>>()?;
                Ok(Val::Tuple(parts))
            }
            other => self.value(other),
        }
    }

    fn slice(&mut self, slice: &Expr, labels: bool) -> Result<Val, Trouble> {
        let Expr::Slice(start, stop, step) = slice else { return self.value(slice) };
        let mut part = |part: &Option<Box<Expr>>| part.as_ref().map(|part| self.value(part)).transpose();
        let (start, stop, step) = (part(start)?, part(stop)?, part(step)?);
        if labels && step.is_none() {
            let cell = |part: Option<Val>| part.and_then(|part| part.cell());
            return Ok(Val::LabelSlice(cell(start), cell(stop)));
        }
        let whole = |part: Option<Val>| match part {
            None | Some(Val::None) => Ok(None),
            Some(Val::Int(place)) => Ok(Some(place)),
            Some(_) => Err(Trouble::types("slice indices must be integers or None")),
        };
        Ok(Val::Slice(whole(start)?, whole(stop)?, whole(step)?))
    }

    fn attribute(&mut self, object: &Expr, name: &str) -> Result<Val, Trouble> {
        let object = self.value(object)?;
        let found = match &object {
            Val::Frame(frame) => frame_calls::attribute(frame, name),
            Val::Series(series) => series_calls::attribute(series, name),
            Val::Group(group) => Some(match name {
                "ngroups" => group.call("ngroups", &Arguments::default())?,
                name => group.select(&[name.to_owned()], true).map(Val::Group)?,
            }),
            Val::Labels(cells, _) if matches!(name, "values" | "array") => Some(Val::Array(cells.clone())),
            Val::Array(cells) | Val::Labels(cells, _) if name == "size" => Some(Val::Int(cells.len() as i64)),
            Val::Array(cells) | Val::Labels(cells, _) if name == "shape" => {
                Some(Val::Tuple(vec![Val::Int(cells.len() as i64)]))
            }
            Val::Name(module) if matches!((module.as_str(), name), ("np" | "numpy", "nan" | "NaN")) => {
                Some(Val::Float(f64::NAN))
            }
            Val::Name(module) => Some(Val::Name(format!("{module}.{name}"))),
            _ => None,
        };
        found.ok_or_else(|| {
            Trouble(format!("AttributeError: '{}' object has no attribute '{name}'", object.kind()))
        })
    }

    fn truth(&mut self, expression: &Expr) -> Result<bool, Trouble> {
        match self.value(expression)? {
            Val::Series(_) | Val::Frame(_) => Err(Trouble::value(
                "The truth value of a Series is ambiguous. Use & and | between conditions, each in brackets.",
            )),
            Val::List(items) | Val::Tuple(items) => Ok(!items.is_empty()),
            other => Ok(other.cell().is_some_and(|cell| compute::truth(&cell))),
        }
    }

    fn binary(&mut self, operator: &str, left: &Expr, right: &Expr) -> Result<Val, Trouble> {
        if matches!(operator, "and" | "or") && !self.elementwise {
            let first = self.truth(left)?;
            let decided = first == (operator == "or");
            return self.value(if decided { left } else { right });
        }
        let (left, right) = (self.value(left)?, self.value(right)?);
        self.charge(&left)?;
        self.charge(&right)?;
        match operator {
            "in" | "not in" => {
                let found = self.contains(&right, &left)?;
                match found {
                    Val::Series(mask) if operator == "not in" => arithmetic::invert(Val::Series(mask)),
                    Val::Bool(found) => Ok(Val::Bool(found == (operator == "in"))),
                    other => Ok(other),
                }
            }
            _ => arithmetic::binary(operator, left, right),
        }
    }

    fn contains(&self, holder: &Val, item: &Val) -> Result<Val, Trouble> {
        if let (true, Val::Series(series)) = (self.elementwise, item) {
            let arguments = Arguments { positional: vec![holder.clone()], named: Vec::new() };
            return series_calls::call(series, "isin", &arguments);
        }
        let cell = item.cell().ok_or_else(|| Trouble::types("'in' needs a value"))?;
        Ok(Val::Bool(match holder {
            Val::Text(text) => text.contains(&cell.shown()),
            Val::Frame(frame) => frame.column(&cell.shown()).is_some(),
            Val::Series(series) => !series.index.find(&cell).is_empty(),
            Val::Dict(pairs) => pairs.iter().any(|(key, _)| key.cell().is_some_and(|key| key.equals(&cell))),
            other => {
                let cells = other
                    .cells()
                    .ok_or_else(|| Trouble::types(format!("'{}' holds nothing", other.kind())))?;
                cells.iter().any(|known| known.equals(&cell))
            }
        }))
    }

    fn call(
        &mut self,
        function: &Expr,
        positional: &[Expr],
        named: &[(String, Expr)],
    ) -> Result<Val, Trouble> {
        let arguments = Arguments {
            positional: self.values(positional)?,
            named: named
                .iter()
                .map(|(name, value)| Ok((name.clone(), self.value(value)?)))
                .collect::<Result<_, Trouble>>()?,
        };
        arguments.positional.iter().try_for_each(|argument| self.charge(argument))?;
        if let Expr::Attribute(object, name) = function {
            let object = self.value(object)?;
            self.charge(&object)?;
            return match &object {
                Val::Frame(frame) => {
                    if name == "info" {
                        let shown = frame_calls::call(frame, name, &arguments)?.shown();
                        self.print(&shown);
                        return Ok(Val::None);
                    }
                    frame_calls::call(frame, name, &arguments)
                }
                Val::Series(series) => series_calls::call(series, name, &arguments),
                Val::Strings(series) => string_calls::call(series, name, &arguments),
                Val::Group(group) => group.call(name, &arguments),
                Val::Name(module) => self.function(&format!("{module}.{name}"), &arguments),
                other => method(other, name, &arguments),
            };
        }
        match self.value(function)? {
            Val::Name(name) => self.function(&name, &arguments),
            other => Err(Trouble::types(format!("'{}' object is not callable", other.kind()))),
        }
    }

    /// What is beyond an answer's length is not kept.
    fn print(&mut self, text: &str) {
        if self.printed.len() < 64 * 1024 {
            self.printed.push_str(text);
            self.printed.push('\n');
        }
    }

    fn function(&mut self, name: &str, arguments: &Arguments) -> Result<Val, Trouble> {
        if name == "print" {
            let separator = arguments.text(usize::MAX, "sep")?.unwrap_or_else(|| " ".to_owned());
            let shown: Vec<_> = arguments.positional.iter().map(Val::shown).collect();
            self.print(&shown.join(&separator));
            return Ok(Val::None);
        }
        let short = name.rsplit('.').next().unwrap_or_default();
        let module = name.split('.').next().unwrap_or_default();
        match (module, arguments.first()) {
            ("pd" | "pandas", Some(Val::Series(series))) => match short {
                "to_numeric" => Ok(Val::Series(to_number(series, arguments)?)),
                _ => series_calls::call(series, short, arguments),
            },
            ("np" | "numpy", Some(Val::Series(series))) if name.contains('.') => {
                series_calls::call(series, short, &Arguments::default())
            }
            ("pd" | "pandas", _) if name.contains('.') => Err(Trouble::unknown(&format!("'{name}'"))),
            (_, Some(first)) => builtin(short, first, arguments),
            (_, None) => Err(Trouble::types(format!("{short}() needs an argument"))),
        }
    }
}
