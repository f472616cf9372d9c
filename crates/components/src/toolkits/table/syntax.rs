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
    /// `a if b else c`: the condition first.
    If(Box<Expr>, Box<Expr>, Box<Expr>),
    Lambda(Vec<String>, Box<Expr>),
    /// An f-string.
    Format(Vec<Piece>),
    Each(Box<Each>),
}

/// A part of an f-string.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Piece {
    Text(String),
    /// A value, whether it is shown by `repr`, and how it is formatted.
    Value(Expr, bool, String),
}

/// A comprehension over one holder of values.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Each {
    /// What is made of each; of a dictionary the key.
    pub made: Expr,
    /// Of a dictionary the value.
    pub value: Option<Expr>,
    pub kind: EachKind,
    pub names: Vec<String>,
    pub over: Expr,
    pub conditions: Vec<Expr>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EachKind {
    List,
    /// An argument without brackets of its own.
    Generator,
    Set,
    Dict,
}
