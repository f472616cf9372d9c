//! A value in a table's sample: `str` of what SQLAlchemy makes of it by the column's type.
//!
//! Where SQLAlchemy would fail at a value (a text in a column of numbers), the value stands as it is.

use jiff::civil;
use millrace_engine::python_str;
use millrace_outbound::SqlValue;
use serde_json::Value as Json;

use super::python_text::{plain, python_decimal};

/// Characters of a value.
const MAX_VALUE: usize = 100;

/// What a column's values are shown as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// What they are themselves.
    Own,
    /// What the database writes for them: they are of a type that only it knows.
    Cast,
    Bool,
    /// With this many decimal places.
    Decimal(usize),
    Date,
    Time,
    Timestamp,
    Json,
}

/// A row: its values, cut, between tabs.
pub(super) fn row(values: &[SqlValue], shapes: impl Iterator<Item = Shape>) -> String {
    let cut = |(value, shape)| -> String { shown(value, shape).chars().take(MAX_VALUE).collect() };
    values.iter().zip(shapes).map(cut).collect::<Vec<_>>().join("\t")
}

fn shown(value: &SqlValue, shape: Shape) -> String {
    let shaped = match (shape, value) {
        (Shape::Own | Shape::Cast, _) | (_, SqlValue::Null) => None,
        (Shape::Bool, value) => truth(value).map(|is_true| if is_true { "True" } else { "False" }.to_owned()),
        (Shape::Decimal(places), SqlValue::Integer(number)) => Some(decimal(*number as f64, places)),
        (Shape::Decimal(places), SqlValue::Real(number)) => Some(decimal(*number, places)),
        (Shape::Date, SqlValue::Text(text)) => date(text),
        (Shape::Time, SqlValue::Text(text)) => clock(text),
        (Shape::Timestamp, SqlValue::Text(text)) => timestamp(text),
        (Shape::Json, SqlValue::Text(text)) => {
            serde_json::from_str::<Json>(text).ok().map(|value| python_str(&value))
        }
        _ => None,
    };
    shaped.unwrap_or_else(|| plain(value))
}

fn truth(value: &SqlValue) -> Option<bool> {
    Some(match value {
        SqlValue::Integer(number) => *number != 0,
        SqlValue::Real(number) => *number != 0.0,
        SqlValue::Text(text) => !text.is_empty(),
        SqlValue::Bytes(bytes) => !bytes.is_empty(),
        _ => return None,
    })
}

/// A number with its places.
fn decimal(number: f64, places: usize) -> String {
    if !number.is_finite() {
        return if number > 0.0 { "Infinity" } else { "-Infinity" }.to_owned();
    }
    // More are not shown.
    let places = places.min(MAX_VALUE);
    python_decimal(&format!("{number:.places$}"))
}

/// `2024-05-31`, as it is.
fn date(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let is_form = bytes.len() == 10 && bytes[4] == b'-' && bytes[7] == b'-';
    let part = |at: std::ops::Range<usize>| digits(text.get(at)?);
    let (year, month, day) = is_form.then_some(()).and(Some((part(0..4)?, part(5..7)?, part(8..10)?)))?;
    let is_day = year > 0 && civil::Date::new(year, month as i8, day as i8).is_ok();
    is_day.then(|| text.to_owned())
}

/// `2024-05-31 13:05:00` of a day and a time of it, if only in part.
fn timestamp(text: &str) -> Option<String> {
    let day = date(text.get(..10)?)?;
    let mut rest = text[10..].chars();
    let clock = match rest.next() {
        None => "00:00:00".to_owned(),
        Some(_) => clock(rest.as_str())?,
    };
    Some(format!("{day} {clock}"))
}

