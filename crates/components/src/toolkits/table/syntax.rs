//! What an expression is made of.

/// A line of what the model wrote.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Statement {
    /// `name = …`.
    Assign(String, Expr),
    /// `name['column'] = …`.
    AssignColumn(String, Expr, Expr),
    /// `import pandas as pd`: there is nothing to load.
    Import,
    Expr(Expr),
}

/// An expression.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Expr {
    None,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
    Name(String),
    List(Vec<Expr>),
    Tuple(Vec<Expr>),
    Dict(Vec<(Expr, Expr)>),
    Attribute(Box<Expr>, String),
    Call(Box<Expr>, Vec<Expr>, Vec<(String, Expr)>),
    Subscript(Box<Expr>, Box<Expr>),
    Slice(Option<Box<Expr>>, Option<Box<Expr>>, Option<Box<Expr>>),
    Not(Box<Expr>),
    Negative(Box<Expr>),
    Invert(Box<Expr>),
    Binary(&'static str, Box<Expr>, Box<Expr>),
}
