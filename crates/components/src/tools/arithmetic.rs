//! Arithmetic as numexpr and Python do it: the expressions that a model writes for a calculator.
//!
//! Whole numbers stay whole, `/` gives a fraction, `//` and `%` round down, `**` binds to the right and
//! tighter than a sign, `&` and `|` bind tighter than a comparison. Functions are numexpr's. There are no names
//! but these, no loops and no assignment.

use std::cmp::Ordering;

use millrace_engine::python_float;
use thiserror::Error;

/// Characters of an expression, at most.
const MAX_LENGTH: usize = 2_000;
/// Levels of parentheses, signs and powers, at most.
const MAX_DEPTH: u32 = 64;

/// Why an expression has no value.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum ArithmeticError {
    #[error("the expression has more than {MAX_LENGTH} characters")]
    TooLong,
    #[error("the expression is nested more than {MAX_DEPTH} levels deep")]
    TooDeep,
    #[error("the expression ends too early")]
    End,
    #[error("'{0}' was not expected")]
    Unexpected(String),
    #[error("'^' is no operator; powers are written '**'")]
    Caret,
    #[error("'{0}' is not known")]
    Unknown(String),
    #[error("{0} takes {1} argument(s)")]
    Arguments(&'static str, usize),
    #[error("division by zero")]
    ZeroDivision,
    #[error("the result is too large")]
    Overflow,
    #[error("the result is no real number")]
    NotReal,
    #[error("'&' and '|' take whole numbers or comparisons in parentheses")]
    NotWhole,
}

type Outcome = Result<Number, ArithmeticError>;

/// A value: whole up to 127 bits, a float, or whether a comparison holds.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Number {
    Whole(i128),
    Float(f64),
    Truth(bool),
}

use Number::{Float, Truth, Whole};

/// The value of an expression, as Python prints it.
///
/// # Errors
/// [`ArithmeticError`]; nothing that is written can make this loop or overflow.
pub(crate) fn evaluate(expression: &str) -> Result<String, ArithmeticError> {
    if expression.chars().count() > MAX_LENGTH {
        return Err(ArithmeticError::TooLong);
    }
    let mut reader = Reader { rest: expression.trim(), depth: 0 };
    let value = reader.comparison()?;
    match reader.rest.chars().next() {
        None => Ok(value.print()),
        Some('^') => Err(ArithmeticError::Caret),
        Some(_) => Err(reader.unexpected()),
    }
}

/// A recursive descent, as Python's grammar has it; it calculates as it reads.
struct Reader<'a> {
    rest: &'a str,
    /// Levels that are open.
    depth: u32,
}

impl<'a> Reader<'a> {
    /// One at most: numexpr has no chains of them.
    fn comparison(&mut self) -> Outcome {
        let left = self.any_of()?;
        let Some((_, holds)) = COMPARISONS.iter().find(|(sign, _)| self.take(sign)) else { return Ok(left) };
        let right = self.any_of()?;
        Ok(Truth(left.order(right).is_some_and(holds)))
    }

    fn any_of(&mut self) -> Outcome {
        let mut left = self.all_of()?;
        while self.take("|") {
            left = left.bits(self.all_of()?, |a, b| a | b)?;
        }
        Ok(left)
    }

    fn all_of(&mut self) -> Outcome {
        let mut left = self.sum()?;
        while self.take("&") {
            left = left.bits(self.sum()?, |a, b| a & b)?;
        }
        Ok(left)
    }

    fn sum(&mut self) -> Outcome {
        let mut left = self.product()?;
        loop {
            if self.take("+") {
                left = left.add(self.product()?)?;
            } else if self.take("-") {
                left = left.add(self.product()?.negate()?)?;
            } else {
                return Ok(left);
            }
        }
    }

    fn product(&mut self) -> Outcome {
        let mut left = self.signed()?;
        loop {
            if self.take("//") {
                left = left.floor_divide(self.signed()?)?;
            } else if self.take("/") {
                left = left.divide(self.signed()?)?;
            } else if self.take("%") {
                left = left.modulo(self.signed()?)?;
            } else if !self.rest.starts_with("**") && self.take("*") {
                left = left.multiply(self.signed()?)?;
            } else {
                return Ok(left);
            }
        }
    }

