//! JSON text into values; what is wrong with it is said where and as Python's `json` module would say it,
//! since that is what clients of Langflow know.

use std::borrow::Cow;

use serde_json::Value;

/// Levels of arrays and objects that a body may have. Flow exports with groups in groups have about 30.
pub(crate) const MAX_DEPTH: usize = 64;

/// Text that is no JSON, or not one that is taken.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct SyntaxError {
    /// Where, in characters.
    pub(crate) offset: usize,
    /// What, as a sentence.
    pub(crate) message: Cow<'static, str>,
}

/// Reads a value.
pub(crate) fn parse(text: &str) -> Result<Value, SyntaxError> {
    let located = |(at, message)| SyntaxError { offset: text[..at].chars().count(), message };
    if let Some(at) = too_deep(text.as_bytes()) {
        return Err(located((at, format!("More than {MAX_DEPTH} levels of arrays and objects").into())));
    }
    serde_json::from_str(text).map_err(|error| located(diagnose(text, &error)))
}

/// The first bracket that opens a level too many. **Whatever reads the text after this may recurse.**
fn too_deep(text: &[u8]) -> Option<usize> {
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    for (at, byte) in text.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            _ if in_string => {}
            b'[' | b'{' if depth == MAX_DEPTH => return Some(at),
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    None
}

/// Where in bytes, and what.
type Fault = (usize, Cow<'static, str>);

/// Python's view of text that was refused. Where Python would take it (half of a surrogate pair, a number
/// out of range) it is serde's.
fn diagnose(text: &str, refused: &serde_json::Error) -> Fault {
    let scanner = Scanner { text: text.as_bytes() };
    let Err(fault) = scanner.document() else {
        let line: usize =
            text.split_inclusive('\n').take(refused.line().saturating_sub(1)).map(str::len).sum();
        let at = (line + refused.column().saturating_sub(1)).min(text.len());
        let at = (0..=at).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        let message = refused.to_string();
        let sentence = message.split(" at line ").next().unwrap_or_default();
        return (at, sentence.to_owned().into());
    };
    fault
}

/// Follows the scanner of CPython 3.11 (`Modules/_json.c`), but takes no `NaN` or `Infinity`.
struct Scanner<'a> {
    text: &'a [u8],
}

