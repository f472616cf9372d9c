//! Operators, between single values and along columns.

use std::cmp::Ordering;

use super::aggregates::{float, truth};
use super::answer::{MAX_LIST, MAX_MADE, Trouble, Val};
use super::cell::{Cell, Dtype};
use super::frame::Series;

/// `left operator right`, by rows where one of them is a column.
pub(super) fn binary(operator: &str, left: Val, right: Val) -> Result<Val, Trouble> {
    if let (Some(left), Some(right)) = (array(&left, &right), array(&right, &left)) {
        // An array beside a column is a column; two arrays are one.
        return binary(operator, left, right);
    }
    match (left, right) {
        (Val::Series(left), Val::Series(right)) => along(operator, &left, &right).map(Val::Series),
        (Val::Series(left), right) => {
            let right = single(operator, &right)?;
            let made = by_row(&left, |cell| cells(operator, cell, &right))?;
            Ok(Val::Series(narrow(&left, &right, made)))
        }
        (left, Val::Series(right)) => {
            let left = single(operator, &left)?;
            by_row(&right, |cell| cells(operator, &left, cell)).map(Val::Series)
        }
        (Val::Frame(frame), right) if !matches!(right, Val::Frame(_)) => {
            let right = single(operator, &right)?;
            let columns: Result<Vec<_>, _> = frame
                .all_series()
                .iter()
                .map(|series| by_row(series, |cell| cells(operator, cell, &right)))
                .collect();
            Ok(Val::Frame(frame.made(frame.index.clone(), columns?)))
        }
        (Val::List(mut left), Val::List(right)) if operator == "+" => {
            if left.len() + right.len() > MAX_LIST {
                return Err(Trouble::memory());
            }
            left.extend(right);
            Ok(Val::List(left))
        }
        (left, right) => plain(operator, &left, &right),
    }
}

/// The two sides where one is an array and the other a column: both as columns.
fn array(side: &Val, other: &Val) -> Option<Val> {
    match (side, other) {
        (Val::Array(cells), Val::Series(series)) if cells.len() == series.len() => {
            Some(Val::Series(Series::new(series.name.as_deref(), series.index.clone(), cells.clone())))
        }
        (Val::Series(_), Val::Array(_)) => Some(side.clone()),
        _ => None,
    }
}

fn plain(operator: &str, left: &Val, right: &Val) -> Result<Val, Trouble> {
    if let ("-", Val::Time(later), Val::Time(earlier)) = (operator, left, right) {
        return Ok(Val::Span(later - earlier));
    }
    match (operator, left.cell(), right.cell()) {
        ("is" | "==", None, None) => Ok(Val::Bool(left.repr() == right.repr())),
        ("is not" | "!=", None, None) => Ok(Val::Bool(left.repr() != right.repr())),
        ("is", Some(a), Some(b)) => Ok(Val::Bool(a == b)),
        ("is not", Some(a), Some(b)) => Ok(Val::Bool(a != b)),
        ("==", _, _) if is_type(left) || is_type(right) => Ok(Val::Bool(left.shown() == right.shown())),
        ("!=", _, _) if is_type(left) || is_type(right) => Ok(Val::Bool(left.shown() != right.shown())),
        (_, Some(a), Some(b)) => Ok(Val::of(&cells(operator, &a, &b)?)),
        _ => Err(unfit(operator, left.kind(), right.kind())),
    }
}

fn is_type(value: &Val) -> bool {
    matches!(value, Val::Dtype(_))
}

fn single(operator: &str, value: &Val) -> Result<Cell, Trouble> {
    value.cell().ok_or_else(|| unfit(operator, "Series", value.kind()))
}

fn unfit(operator: &str, left: &str, right: &str) -> Trouble {
    Trouble::types(format!("unsupported operand type(s) for {operator}: '{left}' and '{right}'"))
}

/// Whole numbers of 32 bits stay that beside a whole number.
fn narrow(series: &Series, other: &Cell, made: Series) -> Series {
    let stays = series.dtype == Dtype::Int32 && made.dtype == Dtype::Int && matches!(other, Cell::Int(_));
    if stays { made.typed(Dtype::Int32) } else { made }
}

fn by_row(series: &Series, make: impl FnMut(&Cell) -> Result<Cell, Trouble>) -> Result<Series, Trouble> {
    let made = series.try_map(make)?;
    Ok(if made.len() == 0 { made.typed(Dtype::Bool) } else { made })
}

fn along(operator: &str, left: &Series, right: &Series) -> Result<Series, Trouble> {
    if left.len() != right.len() || left.index != right.index {
        return Err(Trouble::value("Can only work with Series of the same rows"));
    }
    let values = left.cells.iter().zip(right.cells.iter()).map(|(a, b)| cells(operator, a, b));
    let name = if left.name == right.name { left.name.as_deref() } else { None };
    let made = Series::made(name, left.index.clone(), values)?;
    Ok(if made.len() == 0 { made.typed(Dtype::Bool) } else { made })
}