    /// Everything that nests passes here.
    fn signed(&mut self) -> Outcome {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(ArithmeticError::TooDeep);
        }
        let value = if self.take("-") {
            self.signed()?.negate()
        } else if self.take("+") {
            self.signed()
        } else {
            self.power()
        };
        self.depth -= 1;
        value
    }

    fn power(&mut self) -> Outcome {
        let base = self.operand()?;
        if self.take("**") { base.power(self.signed()?) } else { Ok(base) }
    }

    fn operand(&mut self) -> Outcome {
        if self.take("(") {
            let value = self.comparison()?;
            self.expect(")")?;
            return Ok(value);
        }
        match self.rest.chars().next() {
            None => Err(ArithmeticError::End),
            Some(c) if c.is_ascii_digit() || c == '.' => self.number(),
            Some(c) if c.is_alphabetic() || c == '_' => self.named(),
            Some(_) => Err(self.unexpected()),
        }
    }

    fn number(&mut self) -> Outcome {
        let bytes = self.rest.as_bytes();
        let digits = |from: usize| from + bytes[from..].iter().take_while(|b| b.is_ascii_digit()).count();
        let mut end = digits(0);
        let mut whole = true;
        if bytes.get(end) == Some(&b'.') {
            (end, whole) = (digits(end + 1), false);
        }
        if matches!(bytes.get(end), Some(b'e' | b'E')) {
            let sign = usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
            let last = digits(end + 1 + sign);
            if last > end + 1 + sign {
                (end, whole) = (last, false);
            }
        }
        let text = self.split(end);
        if whole {
            return text.parse().map(Whole).map_err(|_| ArithmeticError::Overflow);
        }
        text.parse().map_err(|_| ArithmeticError::Unexpected(text.to_owned())).and_then(finite)
    }

    fn named(&mut self) -> Outcome {
        let end = self.rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(self.rest.len());
        let name = self.split(end);
        if !self.take("(") {
            return match name {
                "pi" => Ok(Float(std::f64::consts::PI)),
                "e" => Ok(Float(std::f64::consts::E)),
                other => Err(ArithmeticError::Unknown(other.to_owned())),
            };
        }
        let mut arguments = vec![self.comparison()?];
        while self.take(",") {
            arguments.push(self.comparison()?);
        }
        self.expect(")")?;
        apply(name, &arguments)
    }

    fn split(&mut self, end: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at(end);
        self.rest = rest.trim_start();
        taken
    }

    fn take(&mut self, token: &str) -> bool {
        let Some(rest) = self.rest.strip_prefix(token) else { return false };
        self.rest = rest.trim_start();
        true
    }

    fn expect(&mut self, token: &str) -> Result<(), ArithmeticError> {
        if self.take(token) {
            return Ok(());
        }
        Err(match self.rest.chars().next() {
            None => ArithmeticError::End,
            Some('^') => ArithmeticError::Caret,
            Some(_) => self.unexpected(),
        })
    }

    fn unexpected(&self) -> ArithmeticError {
        ArithmeticError::Unexpected(self.rest.chars().take(20).collect())
    }
}

