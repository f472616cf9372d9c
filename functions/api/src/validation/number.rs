//! Numbers within a range, read as pydantic's lax mode reads them: text that is a number counts, since a query
//! and a form have nothing else.

use std::fmt::Display;
use std::ops::RangeInclusive;

use serde::Serialize;
use serde_json::{Value, json};

use super::{Fault, Fields};

/// A fault's kind and its message.
type Wrong = (&'static str, &'static str);

impl Fields {
    /// A whole number.
    pub(crate) fn whole(&mut self, name: &str, range: RangeInclusive<u64>) -> Option<u64> {
        let value = self.take(name)?;
        let number = match whole(&value) {
            Ok(number) => number,
            Err((kind, message)) => return self.refuse(name, kind, message, value),
        };
        match u64::try_from(number) {
            Ok(number) if range.contains(&number) => Some(number),
            _ => self.out_of_range(name, number < i128::from(*range.start()), &range, value),
        }
    }

    /// A number that may have a fraction.
    pub(crate) fn number(&mut self, name: &str, range: RangeInclusive<f64>) -> Option<f64> {
        let value = self.take(name)?;
        match number(&value) {
            Ok(number) if range.contains(&number) => Some(number),
            Ok(number) => self.out_of_range(name, number < *range.start(), &range, value),
            Err((kind, message)) => self.refuse(name, kind, message, value),
        }
    }

    fn out_of_range<N: Display + Serialize, T>(
        &mut self,
        name: &str,
        below: bool,
        range: &RangeInclusive<N>,
        value: Value,
    ) -> Option<T> {
        let (kind, message, context) = if below {
            let least = range.start();
            ("greater_than_equal", format!("greater than or equal to {least}"), json!({"ge": least}))
        } else {
            let most = range.end();
            ("less_than_equal", format!("less than or equal to {most}"), json!({"le": most}))
        };
        let fault = Fault::new(kind, self.place(name), format!("Input should be {message}"), value);
        self.push(fault.with(context));
        None
    }
}

fn whole(value: &Value) -> Result<i128, Wrong> {
    const UNREADABLE: Wrong =
        ("int_parsing", "Input should be a valid integer, unable to parse string as an integer");
    const FRACTION: Wrong =
        ("int_from_float", "Input should be a valid integer, got a number with a fractional part");
    match value {
        Value::String(text) => text.trim().parse().map_err(|_| UNREADABLE),
        Value::Number(number) => match (number.as_i128(), number.as_f64()) {
            (Some(whole), _) => Ok(whole),
            // What is out of range here is so for every field.
            (None, Some(float)) if float.fract() == 0.0 => Ok(float as i128),
            _ => Err(FRACTION),
        },
        _ => Err(("int_type", "Input should be a valid integer")),
    }
}

fn number(value: &Value) -> Result<f64, Wrong> {
    const UNREADABLE: Wrong =
        ("float_parsing", "Input should be a valid number, unable to parse string as a number");
    let number = match value {
        Value::String(text) => text.trim().parse().map_err(|_| UNREADABLE)?,
        Value::Number(number) => number.as_f64().unwrap_or(f64::NAN),
        _ => return Err(("float_type", "Input should be a valid number")),
    };
    if f64::is_finite(number) {
        Ok(number)
    } else {
        Err(("finite_number", "Input should be a finite number"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(value: &Value) -> Fields {
        Fields::embedded(Some(json!({"n": value})))
    }

    #[test]
    fn whole_numbers_have_a_range() {
        for (value, expected) in [
            (json!(1), Ok(1)),
            (json!(100), Ok(100)),
            (json!("7"), Ok(7)),
            (json!(7.0), Ok(7)),
            (json!(0), Err("greater_than_equal")),
            (json!(-5), Err("greater_than_equal")),
            (json!("-5"), Err("greater_than_equal")),
            (json!(101), Err("less_than_equal")),
            (json!(1e30), Err("less_than_equal")),
            (json!(u64::MAX), Err("less_than_equal")),
            (json!(1.5), Err("int_from_float")),
            (json!(""), Err("int_parsing")),
            (json!("1.5"), Err("int_parsing")),
            (json!("many"), Err("int_parsing")),
            (json!(true), Err("int_type")),
            (json!([1]), Err("int_type")),
        ] {
            let mut fields = fields(&value);
            let read = fields.whole("n", 1..=100);
            let read = fields.finish().map(|()| read.unwrap()).map_err(|faults| faults[0].kind);
            assert_eq!(read, expected, "{value}");
        }
    }

    #[test]
    fn numbers_may_have_a_fraction() {
        for (value, expected) in [
            (json!("0"), Ok(0.0)),
            (json!("0.25"), Ok(0.25)),
            (json!(20), Ok(20.0)),
            (json!("20.01"), Err("less_than_equal")),
            (json!("-0.1"), Err("greater_than_equal")),
            (json!("NaN"), Err("finite_number")),
            (json!("inf"), Err("finite_number")),
            (json!(""), Err("float_parsing")),
            (json!("1s"), Err("float_parsing")),
            (json!({}), Err("float_type")),
        ] {
            let mut fields = fields(&value);
            let read = fields.number("n", 0.0..=20.0);
            let read = fields.finish().map(|()| read.unwrap()).map_err(|faults| faults[0].kind);
            assert_eq!(read, expected, "{value}");
        }
    }

    #[test]
    fn the_fault_names_the_limit() {
        let mut fields = fields(&json!(90_000));
        assert_eq!(fields.whole("n", 1..=86_400), None);
        let fault = fields.finish().unwrap_err().remove(0).into_json();
        let expected = json!({"type": "less_than_equal", "loc": ["body", "n"],
            "msg": "Input should be less than or equal to 86400", "input": 90_000, "ctx": {"le": 86_400},
            "url": "https://errors.pydantic.dev/2.7/v/less_than_equal"});
        assert_eq!(fault, expected);
    }
}