impl Scanner<'_> {
    fn document(&self) -> Result<(), Fault> {
        let end = self.value(self.blank(0))?;
        match self.blank(end) {
            end if end == self.text.len() => Ok(()),
            end => Err((end, "Extra data".into())),
        }
    }

    /// Each of these takes where something starts and returns where it ends.
    fn value(&self, at: usize) -> Result<usize, Fault> {
        match self.text.get(at) {
            Some(b'"') => self.string(at),
            Some(b'{') => self.object(at),
            Some(b'[') => self.array(at),
            _ => ["null", "true", "false"]
                .into_iter()
                .find(|word| self.text[at.min(self.text.len())..].starts_with(word.as_bytes()))
                .map(|word| at + word.len())
                .or_else(|| self.number(at))
                .ok_or((at, "Expecting value".into())),
        }
    }

    fn object(&self, start: usize) -> Result<usize, Fault> {
        let mut at = self.blank(start + 1);
        if self.is(at, b'}') {
            return Ok(at + 1);
        }
        loop {
            if !self.is(at, b'"') {
                return Err((at, "Expecting property name enclosed in double quotes".into()));
            }
            at = self.blank(self.string(at)?);
            if !self.is(at, b':') {
                return Err((at, "Expecting ':' delimiter".into()));
            }
            at = self.blank(self.value(self.blank(at + 1))?);
            match self.text.get(at) {
                Some(b'}') => return Ok(at + 1),
                Some(b',') => at = self.blank(at + 1),
                _ => return Err((at, "Expecting ',' delimiter".into())),
            }
        }
    }

    fn array(&self, start: usize) -> Result<usize, Fault> {
        let mut at = self.blank(start + 1);
        if self.is(at, b']') {
            return Ok(at + 1);
        }
        loop {
            at = self.blank(self.value(at)?);
            match self.text.get(at) {
                Some(b']') => return Ok(at + 1),
                Some(b',') => at = self.blank(at + 1),
                _ => return Err((at, "Expecting ',' delimiter".into())),
            }
        }
    }

    fn string(&self, start: usize) -> Result<usize, Fault> {
        let mut at = start + 1;
        loop {
            match self.text.get(at) {
                None => return Err((start, "Unterminated string starting at".into())),
                Some(b'"') => return Ok(at + 1),
                Some(b'\\') => at = self.escape(start, at)?,
                Some(0..=0x1f) => return Err((at, "Invalid control character at".into())),
                Some(_) => at += 1,
            }
        }
    }

    fn escape(&self, start: usize, backslash: usize) -> Result<usize, Fault> {
        match self.text.get(backslash + 1) {
            None => Err((start, "Unterminated string starting at".into())),
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Ok(backslash + 2),
            Some(b'u') => {
                // Python wants a character behind the four digits as well.
                let digits = self.text.get(backslash + 2..backslash + 7).map(|digits| &digits[..4]);
                match digits {
                    Some(digits) if digits.iter().all(u8::is_ascii_hexdigit) => Ok(backslash + 6),
                    _ => Err((backslash + 1, "Invalid \\uXXXX escape".into())),
                }
            }
            Some(_) => Err((backslash, "Invalid \\escape".into())),
        }
    }

    fn number(&self, start: usize) -> Option<usize> {
        let digits = |at: usize| {
            at + self.text[at.min(self.text.len())..].iter().take_while(|b| b.is_ascii_digit()).count()
        };
        let whole = start + usize::from(self.is(start, b'-'));
        let mut at = match self.text.get(whole)? {
            b'0' => whole + 1,
            b'1'..=b'9' => digits(whole),
            _ => return None,
        };
        if self.is(at, b'.') && digits(at + 1) > at + 1 {
            at = digits(at + 1);
        }
        if self.is(at, b'e') || self.is(at, b'E') {
            let sign = usize::from(self.is(at + 1, b'+') || self.is(at + 1, b'-'));
            let exponent = at + 1 + sign;
            at = if digits(exponent) > exponent { digits(exponent) } else { at };
        }
        Some(at)
    }

    fn blank(&self, at: usize) -> usize {
        let rest = &self.text[at.min(self.text.len())..];
        at + rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r')).count()
    }

    fn is(&self, at: usize, byte: u8) -> bool {
        self.text.get(at) == Some(&byte)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What CPython 3.11 says: `json.loads(text)` raised this at this position.
    const PYTHON: &str = include_str!("json/python.json");

    #[test]
    fn syntax_errors_are_python_s() {
        let cases: Vec<(String, usize, String)> = serde_json::from_str(PYTHON).unwrap();
        assert!(cases.len() > 30);
        for (text, offset, message) in cases {
            assert_eq!(parse(&text), Err(SyntaxError { offset, message: message.into() }), "{text}");
        }
    }

    #[test]
    fn what_only_python_takes_is_refused_with_a_sentence() {
        let refused = |text| parse(text).unwrap_err();
        assert_eq!(refused("[1, NaN]"), SyntaxError { offset: 4, message: "Expecting value".into() });
        assert_eq!(refused("-Infinity").message, "Expecting value");
        assert_eq!(refused("[\n1e999]"), SyntaxError { offset: 6, message: "number out of range".into() });
        assert!(refused(r#"{"ü": "\ud800"}"#).offset > 5);
    }

    #[test]
    fn depth_is_bounded_and_the_limit_is_named() {
        let nested = |levels| "[".repeat(levels) + &"]".repeat(levels);
        assert!(parse(&nested(MAX_DEPTH)).is_ok());
        for levels in [MAX_DEPTH + 1, 10_000, 1_000_000] {
            let error = parse(&nested(levels)).unwrap_err();
            assert_eq!((error.offset, error.message.contains("64")), (MAX_DEPTH, true));
        }
        assert!(parse(&"{\"a\":".repeat(10_000)).is_err());
        let brackets_in_a_string = format!("\"{}\\\"{}\"", "[".repeat(1_000), "{".repeat(1_000));
        assert!(parse(&brackets_in_a_string).is_ok());
    }
}
