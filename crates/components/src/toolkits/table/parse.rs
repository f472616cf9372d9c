//! From tokens to expressions: the part of Python in which tables are asked.

use super::answer::Trouble;
use super::syntax::{Expr, Piece, Statement};
use super::tokens::{Token, tokens};

/// Characters of one input.
const MAX_TEXT: usize = 10_000;
/// Expressions inside each other.
const MAX_DEPTH: u32 = 60;
/// Operators, calls and brackets of one statement: they stand inside each other, too.
const MAX_OPERATIONS: u32 = 150;

/// The statements of a text.
pub(super) fn parse(text: &str) -> Result<Vec<Statement>, Trouble> {
    if text.len() > MAX_TEXT {
        return Err(Trouble::syntax(&format!("the input is longer than {MAX_TEXT} characters")));
    }
    let mut parser = Parser { tokens: tokens(text)?, at: 0, depth: 0, operations: 0 };
    let mut statements = Vec::new();
    while parser.at < parser.tokens.len() {
        if *parser.peek() == Token::End {
            parser.at += 1;
            continue;
        }
        parser.operations = 0;
        statements.push(parser.statement()?);
        if *parser.peek() != Token::End {
            return Err(parser.unexpected());
        }
    }
    Ok(statements)
}

/// One expression, as `DataFrame.query` takes it.
pub(super) fn parse_condition(text: &str) -> Result<Expr, Trouble> {
    match parse(text)?.as_slice() {
        [Statement::Expr(condition)] => Ok(condition.clone()),
        _ => Err(Trouble::syntax("a query is one condition")),
    }
}

pub(super) struct Parser {
    tokens: Vec<Token>,
    at: usize,
    pub(super) depth: u32,
    operations: u32,
}

/// Operators by how strongly they bind, weakest first.
const LEVELS: &[&[&str]] = &[
    &["or"],
    &["and"],
    &["==", "!=", "<=", ">=", "<", ">", "in", "not in", "is", "is not"],
    &["|"],
    &["^"],
    &["&"],
    &["+", "-"],
    &["*", "/", "//", "%"],
];
const COMPARISON: usize = 2;
const STATEMENTS: &[&str] = &[
    "for",
    "while",
    "if",
    "def",
    "class",
    "with",
    "try",
    "return",
    "del",
    "global",
    "assert",
    "raise",
    "async",
    "await",
    "yield",
    "exec",
    "eval",
    "open",
    "__import__",
];

impl Parser {
    pub(super) fn peek(&self) -> &Token {
        self.tokens.get(self.at).unwrap_or(&Token::End)
    }

    pub(super) fn is(&self, sign: &str) -> bool {
        matches!(self.peek(), Token::Sign(found) if *found == sign)
    }

    pub(super) fn is_word(&self, word: &str) -> bool {
        matches!(self.peek(), Token::Name(found) if found == word)
    }

    pub(super) fn take(&mut self, sign: &str) -> bool {
        let found = self.is(sign);
        self.at += usize::from(found);
        found
    }

    pub(super) fn take_word(&mut self, word: &str) -> bool {
        let found = self.is_word(word);
        self.at += usize::from(found);
        found
    }

    /// A name, if one is next.
    pub(super) fn take_name(&mut self) -> Result<String, Trouble> {
        let Token::Name(name) = self.peek().clone() else { return Err(self.unexpected()) };
        self.at += 1;
        Ok(name)
    }

    pub(super) fn expect(&mut self, sign: &str) -> Result<(), Trouble> {
        if self.take(sign) { Ok(()) } else { Err(self.unexpected()) }
    }

    pub(super) fn unexpected(&self) -> Trouble {
        let found = match self.peek() {
            Token::End => return Trouble::syntax("the input ends too early"),
            Token::Sign(sign) => (*sign).to_owned(),
            Token::Name(name) => name.clone(),
            _ => "a value".to_owned(),
        };
        Trouble::syntax(&format!("{found} is not expected here"))
    }

