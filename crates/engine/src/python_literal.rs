//! Python literals, as exports of 0.5 hold them in fields that are objects: `{'top_p': 0.5}`. **Read, never executed.**

use serde_json::{Map, Value as Json};

/// Lists and dictionaries within each other, at most.
const MAX_DEPTH: usize = 64;

/// The value of a literal of texts, numbers, `True`, `False`, `None`, lists, tuples and dictionaries with texts as keys;
/// `None` for all else.
pub(crate) fn read(text: &str) -> Option<Json> {
    let mut reader = Reader { rest: text.trim_start(), depth: 0 };
    let value = reader.value()?;
    reader.rest.is_empty().then_some(value)
}

struct Reader<'a> {
    rest: &'a str,
    depth: usize,
}

impl Reader<'_> {
    fn value(&mut self) -> Option<Json> {
        match self.rest.chars().next()? {
            '\'' | '"' => self.text().map(Json::String),
            '[' => self.list('[', ']'),
            '(' => self.list('(', ')'),
            '{' => self.dictionary(),
            _ => self.word(),
        }
    }

    /// Takes a character and the blanks after it.
    fn take(&mut self, c: char) -> bool {
        let Some(rest) = self.rest.strip_prefix(c) else { return false };
        self.rest = rest.trim_start();
        true
    }

    fn list(&mut self, open: char, close: char) -> Option<Json> {
        let mut items = Vec::new();
        self.enclosed(open, close, |reader| {
            items.push(reader.value()?);
            Some(())
        })?;
        Some(Json::Array(items))
    }

    fn dictionary(&mut self) -> Option<Json> {
        let mut map = Map::new();
        self.enclosed('{', '}', |reader| {
            let key = reader.text()?;
            reader.take(':').then_some(())?;
            map.insert(key, reader.value()?);
            Some(())
        })?;
        Some(Json::Object(map))
    }

    fn enclosed(
        &mut self,
        open: char,
        close: char,
        mut item: impl FnMut(&mut Self) -> Option<()>,
    ) -> Option<()> {
        self.depth += 1;
        (self.take(open) && self.depth <= MAX_DEPTH).then_some(())?;
        while !self.take(close) {
            item(self)?;
            if !self.take(',') && !self.rest.starts_with(close) {
                return None;
            }
        }
        self.depth -= 1;
        Some(())
    }

    fn text(&mut self) -> Option<String> {
        let quote = self.rest.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
        let (mut text, mut chars) = (String::new(), self.rest[1..].chars());
        loop {
            match chars.next()? {
                c if c == quote => break,
                '\n' => return None,
                '\\' => text.push(match chars.next()? {
                    'n' => '\n',
                    'r' => '\r',
                    't' => '\t',
                    c @ ('\\' | '\'' | '"') => c,
                    _ => return None,
                }),
                c => text.push(c),
            }
        }
        self.rest = chars.as_str().trim_start();
        Some(text)
    }

    /// A name or a number.
    fn word(&mut self) -> Option<Json> {
        let end = self.rest.find([',', ':', ']', ')', '}']).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        match word.trim_end() {
            "None" => Some(Json::Null),
            "True" => Some(Json::Bool(true)),
            "False" => Some(Json::Bool(false)),
            number => match number.parse::<i64>() {
                Ok(whole) => Some(whole.into()),
                Err(_) if number.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c)) => {
                    serde_json::Number::from_f64(number.parse().ok()?).map(Json::Number)
                }
                Err(_) => None,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn literals_are_read() {
        for (text, value) in [
            ("{'top_p': 0.5, 'stop': ['a', \"it's\"], }", json!({"top_p": 0.5, "stop": ["a", "it's"]})),
            (" { } ", json!({})),
            ("(1, -2.5, True, False, None)", json!([1, -2.5, true, false, null])),
            ("{'a\\n': {'b': []}}", json!({"a\n": {"b": []}})),
        ] {
            assert_eq!(read(text), Some(value), "{text}");
        }
    }

    #[test]
    fn what_is_no_literal_is_none() {
        let deep = "[".repeat(100_000);
        for text in
            ["", "{", "{'a'}", "{'a': }", "[1 2]", "[,]", "open('x')", "{1: 2}", "'a", "1 2", "inf", &deep]
        {
            assert_eq!(read(text), None, "{}", text.chars().take(20).collect::<String>());
        }
    }
}
