//! JSON as models write it: with line breaks inside strings, text behind it, or closers missing.

use serde_json::Value as Json;

/// Reads JSON whose strings may hold raw line breaks and tabs (Python's `strict=False`).
pub(crate) fn read(text: &str) -> Option<Json> {
    serde_json::from_str(text).ok().or_else(|| serde_json::from_str(&scanned(text).text).ok())
}

/// Reads the JSON at the start of a text, whatever follows it; strings, lists and objects may be left open.
pub(crate) fn read_first(text: &str) -> Option<Json> {
    let scanned = scanned(text);
    let first = serde_json::Deserializer::from_str(&scanned.text).into_iter().next();
    if let Some(Ok(value)) = first {
        return Some(value);
    }
    let closed = scanned.text.trim_end().trim_end_matches(',').to_owned() + &scanned.closers;
    serde_json::from_str(&closed).ok()
}

struct Scanned {
    text: String,
    /// What closes everything that is open at the end.
    closers: String,
}

fn scanned(text: &str) -> Scanned {
    let (mut out, mut open) = (String::with_capacity(text.len()), Vec::new());
    let (mut inside, mut escaped) = (false, false);
    for c in text.chars() {
        match c {
            '\n' if inside => out.push_str("\\n"),
            '\r' if inside => out.push_str("\\r"),
            '\t' if inside => out.push_str("\\t"),
            c => out.push(c),
        }
        match c {
            '"' if !escaped => inside = !inside,
            '{' if !inside => open.push('}'),
            '[' if !inside => open.push(']'),
            '}' | ']' if !inside => drop(open.pop()),
            _ => {}
        }
        escaped = inside && c == '\\' && !escaped;
    }
    let closers = inside.then_some('"').into_iter().chain(open.into_iter().rev()).collect();
    Scanned { text: out, closers }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_models_write_is_read() {
        let cases = [
            ("{\"a\": \"x\ny\"}", json!({"a": "x\ny"})),
            ("{\"a\": \"say \\\"hi\\\"\"}", json!({"a": "say \"hi\""})),
            ("{\"a\": 1}\n```\nand more } text", json!({"a": 1})),
            ("{\"a\": [1, {\"b\": \"c", json!({"a": [1, {"b": "c"}]})),
            ("{\"a\": 1,", json!({"a": 1})),
        ];
        for (text, json) in cases {
            assert_eq!(read_first(text), Some(json), "{text}");
        }
        assert_eq!(read("{\"a\": \"x\ty\"}"), Some(json!({"a": "x\ty"})));
        assert_eq!(read("{\"a\": 1} more"), None);
        for text in ["", "Sure: {\"a\": 1}", "{a: 1}"] {
            assert_eq!(read_first(text), None, "{text}");
        }
    }
}
