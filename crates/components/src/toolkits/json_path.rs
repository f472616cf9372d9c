//! Paths into JSON as Python writes them: `data["info"]["tags"][0]`. Read, never evaluated.

/// One step down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    Key(String),
    Index(i64),
}

/// The steps of a path. What stands outside brackets (`data`, quotes around the whole) says nothing; a key
/// may lack its quotes.
pub(super) fn steps(path: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut rest = path;
    while let Some(start) = rest.find('[') {
        rest = rest[start + 1..].trim_start();
        let Some((step, length)) = quoted(rest).or_else(|| bare(rest)) else { break };
        steps.extend(step);
        rest = &rest[length..];
    }
    steps
}

/// `"key"]`, with Python's escapes for quotes.
fn quoted(text: &str) -> Option<(Option<Step>, usize)> {
    let quote = text.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    let mut key = String::new();
    let mut characters = text.char_indices().skip(1);
    while let Some((at, c)) = characters.next() {
        match c {
            '\\' => key.push(characters.next()?.1),
            c if c == quote => {
                let close = text[at + 1..].find(']')?;
                text[at + 1..at + 1 + close].trim().is_empty().then_some(())?;
                return Some((Some(Step::Key(key)), at + close + 2));
            }
            c => key.push(c),
        }
    }
    None
}

/// `0]` or `key]`; an empty pair of brackets is no step.
fn bare(text: &str) -> Option<(Option<Step>, usize)> {
    let end = text.find(']')?;
    let inner = text[..end].replace(['"', '\''], "");
    let inner = inner.trim();
    let step = match inner.parse() {
        Ok(index) => Some(Step::Index(index)),
        Err(_) if inner.is_empty() => None,
        Err(_) => Some(Step::Key(inner.to_owned())),
    };
    Some((step, end + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_read_as_models_write_them() {
        let key = |key: &str| Step::Key(key.to_owned());
        let cases = [
            ("data", vec![]),
            ("", vec![]),
            (r#"data["a"][0]['b']"#, vec![key("a"), Step::Index(0), key("b")]),
            (r#"`data["a"]`"#, vec![key("a")]),
            (r#"data["/pets/{id}"]["x]y"]"#, vec![key("/pets/{id}"), key("x]y")]),
            (r#"data["it's"]"#, vec![key("it's")]),
            (r#"data["a\"b"]"#, vec![key("a\"b")]),
            ("data[info][-1]", vec![key("info"), Step::Index(-1)]),
            ("data[ 'a' ]", vec![key("a")]),
            ("data[]", vec![]),
            ("data[\"a", vec![]),
            (r#"data["a]"#, vec![key("a")]),
            (r#"data["200"]"#, vec![key("200")]),
        ];
        for (path, expected) in cases {
            assert_eq!(steps(path), expected, "{path}");
        }
    }
}