/// `13:05:00.250000` of hours and what may follow: minutes, seconds, 3 or 6 digits of these, a zone.
fn clock(text: &str) -> Option<String> {
    let (time, zone) = text.split_at(text.find(['+', '-']).unwrap_or(text.len()));
    let is_zone = |zone: &str| zone.len() == 6 && parts(&zone[1..]).is_some_and(|parts| parts.len() == 2);
    if !zone.is_empty() && !is_zone(zone) {
        return None;
    }
    let zone = if zone == "-00:00" { "+00:00" } else { zone };
    let (time, fraction) = time.split_once('.').map_or((time, None), |(time, digits)| (time, Some(digits)));
    let mut given = parts(time)?;
    let fraction = match fraction {
        None => String::new(),
        Some(fraction) if given.len() == 3 && matches!(fraction.len(), 3 | 6) => {
            digits(fraction)?;
            format!(".{fraction:0<6}").replace(".000000", "")
        }
        Some(_) => return None,
    };
    given.resize(3, "00");
    Some(format!("{}{fraction}{zone}", given.join(":")))
}

/// One to three numbers of two digits each: hours, minutes, seconds.
fn parts(text: &str) -> Option<Vec<&str>> {
    let parts: Vec<&str> = text.split(':').collect();
    let fits =
        |(part, limit): (&&str, i16)| part.len() == 2 && digits(part).is_some_and(|number| number < limit);
    (parts.len() <= 3 && parts.iter().zip([24, 60, 60]).all(fits)).then_some(parts)
}

fn digits(text: &str) -> Option<i16> {
    let all = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    // Of more digits nobody asks for the number.
    all.then(|| text.parse().unwrap_or(i16::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_shown_by_the_type_of_their_column() {
        let text = |text: &str| SqlValue::Text(text.to_owned());
        let cases = [
            (Shape::Bool, SqlValue::Integer(7), "True"),
            (Shape::Bool, text(""), "False"),
            (Shape::Bool, SqlValue::Null, "None"),
            (Shape::Decimal(2), SqlValue::Real(10.5), "10.50"),
            (Shape::Decimal(2), SqlValue::Integer(10_000_000_000), "10000000000.00"),
            (Shape::Decimal(2), SqlValue::Real(-0.005), "-0.01"),
            (Shape::Decimal(2), SqlValue::Real(-0.001), "-0.00"),
            (Shape::Decimal(10), SqlValue::Integer(0), "0E-10"),
            (Shape::Decimal(10), SqlValue::Real(1e-7), "1.000E-7"),
            (Shape::Decimal(10), SqlValue::Real(1e-5), "0.0000100000"),
            (Shape::Decimal(10), SqlValue::Integer(1), "1.0000000000"),
            (Shape::Decimal(2), SqlValue::Real(f64::INFINITY), "Infinity"),
            (Shape::Decimal(2), text("much"), "much"),
            (Shape::Date, text("2023-05-01"), "2023-05-01"),
            (Shape::Timestamp, text("2023-05-01"), "2023-05-01 00:00:00"),
            (Shape::Timestamp, text("2023-05-01T10:00"), "2023-05-01 10:00:00"),
            (Shape::Timestamp, text("2023-05-01 10:00:00.123"), "2023-05-01 10:00:00.123000"),
            (Shape::Timestamp, text("2023-05-01 10:00:00.000000"), "2023-05-01 10:00:00"),
            (Shape::Timestamp, text("2023-05-01 10:00:00+02:00"), "2023-05-01 10:00:00+02:00"),
            (Shape::Timestamp, text("2023-02-30T10:00"), "2023-02-30T10:00"),
            (Shape::Timestamp, text("2023-05-01 10:00Z"), "2023-05-01 10:00Z"),
            (Shape::Timestamp, text("12345678é"), "12345678é"),
            (Shape::Time, text("10"), "10:00:00"),
            (Shape::Time, text("25:00"), "25:00"),
            (Shape::Json, text("{\"a\": [1, true, null]}"), "{'a': [1, True, None]}"),
            (Shape::Json, text("{"), "{"),
            (Shape::Json, SqlValue::Integer(3), "3"),
            (Shape::Own, SqlValue::Bytes(vec![0, 255, b'A']), "b'\\x00\\xffA'"),
        ];
        for (shape, value, expected) in cases {
            assert_eq!(shown(&value, shape), expected, "{shape:?} {value:?}");
        }
        let long = row(&[text(&"é".repeat(200)), SqlValue::Null], [Shape::Own; 2].into_iter());
        assert_eq!(long, format!("{}\tNone", "é".repeat(MAX_VALUE)));
        assert_eq!(decimal(0.5, usize::MAX).len(), MAX_VALUE + 2);
    }
}
