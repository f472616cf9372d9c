//! What stands in brackets: lists, dictionaries, arguments, slices, comprehensions; and in f-strings.

use super::answer::Trouble;
use super::parse::Parser;
use super::syntax::{Each, EachKind, Expr, Piece};

/// The arguments of a call, by place and by name.
type Written = (Vec<Expr>, Vec<(String, Expr)>);

impl Parser {
    /// `lambda a, b: expression`.
    pub(super) fn lambda(&mut self) -> Result<Expr, Trouble> {
        self.take_word("lambda");
        let mut names = Vec::new();
        while !self.take(":") {
            names.push(self.take_name()?);
            if !self.take(",") && !self.is(":") {
                return Err(Trouble::unknown("a `lambda` with more than names"));
            }
        }
        self.operation()?;
        Ok(Expr::Lambda(names, Box::new(self.expression()?)))
    }

    pub(super) fn bracketed(&mut self) -> Result<Expr, Trouble> {
        if self.take(")") {
            return Ok(Expr::Tuple(Vec::new()));
        }
        let first = self.expression()?;
        if self.take(")") {
            return Ok(first);
        }
        if self.is_word("for") {
            return Err(Trouble::unknown("a generator by itself; a list in its place,"));
        }
        self.expect(",")?;
        let mut items = vec![first];
        items.extend(self.items(")")?);
        Ok(Expr::Tuple(items))
    }

    pub(super) fn list(&mut self) -> Result<Expr, Trouble> {
        if self.take("]") {
            return Ok(Expr::List(Vec::new()));
        }
        let first = self.expression()?;
        if self.is_word("for") {
            let each = self.each(first, None, EachKind::List)?;
            self.expect("]")?;
            return Ok(each);
        }
        let mut items = vec![first];
        if self.take(",") {
            items.extend(self.items("]")?);
        } else {
            self.expect("]")?;
        }
        Ok(Expr::List(items))
    }

    fn items(&mut self, end: &str) -> Result<Vec<Expr>, Trouble> {
        let mut items = Vec::new();
        while !self.take(end) {
            items.push(self.expression()?);
            if !self.take(",") {
                self.expect(end)?;
                break;
            }
        }
        Ok(items)
    }

    /// `made for a, b in over if condition`, from `for` on.
    fn each(&mut self, made: Expr, value: Option<Expr>, kind: EachKind) -> Result<Expr, Trouble> {
        self.take_word("for");
        self.operation()?;
        let bracket = self.take("(");
        let mut names = vec![self.take_name()?];
        while self.take(",") {
            names.push(self.take_name()?);
        }
        if bracket {
            self.expect(")")?;
        }
        if !self.take_word("in") {
            return Err(self.unexpected());
        }
        let over = self.level(0)?;
        let mut conditions = Vec::new();
        while self.take_word("if") {
            conditions.push(self.level(0)?);
        }
        if self.is_word("for") {
            return Err(Trouble::unknown("a loop in a loop"));
        }
        Ok(Expr::Each(Box::new(Each { made, value, kind, names, over, conditions })))
    }

    pub(super) fn braces(&mut self) -> Result<Expr, Trouble> {
        let mut pairs = Vec::new();
        while !self.take("}") {
            let key = self.expression()?;
            if self.is_word("for") {
                let each = self.each(key, None, EachKind::Set)?;
                self.expect("}")?;
                return Ok(each);
            }
            if self.is(",") || self.is("}") {
                return Err(Trouble::unknown("a set"));
            }
            self.expect(":")?;
            let value = self.expression()?;
            if self.is_word("for") {
                let each = self.each(key, Some(value), EachKind::Dict)?;
                self.expect("}")?;
                return Ok(each);
            }
            pairs.push((key, value));
            if !self.take(",") {
                self.expect("}")?;
                break;
            }
        }
        Ok(Expr::Dict(pairs))
    }

