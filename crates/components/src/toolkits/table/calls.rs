//! Calls: methods by what they are called on, and functions by name.

use super::answer::{Trouble, Val};
use super::call::Arguments;
use super::cell::Cell;
use super::evaluate::Evaluation;
use super::functions::{builtin, method, numpy, to_number};
use super::syntax::{EachKind, Expr};
use super::{dates, frame_calls, own, pivot, series_calls, string_calls};

/// What takes a generator and does not hand it on.
const TAKE_ALL: &[&str] =
    &["sum", "any", "all", "min", "max", "join", "list", "set", "sorted", "tuple", "dict"];

impl Evaluation {
    pub(super) fn call(
        &mut self,
        function: &Expr,
        positional: &[Expr],
        named: &[(String, Expr)],
    ) -> Result<Val, Trouble> {
        let name = match function {
            Expr::Attribute(_, name) | Expr::Name(name) => name.as_str(),
            _ => "",
        };
        let generator =
            |argument: &Expr| matches!(argument, Expr::Each(each) if each.kind == EachKind::Generator);
        if positional.iter().any(generator) && !TAKE_ALL.contains(&name) {
            return Err(Trouble::unknown("a generator as an argument of this"));
        }
        let positional = self.values(positional)?;
        positional.iter().try_for_each(|argument| self.charge(argument))?;
        let named = named
            .iter()
            .map(|(name, value)| Ok((name.clone(), self.value(value)?)))
            .collect::<Result<_, Trouble>>()?;
        let arguments = Arguments::new(positional, named);
        let made = match function {
            Expr::Attribute(object, name) => {
                let object = self.value(object)?;
                self.charge(&object)?;
                self.method(&object, name, &arguments)?
            }
            function => match self.value(function)? {
                Val::Name(name) => self.function(&name, &arguments)?,
                function @ Val::Lambda(..) => self.apply(&function, arguments.all().to_vec())?,
                other => return Err(Trouble::types(format!("'{}' object is not callable", other.kind()))),
            },
        };
        arguments.refuse_unseen(&format!("{name}()"))?;
        Ok(made)
    }

    fn method(&mut self, object: &Val, name: &str, arguments: &Arguments) -> Result<Val, Trouble> {
        if arguments.has_lambda() && !matches!(object, Val::Name(_)) {
            return own::call(self, object, name, arguments);
        }
        match object {
            Val::Frame(frame) if name == "info" => {
                let shown = frame_calls::call(frame, name, arguments)?.shown();
                self.print(&(shown + "\n"));
                Ok(Val::None)
            }
            Val::Frame(frame) => frame_calls::call(frame, name, arguments),
            Val::Series(series) => series_calls::call(series, name, arguments),
            Val::Strings(series) => string_calls::call(series, name, arguments),
            Val::Dates(series) => dates::call(series, name, arguments),
            Val::Group(group) => group.call(name, arguments),
            Val::Name(module) => self.function(&format!("{module}.{name}"), arguments),
            other => method(other, name, arguments),
        }
    }

    /// What is beyond an answer's length is not kept.
    fn print(&mut self, text: &str) {
        if self.printed.len() < 64 * 1024 {
            self.printed.push_str(text);
        }
    }

    pub(super) fn function(&mut self, name: &str, arguments: &Arguments) -> Result<Val, Trouble> {
        let (module, short) = name.split_once('.').unwrap_or(("", name));
        match (module, arguments.first()) {
            ("", _) if name == "print" => {
                let separator = arguments.text(usize::MAX, "sep")?.unwrap_or_else(|| " ".to_owned());
                let shown: Vec<_> = arguments.all().iter().map(Val::shown).collect();
                let end = arguments.text(usize::MAX, "end")?.unwrap_or_else(|| "\n".to_owned());
                self.print(&(shown.join(&separator) + &end));
                Ok(Val::None)
            }
            ("", _) if name == "sorted" && arguments.has_lambda() => own::sorted(self, arguments),
            ("" | "str", None) if !matches!(name, "dict" | "list" | "set") => {
                Err(Trouble::types(format!("{short}() needs an argument")))
            }
            ("", first) => builtin(name, first.unwrap_or(&Val::List(Vec::new())), arguments),
            ("np" | "numpy", Some(first)) => numpy(short, first, arguments),
            ("pd" | "pandas", Some(first)) => pandas(short, first, arguments),
            _ => Err(Trouble::unknown(&format!("'{name}'"))),
        }
    }
}

/// A function of pandas'.
fn pandas(name: &str, first: &Val, arguments: &Arguments) -> Result<Val, Trouble> {
    match (name, first) {
        ("to_datetime", first) => dates::to_datetime(first, arguments),
        ("to_numeric", Val::Series(series)) => to_number(series, arguments).map(Val::Series),
        ("isna" | "isnull" | "notna" | "notnull" | "unique", Val::Series(series)) => {
            series_calls::call(series, name, &Arguments::default())
        }
        ("isna" | "isnull" | "notna" | "notnull", Val::Frame(frame)) => {
            frame_calls::call(frame, name, &Arguments::default())
        }
        ("isna" | "isnull", one) if one.cell().is_some() => {
            Ok(Val::Bool(one.cell().is_some_and(|cell| cell == Cell::Null)))
        }
        ("notna" | "notnull", one) if one.cell().is_some() => {
            Ok(Val::Bool(one.cell().is_some_and(|cell| cell != Cell::Null)))
        }
        ("pivot_table", Val::Frame(frame)) => pivot::pivot_table(frame, 1, arguments).map(Val::Frame),
        ("crosstab", Val::Series(index)) => match arguments.get(1, "columns") {
            Some(Val::Series(columns)) => pivot::crosstab(index, columns).map(Val::Frame),
            _ => Err(Trouble::unknown("this form of crosstab")),
        },
        _ => Err(Trouble::unknown(&format!("'pd.{name}'"))),
    }
}
