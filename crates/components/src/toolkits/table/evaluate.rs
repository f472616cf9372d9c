//! Works out what a model wrote, line by line, over one table.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::aggregates;
use super::answer::{MAX_MADE, Trouble, Val};
use super::arithmetic;
use super::call::Arguments;
use super::cell::Dtype;
use super::each::dict;
use super::frame::Frame;
use super::syntax::{Expr, Piece, Statement};
use super::{dates, format, frame_calls, functions, parse, select, series_calls, time};

/// Values that one input may touch, all operations together.
const MAX_WORK: usize = 24_000_000;
/// Bytes of text that one input may make, all operations together.
const MAX_TEXT: usize = 4 * MAX_MADE;

/// What pandas has behind a dot and this has not.
const UNSUPPORTED: &[&str] = &[
    "T",
    "attrs",
    "axes",
    "cat",
    "dt",
    "flags",
    "hist",
    "plot",
    "sparse",
    "str",
    "style",
    "is_monotonic_increasing",
];
/// Expressions inside each other, those of a `lambda` in the place where it is called.
const MAX_DEPTH: u32 = 200;

/// The condition of `DataFrame.query`: names are columns.
pub(super) fn condition(frame: &Frame, text: &str) -> Result<Val, Trouble> {
    let condition = parse::parse_condition(&text.replace('`', ""))?;
    let mut columns = Evaluation { elementwise: true, ..Evaluation::of(BTreeMap::new()) };
    for series in frame.all_series() {
        columns.names.insert(series.name.clone().unwrap_or_default(), Val::Series(series));
    }
    columns.value(&condition)
}

/// What a name's value costs to take: columns are shared, lists are not.
fn held(value: &Val) -> usize {
    match value {
        Val::List(items) | Val::Tuple(items) => 8 * items.iter().map(held).sum::<usize>() + 1,
        Val::Dict(pairs) => pairs.iter().map(|(_, value)| held(value) + 1).sum(),
        Val::Array(cells) | Val::Labels(cells, ..) => cells.len(),
        Val::Counting(count) => *count,
        Val::Frame(frame) | Val::Matrix(frame) => frame.columns.len(),
        Val::Group(group) => group.count(),
        Val::Text(text) => text.len() / 64 + 1,
        Val::Loc(inner) | Val::Iloc(inner) => held(inner),
        _ => 1,
    }
}

/// `'{:.2f}'.format` and `', '.join`, not called.
fn uncalled(text: &str, name: &str) -> Val {
    let method = Expr::Attribute(Box::new(Expr::Text(text.to_owned())), name.to_owned());
    let call = Expr::Call(Box::new(method), vec![Expr::Name("value".to_owned())], Vec::new());
    Val::Lambda(vec!["value".to_owned()], Arc::new(call))
}

fn truth_of(value: &Val) -> Result<bool, Trouble> {
    match value {
        Val::Series(_) | Val::Frame(_) => Err(Trouble::value(
            "The truth value of a Series is ambiguous. Use & and | between conditions, each in brackets.",
        )),
        Val::List(items) | Val::Tuple(items) => Ok(!items.is_empty()),
        Val::Dict(pairs) => Ok(!pairs.is_empty()),
        // What is missing is true in Python.
        Val::Float(value) if value.is_nan() => Ok(true),
        Val::Time(_) => Ok(true),
        other => Ok(other.cell().is_some_and(|cell| aggregates::truth(&cell))),
    }
}

/// One input being worked out.
pub(super) struct Evaluation {
    pub names: BTreeMap<String, Val>,
    pub printed: String,
    /// Names that stand for one table: what changes it changes it for all.
    pub shared: Vec<BTreeSet<String>>,
    work: usize,
    made: usize,
    /// Expressions that are being worked out inside each other.
    depth: u32,
    /// Whether `and`, `or` and `not` go row by row, as in `DataFrame.query`.
    elementwise: bool,
}

impl Evaluation {
    pub fn of(names: BTreeMap<String, Val>) -> Self {
        Self {
            names,
            printed: String::new(),
            shared: Vec::new(),
            work: 0,
            made: 0,
            depth: 0,
            elementwise: false,
        }
    }