type Comparison = (&'static str, fn(Ordering) -> bool);

/// What a comparison is written as, and the orders in which it holds; the longer signs come first.
const COMPARISONS: &[Comparison] = &[
    ("<=", Ordering::is_le),
    (">=", Ordering::is_ge),
    ("==", Ordering::is_eq),
    ("!=", Ordering::is_ne),
    ("<", Ordering::is_lt),
    (">", Ordering::is_gt),
];

type Function = (&'static str, fn(f64) -> f64);

/// numexpr's functions of one number.
const FUNCTIONS: &[Function] = &[
    ("sqrt", f64::sqrt),
    ("exp", f64::exp),
    ("expm1", f64::exp_m1),
    ("log", f64::ln),
    ("log10", f64::log10),
    ("log1p", f64::ln_1p),
    ("sin", f64::sin),
    ("cos", f64::cos),
    ("tan", f64::tan),
    ("arcsin", f64::asin),
    ("arccos", f64::acos),
    ("arctan", f64::atan),
    ("sinh", f64::sinh),
    ("cosh", f64::cosh),
    ("tanh", f64::tanh),
    ("arcsinh", f64::asinh),
    ("arccosh", f64::acosh),
    ("arctanh", f64::atanh),
    ("floor", f64::floor),
    ("ceil", f64::ceil),
    ("round", f64::round_ties_even),
    ("trunc", f64::trunc),
];

fn apply(name: &str, arguments: &[Number]) -> Outcome {
    match (name, arguments) {
        ("where", [condition, yes, no]) => Ok(if condition.float() != 0.0 { *yes } else { *no }),
        ("where", _) => Err(ArithmeticError::Arguments("where", 3)),
        ("abs", [Whole(a)]) => a.checked_abs().map(Whole).ok_or(ArithmeticError::Overflow),
        ("abs", [a]) => Ok(Float(a.float().abs())),
        ("abs", _) => Err(ArithmeticError::Arguments("abs", 1)),
        ("arctan2", [a, b]) => finite(a.float().atan2(b.float())),
        ("arctan2", _) => Err(ArithmeticError::Arguments("arctan2", 2)),
        _ => {
            let known = FUNCTIONS.iter().find(|(known, _)| *known == name);
            let (known, function) = known.ok_or_else(|| ArithmeticError::Unknown(name.to_owned()))?;
            match arguments {
                [a] => finite(function(a.float())),
                _ => Err(ArithmeticError::Arguments(known, 1)),
            }
        }
    }
}

fn finite(value: f64) -> Outcome {
    match value {
        value if value.is_nan() => Err(ArithmeticError::NotReal),
        value if value.is_infinite() => Err(ArithmeticError::Overflow),
        value => Ok(Float(value)),
    }
}

impl Number {
    fn float(self) -> f64 {
        match self {
            Whole(value) => value as f64,
            Float(value) => value,
            Truth(value) => f64::from(u8::from(value)),
        }
    }

    /// A truth is 0 or 1 where one calculates with it.
    fn counted(self) -> Self {
        if let Truth(value) = self { Whole(i128::from(value)) } else { self }
    }

    fn order(self, other: Self) -> Option<Ordering> {
        match (self.counted(), other.counted()) {
            (Whole(a), Whole(b)) => Some(a.cmp(&b)),
            (a, b) => a.float().partial_cmp(&b.float()),
        }
    }

    fn bits(self, other: Self, apply: fn(i128, i128) -> i128) -> Outcome {
        match (self, other) {
            (Truth(a), Truth(b)) => Ok(Truth(apply(a.into(), b.into()) != 0)),
            (a, b) => match (a.counted(), b.counted()) {
                (Whole(a), Whole(b)) => Ok(Whole(apply(a, b))),
                _ => Err(ArithmeticError::NotWhole),
            },
        }
    }

    /// The whole result if both are whole, else that of the floats.
    fn with(self, other: Self, whole: fn(i128, i128) -> Option<i128>, float: fn(f64, f64) -> f64) -> Outcome {
        match (self.counted(), other.counted()) {
            (Whole(a), Whole(b)) => whole(a, b).map(Whole).ok_or(ArithmeticError::Overflow),
            (a, b) => finite(float(a.float(), b.float())),
        }
    }

    fn add(self, other: Self) -> Outcome {
        self.with(other, i128::checked_add, |a, b| a + b)
    }

    fn multiply(self, other: Self) -> Outcome {
        self.with(other, i128::checked_mul, |a, b| a * b)
    }

    fn negate(self) -> Outcome {
        match self.counted() {
            Whole(a) => a.checked_neg().map(Whole).ok_or(ArithmeticError::Overflow),
            a => Ok(Float(-a.float())),
        }
    }

    fn divisor(self) -> Outcome {
        if self.float() == 0.0 { Err(ArithmeticError::ZeroDivision) } else { Ok(self) }
    }

    fn divide(self, other: Self) -> Outcome {
        finite(self.float() / other.divisor()?.float())
    }

    fn floor_divide(self, other: Self) -> Outcome {
        let whole = |a: i128, b: i128| {
            let quotient = a.checked_div(b)?;
            Some(if a % b != 0 && (a < 0) != (b < 0) { quotient - 1 } else { quotient })
        };
        self.with(other.divisor()?, whole, |a, b| (a / b).floor())
    }

    /// The remainder has the divisor's sign.
    fn modulo(self, other: Self) -> Outcome {
        let whole = |a: i128, b: i128| {
            let rest = a.checked_rem(b)?;
            Some(if rest != 0 && (rest < 0) != (b < 0) { rest + b } else { rest })
        };
        let float = |a: f64, b: f64| {
            let rest = a % b;
            if rest != 0.0 && (rest < 0.0) != (b < 0.0) { rest + b } else { rest }
        };
        self.with(other.divisor()?, whole, float)
    }

    fn power(self, exponent: Self) -> Outcome {
        match (self.counted(), exponent.counted()) {
            (Whole(base), Whole(exponent)) if exponent >= 0 => {
                // A power of 0, 1 or -1 depends on no more of the exponent than whether it is 0 or odd.
                let small = if base.abs() <= 1 { exponent.min(2 + exponent % 2) } else { exponent };
                let power = u32::try_from(small).ok().and_then(|exponent| base.checked_pow(exponent));
                power.map(Whole).ok_or(ArithmeticError::Overflow)
            }
            (base, exponent) if base.float() == 0.0 && exponent.float() < 0.0 => {
                Err(ArithmeticError::ZeroDivision)
            }
            (base, exponent) => finite(base.float().powf(exponent.float())),
        }
    }

    fn print(self) -> String {
        match self {
            Whole(value) => value.to_string(),
            Float(value) => python_float(value),
            Truth(true) => "True".to_owned(),
            Truth(false) => "False".to_owned(),
        }
    }
}

#[cfg(test)]
#[path = "arithmetic_tests.rs"]
mod tests;