/// Of two values. A missing one compares as false and makes the rest missing.
fn cells(operator: &str, a: &Cell, b: &Cell) -> Result<Cell, Trouble> {
    match operator {
        "==" => return Ok(Cell::Bool(a.equals(b))),
        "!=" => return Ok(Cell::Bool(!a.equals(b))),
        "&" | "and" if logical(a, b) => return Ok(Cell::Bool(truth(a) && truth(b))),
        "|" | "or" if logical(a, b) => return Ok(Cell::Bool(truth(a) || truth(b))),
        "^" if logical(a, b) => return Ok(Cell::Bool(truth(a) != truth(b))),
        "<" | "<=" | ">" | ">=" => return compare(operator, a, b).map(Cell::Bool),
        _ => {}
    }
    match (a, b) {
        (Cell::Time(_), _) | (_, Cell::Time(_)) => Err(Trouble::unknown("arithmetic with dates")),
        (Cell::List(_), _) | (_, Cell::List(_)) => Err(Trouble::unknown("arithmetic with lists")),
        (Cell::Null, _) | (_, Cell::Null) => Ok(Cell::Null),
        (Cell::Text(a), Cell::Text(b)) if operator == "+" && a.len() + b.len() > MAX_MADE => {
            Err(Trouble::memory())
        }
        (Cell::Text(a), Cell::Text(b)) if operator == "+" => Ok(Cell::text(format!("{a}{b}"))),
        (Cell::Int(a), Cell::Int(b)) => whole(operator, *a, *b),
        (a, b) => match (a.number(), b.number()) {
            (Some(x), Some(y)) => floating(operator, x, y),
            _ => Err(unfit(operator, kind(a), kind(b))),
        },
    }
}

/// Truth values; a missing one counts as false.
fn logical(a: &Cell, b: &Cell) -> bool {
    let is = |cell: &Cell| matches!(cell, Cell::Bool(_) | Cell::Null);
    is(a) && is(b)
}

fn kind(cell: &Cell) -> &'static str {
    match cell {
        Cell::Null => "NoneType",
        Cell::Bool(_) => "bool",
        Cell::Int(_) => "int",
        Cell::Float(_) => "float",
        Cell::Text(_) => "str",
        Cell::Time(_) => "Timestamp",
        Cell::List(_) => "list",
    }
}

fn compare(operator: &str, a: &Cell, b: &Cell) -> Result<bool, Trouble> {
    if a.is_null() || b.is_null() {
        return Ok(false);
    }
    let unfit = || {
        let (a, b) = (kind(a), kind(b));
        Trouble::types(format!("'{operator}' not supported between instances of '{a}' and '{b}'"))
    };
    let order = a.order(b).ok_or_else(unfit)?;
    Ok(match operator {
        "<" => order == Ordering::Less,
        "<=" => order != Ordering::Greater,
        ">" => order == Ordering::Greater,
        _ => order != Ordering::Less,
    })
}

fn whole(operator: &str, a: i64, b: i64) -> Result<Cell, Trouble> {
    let fallback = || floating(operator, a as f64, b as f64);
    let exact = match operator {
        "+" => a.checked_add(b),
        "-" => a.checked_sub(b),
        "*" => a.checked_mul(b),
        "//" if b != 0 => {
            a.checked_div_euclid(b).map(|q| if b < 0 && a.rem_euclid(b) != 0 { q - 1 } else { q })
        }
        "%" if b != 0 => a.checked_rem(b).map(|r| if r != 0 && (r < 0) != (b < 0) { r + b } else { r }),
        "**" => u32::try_from(b).ok().and_then(|b| a.checked_pow(b)),
        "&" => Some(a & b),
        "|" => Some(a | b),
        "^" => Some(a ^ b),
        _ => None,
    };
    exact.map_or_else(fallback, |value| Ok(Cell::Int(value)))
}

fn floating(operator: &str, a: f64, b: f64) -> Result<Cell, Trouble> {
    let value = match operator {
        "+" => a + b,
        "-" => a - b,
        "*" => a * b,
        "/" => a / b,
        "//" => (a / b).floor(),
        "%" => a - b * (a / b).floor(),
        "**" => a.powf(b),
        _ => return Err(unfit(operator, "float", "float")),
    };
    Ok(float(value))
}

/// `-value`.
pub(super) fn negative(value: Val) -> Result<Val, Trouble> {
    let made = |cell: &Cell| match cell {
        Cell::Int(number) => Ok(Cell::Int(number.wrapping_neg())),
        Cell::Float(number) => Ok(Cell::Float(-number)),
        Cell::Null => Ok(Cell::Null),
        other => Err(Trouble::types(format!("bad operand type for unary -: '{}'", kind(other)))),
    };
    unary(value, made)
}

/// `~value`: the other truth values.
pub(super) fn invert(value: Val) -> Result<Val, Trouble> {
    let made = |cell: &Cell| match cell {
        Cell::Bool(value) => Ok(Cell::Bool(!value)),
        Cell::Int(value) => Ok(Cell::Int(!value)),
        Cell::Null => Ok(Cell::Bool(true)),
        other => Err(Trouble::types(format!("bad operand type for unary ~: '{}'", kind(other)))),
    };
    unary(value, made)
}

fn unary(value: Val, made: impl Fn(&Cell) -> Result<Cell, Trouble>) -> Result<Val, Trouble> {
    match value {
        Val::Series(series) => by_row(&series, made).map(Val::Series),
        value => {
            let cell = value.cell().ok_or_else(|| unfit("-", value.kind(), value.kind()))?;
            made(&cell).map(|cell| Val::of(&cell))
        }
    }
}
