//! Rows as Python writes them: prompts show a database's answers in this form.

use millrace_engine::{python_float, python_repr, python_str};
use millrace_outbound::{Rows, SqlValue};
use serde_json::Value as Json;

/// Characters of one text value; what is beyond is cut at a word, with `...`.
const MAX_VALUE: usize = 300;
/// Characters of all rows.
const MAX_ROWS: usize = 64 * 1024;

/// A list of tuples, `[(1, 'a'), (2, None)]`; nothing where there are no rows. Rows that do not fit are left
/// out, and that is said.
pub(super) fn tuples(rows: &Rows) -> String {
    let mut text = String::from("[");
    let mut shown = 0;
    for row in &rows.rows {
        let tuple = tuple(row);
        if text.len() + tuple.len() > MAX_ROWS {
            break;
        }
        if shown > 0 {
            text.push_str(", ");
        }
        text.push_str(&tuple);
        shown += 1;
    }
    text.push(']');
    if rows.truncated || shown < rows.rows.len() {
        return format!("{text} (only the first {shown} rows: the rest is left out)");
    }
    if rows.rows.is_empty() { String::new() } else { text }
}

fn tuple(row: &[SqlValue]) -> String {
    let values: Vec<String> = row.iter().map(repr).collect();
    match values.as_slice() {
        [one] => format!("({one},)"),
        values => format!("({})", values.join(", ")),
    }
}

/// Python's `repr`.
fn repr(value: &SqlValue) -> String {
    match value {
        SqlValue::Text(text) => python_repr(&cut_at_word(text).into()),
        SqlValue::Decimal(text) => format!("Decimal('{}')", python_decimal(text)),
        SqlValue::Date(text) => format!("datetime.date({})", numbers(text).join(", ")),
        SqlValue::Time(text) => format!("datetime.time({})", clock(numbers(text), 2).join(", ")),
        SqlValue::Timestamp(text) => timestamp(text),
        SqlValue::Json(Json::String(text)) => python_repr(&cut_at_word(text).into()),
        other => plain(other),
    }
}

/// Python's `str`.
pub(super) fn plain(value: &SqlValue) -> String {
    match value {
        SqlValue::Null => "None".to_owned(),
        SqlValue::Bool(true) => "True".to_owned(),
        SqlValue::Bool(false) => "False".to_owned(),
        SqlValue::Integer(number) => number.to_string(),
        SqlValue::Real(number) => python_float(*number),
        SqlValue::Decimal(text) => python_decimal(text),
        SqlValue::Text(text) | SqlValue::Date(text) | SqlValue::Time(text) | SqlValue::Timestamp(text) => {
            text.clone()
        }
        SqlValue::Bytes(bytes) => bytes_literal(bytes),
        SqlValue::Json(value) => python_str(value),
    }
}

/// A number in plain digits as Python's `Decimal` is written: with an exponent where it begins with many zeros.
pub(super) fn python_decimal(written: &str) -> String {
    let (sign, digits) = written.strip_prefix('-').map_or(("", written), |digits| ("-", digits));
    let Some((whole, fraction)) = digits.split_once('.') else { return written.to_owned() };
    let digits = format!("{whole}{fraction}");
    let digits = digits.trim_start_matches('0');
    let digits = if digits.is_empty() { "0" } else { digits };
    let before_point = digits.len() as i64 - fraction.len() as i64;
    if before_point > -6 {
        return written.to_owned();
    }
    let Some((first, rest)) = digits.split_at_checked(1) else { return written.to_owned() };
    let point = if rest.is_empty() { "" } else { "." };
    format!("{sign}{first}{point}{rest}E{}", before_point - 1)
}

fn cut_at_word(text: &str) -> String {
    if text.chars().nth(MAX_VALUE).is_none() {
        return text.to_owned();
    }
    let cut: String = text.chars().take(MAX_VALUE - 3).collect();
    format!("{}...", cut.rsplit_once(' ').map_or(cut.as_str(), |(words, _)| words))
}

fn bytes_literal(bytes: &[u8]) -> String {
    let quote = if bytes.contains(&b'\'') && !bytes.contains(&b'"') { '"' } else { '\'' };
    let escaped = bytes.iter().take(MAX_VALUE).map(|byte| match byte {
        b'\\' => "\\\\".to_owned(),
        b'\'' if quote == '\'' => "\\'".to_owned(),
        b'\n' => "\\n".to_owned(),
        b'\r' => "\\r".to_owned(),
        b'\t' => "\\t".to_owned(),
        0x20..0x7f => (*byte as char).to_string(),
        other => format!("\\x{other:02x}"),
    });
    let dots = if bytes.len() > MAX_VALUE { "..." } else { "" };
    format!("b{quote}{}{dots}{quote}", escaped.collect::<String>())
}