    pub(super) fn operation(&mut self) -> Result<(), Trouble> {
        self.operations += 1;
        if self.operations > MAX_OPERATIONS {
            return Err(Trouble::syntax("the statement is too long; assign parts of it to names first"));
        }
        Ok(())
    }

    fn statement(&mut self) -> Result<Statement, Trouble> {
        if self.is_word("import") || self.is_word("from") {
            while *self.peek() != Token::End {
                self.at += 1;
            }
            return Ok(Statement::Import);
        }
        let target = self.tuple()?;
        let operator = match self.peek() {
            Token::Sign("+=") => Some("+"),
            Token::Sign("-=") => Some("-"),
            Token::Sign("*=") => Some("*"),
            Token::Sign("/=") => Some("/"),
            _ => None,
        };
        if let Some(operator) = operator {
            self.at += 1;
            let value = Expr::Binary(operator, Box::new(target.clone()), Box::new(self.tuple()?));
            return assignment(target, value);
        }
        if self.take("=") {
            let value = self.tuple()?;
            return assignment(target, value);
        }
        Ok(Statement::Expr(target))
    }

    /// Expressions between commas, with or without brackets around.
    fn tuple(&mut self) -> Result<Expr, Trouble> {
        let first = self.expression()?;
        if !self.is(",") {
            return Ok(first);
        }
        let mut items = vec![first];
        while self.take(",") {
            if *self.peek() == Token::End || self.is("=") {
                break;
            }
            items.push(self.expression()?);
        }
        Ok(Expr::Tuple(items))
    }

