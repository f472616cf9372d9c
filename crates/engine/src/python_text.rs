//! Values as Python writes them: prompts, and the answers of Langflow's tools, were written in it.

use serde_json::Value as Json;

/// A value as Python's `str()` writes it: prompts were written against that.
pub fn python_str(value: &Json) -> String {
    match value {
        Json::String(text) => text.clone(),
        other => python_repr(other),
    }
}

/// A value as Python's `repr()` writes it: texts are quoted.
pub fn python_repr(value: &Json) -> String {
    match value {
        Json::Null => "None".to_owned(),
        Json::Bool(true) => "True".to_owned(),
        Json::Bool(false) => "False".to_owned(),
        Json::Number(number) => match number.as_f64() {
            Some(float) if number.is_f64() => python_float(float),
            _ => number.to_string(),
        },
        Json::String(text) => quote(text),
        Json::Array(list) => format!("[{}]", join(list.iter().map(python_repr))),
        Json::Object(map) => {
            let pairs = map.iter().map(|(key, value)| format!("{}: {}", quote(key), python_repr(value)));
            format!("{{{}}}", join(pairs))
        }
    }
}

/// A float as Python's `repr()` writes it: the shortest digits that give it back, with an exponent from 1e16 up and
/// below 0.0001; `nan` and `inf`.
pub fn python_float(number: f64) -> String {
    if number.is_nan() {
        return "nan".to_owned();
    }
    if number.is_infinite() {
        return if number > 0.0 { "inf" } else { "-inf" }.to_owned();
    }
    let magnitude = number.abs();
    if magnitude == 0.0 || (1e-4..1e16).contains(&magnitude) {
        return format!("{number:?}");
    }
    let text = format!("{number:e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let (sign, exponent) = match exponent.strip_prefix('-') {
        Some(exponent) => ('-', exponent),
        None => ('+', exponent),
    };
    format!("{digits}e{sign}{exponent:0>2}")
}

fn join(parts: impl Iterator<Item = String>) -> String {
    parts.collect::<Vec<_>>().join(", ")
}

/// Python prefers single quotes, unless the text has those and no double ones.
fn quote(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push(quote);
    for c in text.chars() {
        match (c, u32::from(c)) {
            ('\\', _) => quoted.push_str("\\\\"),
            ('\n', _) => quoted.push_str("\\n"),
            ('\r', _) => quoted.push_str("\\r"),
            ('\t', _) => quoted.push_str("\\t"),
            (c, _) if c == quote => quoted.extend(['\\', c]),
            (c, code @ ..=0xff) if is_unprintable(c) => quoted.push_str(&format!("\\x{code:02x}")),
            (c, code) if is_unprintable(c) => quoted.push_str(&format!("\\u{code:04x}")),
            (c, _) => quoted.push(c),
        }
    }
    quoted.push(quote);
    quoted
}

/// Controls, blanks other than the space, and the formatting characters that texts do hold; not all of Unicode's.
fn is_unprintable(c: char) -> bool {
    c.is_control()
        || (c.is_whitespace() && c != ' ')
        || matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2064}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_print_as_python_prints_them() {
        let value = json!({"a": [1, 2.5, null, true], "it's": "say \"hi\"\n"});
        assert_eq!(python_str(&value), r#"{'a': [1, 2.5, None, True], "it's": 'say "hi"\n'}"#);
        assert_eq!(python_str(&json!("plain")), "plain");
        assert_eq!(python_repr(&json!("a\u{0}\u{a0}\u{200b}é")), r"'a\x00\xa0\u200bé'");
    }

    #[test]
    fn floats_print_as_python_prints_them() {
        for (number, text) in [
            (0.0, "0.0"),
            (-0.0, "-0.0"),
            (0.1, "0.1"),
            (1e15, "1000000000000000.0"),
            (1e16, "1e+16"),
            (0.0001, "0.0001"),
            (1.5e-7, "1.5e-07"),
            (-1e300, "-1e+300"),
            (f64::NAN, "nan"),
            (f64::NEG_INFINITY, "-inf"),
        ] {
            assert_eq!(python_float(number), text);
        }
        assert_eq!(python_str(&json!([1e20, 3.0])), "[1e+20, 3.0]");
    }
}