/// The numbers in `2024-05-31` or `13:05:00.250000`, without leading zeros.
fn numbers(text: &str) -> Vec<String> {
    let parts = text.split(['-', ':', '.', ' ']).map(|part| part.trim_start_matches('0'));
    parts.map(|part| if part.is_empty() { "0".to_owned() } else { part.to_owned() }).collect()
}

/// Python leaves out seconds and fractions that are zero.
fn clock(mut parts: Vec<String>, least: usize) -> Vec<String> {
    while parts.len() > least && parts.last().is_some_and(|part| part == "0") {
        parts.pop();
    }
    parts
}

fn timestamp(text: &str) -> String {
    let (moment, zone) = match text.strip_suffix("+00:00") {
        Some(moment) => (moment, ", tzinfo=datetime.timezone.utc"),
        None => (text, ""),
    };
    format!("datetime.datetime({}{zone})", clock(numbers(moment), 5).join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(rows: Vec<Vec<SqlValue>>) -> Rows {
        Rows { rows, ..Rows::default() }
    }

    #[test]
    fn values_are_written_as_python_writes_them() {
        let cases = [
            (SqlValue::Integer(3), "3"),
            (SqlValue::Null, "None"),
            (SqlValue::Bool(true), "True"),
            (SqlValue::Real(12.0), "12.0"),
            (SqlValue::Real(0.1), "0.1"),
            (SqlValue::Real(1e16), "1e+16"),
            (SqlValue::Real(1.5e-7), "1.5e-07"),
            (SqlValue::Text("it's".to_owned()), "\"it's\""),
            (SqlValue::Text("a\nb".to_owned()), "'a\\nb'"),
            (SqlValue::Decimal("1.50".to_owned()), "Decimal('1.50')"),
            (SqlValue::Decimal("-0.0000000100".to_owned()), "Decimal('-1.00E-8')"),
            // No database's number; the text of one, all the same.
            (SqlValue::Decimal("0.000000°".to_owned()), "Decimal('0.000000°')"),
            (SqlValue::Date("2024-05-03".to_owned()), "datetime.date(2024, 5, 3)"),
            (SqlValue::Time("13:05:00".to_owned()), "datetime.time(13, 5)"),
            (SqlValue::Timestamp("2024-05-03 00:00:00".to_owned()), "datetime.datetime(2024, 5, 3, 0, 0)"),
            (
                SqlValue::Timestamp("2024-05-03 01:02:03.250000+00:00".to_owned()),
                "datetime.datetime(2024, 5, 3, 1, 2, 3, 250000, tzinfo=datetime.timezone.utc)",
            ),
            (SqlValue::Bytes(vec![0, b'a', b'\'']), "b\"\\x00a'\""),
            (SqlValue::Bytes(b"'\"".to_vec()), "b'\\'\"'"),
            (SqlValue::Json(serde_json::json!({"a": [true]})), "{'a': [True]}"),
        ];
        for (value, expected) in cases {
            assert_eq!(repr(&value), expected);
        }
    }

    #[test]
    fn rows_are_a_list_of_tuples() {
        assert_eq!(tuples(&rows(vec![])), "");
        assert_eq!(tuples(&rows(vec![vec![SqlValue::Integer(3)]])), "[(3,)]");
        let pair = |number| vec![SqlValue::Integer(number), SqlValue::Text("a".to_owned())];
        assert_eq!(tuples(&rows(vec![pair(1), pair(2)])), "[(1, 'a'), (2, 'a')]");
        let cut = Rows { truncated: true, ..rows(vec![pair(1)]) };
        assert_eq!(tuples(&cut), "[(1, 'a')] (only the first 1 rows: the rest is left out)");
    }

    #[test]
    fn long_values_are_cut_at_a_word() {
        let long = SqlValue::Text("word ".repeat(100));
        let text = repr(&long);
        assert!(text.ends_with("word...'") && text.len() <= MAX_VALUE + 2, "{text}");
        let many = rows(vec![vec![SqlValue::Text("x".repeat(290))]; 1000]);
        let text = tuples(&many);
        assert!(text.ends_with("rows: the rest is left out)") && text.len() < MAX_ROWS + 100);
    }
}