    pub(super) fn expression(&mut self) -> Result<Expr, Trouble> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(Trouble::syntax("the expression is nested too deeply"));
        }
        let expression = if self.is_word("lambda") { self.lambda() } else { self.choice() };
        self.depth -= 1;
        expression
    }

    /// `a if b else c`.
    fn choice(&mut self) -> Result<Expr, Trouble> {
        let value = self.level(0)?;
        if !self.take_word("if") {
            return Ok(value);
        }
        self.operation()?;
        let condition = self.level(0)?;
        if !self.take_word("else") {
            return Err(self.unexpected());
        }
        let other = self.expression()?;
        Ok(Expr::If(Box::new(condition), Box::new(value), Box::new(other)))
    }

    pub(super) fn level(&mut self, level: usize) -> Result<Expr, Trouble> {
        if level == LEVELS.len() {
            return self.unary();
        }
        // `not` binds weaker than a comparison, stronger than `and`.
        if level == COMPARISON && self.is_word("not") {
            self.at += 1;
            return Ok(Expr::Not(Box::new(self.level(level)?)));
        }
        let mut left = self.level(level + 1)?;
        let mut chained: Option<Expr> = None;
        while let Some(operator) = self.operator(level) {
            self.operation()?;
            let right = self.level(level + 1)?;
            if level != COMPARISON {
                left = Expr::Binary(operator, Box::new(left), Box::new(right));
                continue;
            }
            let this = Expr::Binary(operator, Box::new(left), Box::new(right.clone()));
            // `a < b < c` compares both pairs.
            chained = Some(match chained {
                Some(before) => Expr::Binary("and", Box::new(before), Box::new(this)),
                None => this,
            });
            left = right;
        }
        Ok(chained.unwrap_or(left))
    }

    fn operator(&mut self, level: usize) -> Option<&'static str> {
        let (found, length) = match self.peek() {
            Token::Sign(sign) => (*sign, 1),
            Token::Name(word) => {
                let next = self.tokens.get(self.at + 1);
                let followed = |by: &str| matches!(next, Some(Token::Name(name)) if name == by);
                match word.as_str() {
                    "and" => ("and", 1),
                    "or" => ("or", 1),
                    "in" => ("in", 1),
                    "not" if followed("in") => ("not in", 2),
                    "is" if followed("not") => ("is not", 2),
                    "is" => ("is", 1),
                    _ => return None,
                }
            }
            _ => return None,
        };
        let operator = LEVELS[level].iter().find(|operator| **operator == found)?;
        self.at += length;
        Some(operator)
    }

    fn unary(&mut self) -> Result<Expr, Trouble> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(Trouble::syntax("the expression is nested too deeply"));
        }
        let expression = if self.take("-") {
            Expr::Negative(Box::new(self.unary()?))
        } else if self.take("~") {
            Expr::Invert(Box::new(self.unary()?))
        } else if self.take("+") {
            self.unary()?
        } else {
            let base = self.postfix()?;
            if self.take("**") { Expr::Binary("**", Box::new(base), Box::new(self.unary()?)) } else { base }
        };
        self.depth -= 1;
        Ok(expression)
    }

    fn postfix(&mut self) -> Result<Expr, Trouble> {
        let mut expression = self.atom()?;
        loop {
            if self.is(".") || self.is("(") || self.is("[") {
                self.operation()?;
            }
            if self.take(".") {
                let name = self.take_name()?;
                expression = Expr::Attribute(Box::new(expression), name);
            } else if self.take("(") {
                let (positional, named) = self.arguments()?;
                expression = Expr::Call(Box::new(expression), positional, named);
            } else if self.take("[") {
                let key = self.subscript()?;
                self.expect("]")?;
                expression = Expr::Subscript(Box::new(expression), Box::new(key));
            } else {
                return Ok(expression);
            }
        }
    }

    /// Strings side by side are one.
    fn strings(&mut self) -> Result<Expr, Trouble> {
        let mut pieces = Vec::new();
        let mut is_format = false;
        loop {
            match self.peek().clone() {
                Token::Text(text) => pieces.push(Piece::Text(text)),
                Token::Format(text) => {
                    is_format = true;
                    pieces.extend(self.pieces(&text)?);
                }
                _ => break,
            }
            self.at += 1;
        }
        let texts = pieces.iter().map(|piece| if let Piece::Text(text) = piece { text } else { "" });
        Ok(if is_format { Expr::Format(pieces) } else { Expr::Text(texts.collect()) })
    }

    /// An expression inside an f-string, as deep as the string stands.
    pub(super) fn inner(&self, text: &str) -> Result<Expr, Trouble> {
        let mut inner =
            Self { tokens: tokens(text)?, at: 0, depth: self.depth + 1, operations: self.operations };
        let expression = inner.tuple()?;
        if *inner.peek() == Token::End && inner.at + 1 == inner.tokens.len() {
            Ok(expression)
        } else {
            Err(inner.unexpected())
        }
    }

    fn atom(&mut self) -> Result<Expr, Trouble> {
        let token = self.peek().clone();
        self.at += 1;
        match token {
            Token::Int(number) => Ok(Expr::Int(number)),
            Token::Float(number) => Ok(Expr::Float(number)),
            Token::Text(_) | Token::Format(_) => {
                self.at -= 1;
                self.strings()
            }
            Token::Name(name) => match name.as_str() {
                "None" => Ok(Expr::None),
                "True" => Ok(Expr::Bool(true)),
                "False" => Ok(Expr::Bool(false)),
                name if STATEMENTS.contains(&name) => Err(Trouble::unknown(&format!("`{name}`"))),
                _ => Ok(Expr::Name(name)),
            },
            Token::Sign("(") => self.bracketed(),
            Token::Sign("[") => self.list(),
            Token::Sign("{") => self.braces(),
            _ => {
                self.at -= 1;
                Err(self.unexpected())
            }
        }
    }
}

fn assignment(target: Expr, value: Expr) -> Result<Statement, Trouble> {
    match target {
        Expr::Name(name) => Ok(Statement::Assign(name, value)),
        Expr::Subscript(table, key) => match *table {
            Expr::Name(name) => Ok(Statement::AssignColumn(name, *key, value)),
            _ => Err(Trouble::unknown("this assignment")),
        },
        _ => Err(Trouble::unknown("this assignment")),
    }
}