    pub(super) fn arguments(&mut self) -> Result<Written, Trouble> {
        let (mut positional, mut named) = (Vec::new(), Vec::new());
        while !self.take(")") {
            let argument = self.expression()?;
            match argument {
                argument if self.is_word("for") => {
                    positional.push(self.each(argument, None, EachKind::Generator)?);
                }
                Expr::Name(name) if self.take("=") => named.push((name, self.expression()?)),
                argument => positional.push(argument),
            }
            if !self.take(",") {
                self.expect(")")?;
                break;
            }
        }
        Ok((positional, named))
    }

    pub(super) fn subscript(&mut self) -> Result<Expr, Trouble> {
        let first = self.slice()?;
        if !self.is(",") {
            return Ok(first);
        }
        let mut items = vec![first];
        while self.take(",") {
            if self.is("]") {
                break;
            }
            items.push(self.slice()?);
        }
        Ok(Expr::Tuple(items))
    }

    fn slice(&mut self) -> Result<Expr, Trouble> {
        let mut parts: [Option<Box<Expr>>; 3] = [None, None, None];
        let mut colons = 0;
        loop {
            if self.take(":") {
                colons += 1;
                if colons > 2 {
                    return Err(self.unexpected());
                }
            } else if self.is("]") || self.is(",") {
                break;
            } else if parts[colons].is_none() {
                parts[colons] = Some(Box::new(self.expression()?));
            } else {
                return Err(self.unexpected());
            }
        }
        let [start, stop, step] = parts;
        match (colons, start) {
            (0, Some(only)) => Ok(*only),
            (0, None) => Err(self.unexpected()),
            (_, start) => Ok(Expr::Slice(start, stop, step)),
        }
    }

    /// The parts of an f-string.
    pub(super) fn pieces(&mut self, text: &str) -> Result<Vec<Piece>, Trouble> {
        let mut pieces = Vec::new();
        let mut plain = String::new();
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}']) {
            plain.push_str(&rest[..at]);
            let (bracket, behind) = rest[at..].split_at(1);
            if behind.starts_with(bracket) {
                plain.push_str(bracket);
                rest = &behind[1..];
                continue;
            }
            if bracket == "}" {
                return Err(Trouble::syntax("f-string: single '}' is not allowed"));
            }
            self.operation()?;
            pieces.push(Piece::Text(std::mem::take(&mut plain)));
            let end = field_end(behind).ok_or_else(|| Trouble::syntax("f-string: expecting '}'"))?;
            pieces.push(self.field(&behind[..end])?);
            rest = &behind[end + 1..];
        }
        plain.push_str(rest);
        pieces.push(Piece::Text(plain));
        Ok(pieces)
    }

    /// `expression!r:format`.
    fn field(&self, field: &str) -> Result<Piece, Trouble> {
        let (value, format) = match outside(field, |rest| rest.starts_with(':')) {
            Some(at) => (&field[..at], &field[at + 1..]),
            None => (field, ""),
        };
        let bang = outside(value, |rest| rest.starts_with('!') && !rest.starts_with("!="));
        let (value, shown) = bang.map_or((value, ""), |at| value.split_at(at));
        let is_repr = match shown.trim() {
            "" | "!s" => false,
            "!r" => true,
            _ => return Err(Trouble::unknown("this conversion in an f-string")),
        };
        if format.contains('{') || value.trim_end().ends_with('=') {
            return Err(Trouble::unknown("this form of an f-string"));
        }
        if value.trim().is_empty() {
            return Err(Trouble::syntax("f-string: empty expression not allowed"));
        }
        Ok(Piece::Value(self.inner(value.trim())?, is_repr, format.to_owned()))
    }
}

/// Where the field of an f-string ends.
fn field_end(text: &str) -> Option<usize> {
    outside(text, |rest| rest.starts_with('}'))
}

/// The first place outside of strings and brackets where something stands.
fn outside(text: &str, stands: impl Fn(&str) -> bool) -> Option<usize> {
    let (mut depth, mut quote) = (0_u32, None);
    for (at, c) in text.char_indices() {
        if quote.is_none() && depth == 0 && stands(&text[at..]) {
            return Some(at);
        }
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') => quote = Some(c),
            (None, '(' | '[' | '{') => depth += 1,
            (None, ')' | ']' | '}') => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    None
}