    pub fn run(&mut self, statements: &[Statement]) -> Result<Option<Val>, Trouble> {
        let mut last = None;
        for statement in statements {
            last = None;
            match statement {
                Statement::Import => {}
                Statement::Assign(name, value) => {
                    let alias = if let Expr::Name(other) = value { Some(other) } else { None };
                    let value = self.value(value)?;
                    self.bind_name(name, value, alias);
                }
                Statement::AssignColumn(name, key, value) => self.assign_column(name, key, value)?,
                Statement::Expr(expression) if self.in_place(expression)? => {}
                Statement::Expr(expression) => {
                    last = Some(self.value(expression)?).filter(|value| !matches!(value, Val::None));
                }
            }
        }
        Ok(last)
    }

    pub fn values(&mut self, expressions: &[Expr]) -> Result<Vec<Val>, Trouble> {
        expressions.iter().map(|expression| self.value(expression)).collect()
    }

    /// Counts the values that an operation goes over.
    pub fn charge(&mut self, value: &Val) -> Result<(), Trouble> {
        self.work_on(match value {
            Val::Series(series) | Val::Strings(series) | Val::Dates(series) => series.len(),
            Val::Frame(frame) | Val::Matrix(frame) => frame.rows() * frame.columns.len().max(1),
            Val::Group(group) => group.count(),
            Val::Loc(inner) | Val::Iloc(inner) => return self.charge(inner),
            other => held(other),
        })
    }

    /// Counts as many values.
    pub fn work_on(&mut self, count: usize) -> Result<(), Trouble> {
        self.work = self.work.saturating_add(count);
        if self.work > MAX_WORK { Err(Trouble::memory()) } else { Ok(()) }
    }

