//! The words and signs of an expression.

use super::answer::Trouble;

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    Name(String),
    Int(i64),
    Float(f64),
    Text(String),
    /// What stands between the quotes of an f-string.
    Format(String),
    Sign(&'static str),
    /// The end of a statement.
    End,
}

/// Longer ones first.
const SIGNS: &[&str] = &[
    "**", "//", "==", "!=", "<=", ">=", "+=", "-=", "*=", "/=", "(", ")", "[", "]", "{", "}", ",", ":", ".",
    "=", "<", ">", "+", "-", "*", "/", "%", "&", "|", "^", "~",
];

/// The tokens of a text. Line ends inside brackets and comments say nothing.
pub(super) fn tokens(text: &str) -> Result<Vec<Token>, Trouble> {
    let mut tokens = Vec::new();
    let mut depth = 0_i32;
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let (token, length) = match c {
            '#' => (None, rest.find('\n').unwrap_or(rest.len())),
            '\\' if rest.starts_with("\\\n") => (None, 2),
            '\n' | ';' => ((depth <= 0).then_some(Token::End), 1),
            c if c.is_whitespace() => (None, c.len_utf8()),
            '\'' | '"' => string(rest, false).map(|(text, length)| (Some(Token::Text(text)), length))?,
            c if c.is_ascii_digit() || (c == '.' && rest[1..].starts_with(|d: char| d.is_ascii_digit())) => {
                number(rest)?
            }
            c if c.is_alphabetic() || c == '_' => word(rest)?,
            _ => {
                let sign = SIGNS.iter().find(|sign| rest.starts_with(**sign));
                let sign = sign.ok_or_else(|| Trouble::syntax(&format!("'{c}' is not expected")))?;
                (Some(Token::Sign(sign)), sign.len())
            }
        };
        if let Some(Token::Sign(sign)) = &token {
            depth +=
                i32::from(matches!(*sign, "(" | "[" | "{")) - i32::from(matches!(*sign, ")" | "]" | "}"));
        }
        tokens.extend(token);
        rest = &rest[length..];
    }
    tokens.push(Token::End);
    Ok(tokens)
}

type Scanned = (Option<Token>, usize);

fn word(text: &str) -> Result<Scanned, Trouble> {
    let length = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
    let (name, behind) = text.split_at(length);
    if !behind.starts_with(['\'', '"']) {
        return Ok((Some(Token::Name(name.to_owned())), length));
    }
    match name.to_ascii_lowercase().as_str() {
        "r" => {
            let (text, quoted) = string(behind, true)?;
            Ok((Some(Token::Text(text)), length + quoted))
        }
        "f" | "rf" | "fr" => {
            let (text, quoted) = string(behind, name.len() == 2)?;
            Ok((Some(Token::Format(text)), length + quoted))
        }
        _ => Err(Trouble::unknown("strings with this prefix")),
    }
}

fn number(text: &str) -> Result<Scanned, Trouble> {
    let mut length = 0;
    for c in text.chars() {
        let after_exponent = text[..length].ends_with(['e', 'E']);
        let belongs = c.is_ascii_digit()
            || matches!(c, '.' | '_' | 'e' | 'E')
            || (after_exponent && matches!(c, '+' | '-'));
        if !belongs {
            break;
        }
        length += c.len_utf8();
    }
    let digits = text[..length].replace('_', "");
    let token = match digits.parse() {
        Ok(number) => Token::Int(number),
        Err(_) => Token::Float(digits.parse().map_err(|_| Trouble::syntax("a number is not well formed"))?),
    };
    Ok((Some(token), length))
}

/// The text between quotes, and how long it is with them.
fn string(text: &str, raw: bool) -> Result<(String, usize), Trouble> {
    let unfinished = || Trouble::syntax("a string does not end");
    let quote = text.chars().next().ok_or_else(unfinished)?;
    let triple: String = std::iter::repeat_n(quote, 3).collect();
    let end = if text.starts_with(&triple) { triple } else { quote.to_string() };
    let mut content = String::new();
    let mut rest = &text[end.len()..];
    loop {
        if let Some(behind) = rest.strip_prefix(&end) {
            return Ok((content, text.len() - behind.len()));
        }
        let mut characters = rest.chars();
        match characters.next().ok_or_else(unfinished)? {
            '\\' if !raw => match characters.next().ok_or_else(unfinished)? {
                'n' => content.push('\n'),
                't' => content.push('\t'),
                'r' => content.push('\r'),
                c @ ('\\' | '\'' | '"') => content.push(c),
                c => content.extend(['\\', c]),
            },
            '\n' if end.len() == 1 => return Err(unfinished()),
            c => content.push(c),
        }
        rest = characters.as_str();
    }
}