    pub fn value(&mut self, expression: &Expr) -> Result<Val, Trouble> {
        self.work_on(1)?;
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(Trouble("RecursionError: maximum recursion depth exceeded".to_owned()));
        }
        let value = self.unmeasured(expression)?;
        self.depth -= 1;
        if matches!(expression, Expr::Call(..) | Expr::Binary(..) | Expr::Format(_)) {
            self.made += value.text_bytes();
            if self.made > MAX_TEXT {
                return Err(Trouble::memory());
            }
        }
        Ok(value)
    }

    /// **Calls nest here**: what takes room on the stack stands in functions of its own.
    fn unmeasured(&mut self, expression: &Expr) -> Result<Val, Trouble> {
        match expression {
            Expr::Call(function, positional, named) => self.call(function, positional, named),
            Expr::Binary(operator, left, right) => self.binary(operator, left, right),
            Expr::Attribute(object, name) => self.attribute(object, name),
            Expr::Subscript(object, key) => self.subscript(object, key),
            Expr::Name(name) => self.known(name),
            Expr::Each(each) => self.each(each),
            Expr::Format(pieces) => self.format(pieces),
            Expr::Slice(..) => self.slice(expression, false),
            Expr::If(condition, value, other) => self.choice(condition, value, other),
            Expr::List(_) | Expr::Tuple(_) | Expr::Dict(_) => self.held_by(expression),
            Expr::Not(_) | Expr::Negative(_) | Expr::Invert(_) => self.unary(expression),
            Expr::Lambda(names, body) => Ok(Val::Lambda(names.clone(), Arc::new((**body).clone()))),
            Expr::None => Ok(Val::None),
            Expr::Bool(value) => Ok(Val::Bool(*value)),
            Expr::Int(value) => Ok(Val::Int(*value)),
            Expr::Float(value) => Ok(Val::Float(*value)),
            Expr::Text(text) => Ok(Val::Text(text.clone())),
        }
    }

    fn known(&mut self, name: &str) -> Result<Val, Trouble> {
        let value = self.name(name)?;
        self.work_on(held(&value))?;
        self.made += if let Val::Text(text) = &value { text.len() } else { 0 };
        if self.made > MAX_TEXT { Err(Trouble::memory()) } else { Ok(value) }
    }

    fn choice(&mut self, condition: &Expr, value: &Expr, other: &Expr) -> Result<Val, Trouble> {
        let chosen = if self.truth(condition)? { value } else { other };
        self.value(chosen)
    }

    fn held_by(&mut self, expression: &Expr) -> Result<Val, Trouble> {
        match expression {
            Expr::List(items) => self.values(items).map(Val::List),
            Expr::Tuple(items) => self.values(items).map(Val::Tuple),
            Expr::Dict(pairs) => {
                let pairs = pairs.iter().map(|(key, value)| Ok((self.value(key)?, self.value(value)?)));
                pairs.collect::<Result<_, Trouble>>().map(dict)
            }
            other => self.value(other),
        }
    }

    fn unary(&mut self, expression: &Expr) -> Result<Val, Trouble> {
        match expression {
            Expr::Not(inner) if self.elementwise => arithmetic::invert(self.value(inner)?),
            Expr::Not(inner) => Ok(Val::Bool(!self.truth(inner)?)),
            Expr::Negative(inner) => arithmetic::negative(self.value(inner)?),
            Expr::Invert(inner) => arithmetic::invert(self.value(inner)?),
            other => self.value(other),
        }
    }

    fn subscript(&mut self, object: &Expr, key: &Expr) -> Result<Val, Trouble> {
        let object = self.value(object)?;
        self.charge(&object)?;
        let key = self.key(key, matches!(object, Val::Loc(_)))?;
        select::subscript(&object, &key)
    }

    fn name(&self, name: &str) -> Result<Val, Trouble> {
        if let Some(value) = self.names.get(name) {
            return Ok(value.clone());
        }
        const KNOWN: &[&str] = &[
            "pd",
            "np",
            "len",
            "print",
            "str",
            "int",
            "float",
            "bool",
            "round",
            "max",
            "min",
            "sum",
            "abs",
            "list",
            "sorted",
            "set",
            "tuple",
            "type",
            "pandas",
            "numpy",
            "any",
            "all",
            "range",
            "zip",
            "enumerate",
            "repr",
            "dict",
        ];
        if KNOWN.contains(&name) {
            return Ok(Val::Name(name.to_owned()));
        }
        Err(Trouble(format!("NameError: name '{name}' is not defined")))
    }

    /// An f-string.
    fn format(&mut self, pieces: &[Piece]) -> Result<Val, Trouble> {
        let mut made = String::new();
        for piece in pieces {
            match piece {
                Piece::Text(text) => made.push_str(text),
                Piece::Value(value, is_repr, form) => {
                    let value = self.value(value)?;
                    self.charge(&value)?;
                    let value = if *is_repr { Val::Text(value.repr()) } else { value };
                    made.push_str(&format::formatted(&value, form)?);
                }
            }
        }
        Ok(Val::Text(made))
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
                name => group.select(&[name.to_owned()], true).map(|group| Val::Group(Box::new(group)))?,
            }),
            Val::Labels(_, Dtype::Time, _) if !matches!(name, "name" | "values" | "size") => {
                return Err(Trouble::unknown("parts of an index of dates"));
            }
            Val::Labels(..) | Val::Array(_) | Val::Counting(_) => functions::of_values(&object, name),
            Val::Matrix(frame) if name == "shape" => frame_calls::attribute(frame, name),
            Val::Dates(series) => Some(dates::attribute(series, name)?),
            Val::Time(time) => dates::of_time(*time, name),
            Val::Text(text) if matches!(name, "format" | "join") => Some(uncalled(text, name)),
            Val::Span(span) if name == "days" => Some(Val::Int(time::whole_days(*span))),
            Val::Name(module) if matches!((module.as_str(), name), ("np" | "numpy", "nan" | "NaN")) => {
                Some(Val::Float(f64::NAN))
            }
            Val::Name(module) => Some(Val::Name(format!("{module}.{name}"))),
            _ => None,
        };
        if found.is_none() && UNSUPPORTED.contains(&name) {
            return Err(Trouble::unknown(&format!("'.{name}' of a {}", object.kind())));
        }
        found.ok_or_else(|| {
            Trouble(format!("AttributeError: '{}' object has no attribute '{name}'", object.kind()))
        })
    }

    pub fn truth(&mut self, expression: &Expr) -> Result<bool, Trouble> {
        truth_of(&self.value(expression)?)
    }

    fn binary(&mut self, operator: &str, left: &Expr, right: &Expr) -> Result<Val, Trouble> {
        let left = self.value(left)?;
        if matches!(operator, "and" | "or") && !self.elementwise {
            let decided = truth_of(&left)? == (operator == "or");
            return if decided { Ok(left) } else { self.value(right) };
        }
        let right = self.value(right)?;
        self.combined(operator, left, right)
    }

    fn combined(&mut self, operator: &str, left: Val, right: Val) -> Result<Val, Trouble> {
        if let ("%", Val::Text(form)) = (operator, &left) {
            return format::percent(form, &right).map(Val::Text);
        }
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
            let arguments = Arguments::of(vec![holder.clone()]);
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
}
