//! Functions of Python, pandas and numpy, and methods of plain values.

use super::answer::{MAX_LIST, MAX_MADE, Trouble, Val};
use super::call::Arguments;
use super::cell::{Cell, Dtype};
use super::each::items;
use super::frame::{Index, Series};
use super::numbers::rounded;
use super::series_calls;
use super::{aggregates, compare, compute, dates, format};

/// `pd.to_numeric`: what is no number is missing with `errors='coerce'`, an error otherwise.
pub(super) fn to_number(series: &Series, arguments: &Arguments) -> Result<Series, Trouble> {
    let coerce = arguments.text(1, "errors")?.as_deref() == Some("coerce");
    let number = |cell: &Cell| match cell.cast(Dtype::Int).filter(|_| matches!(cell, Cell::Text(_))) {
        Some(whole) => Some(whole),
        None if matches!(cell, Cell::Text(_)) => cell.cast(Dtype::Float),
        None => Some(cell.clone()),
    };
    let cells: Option<Vec<Cell>> =
        series.cells.iter().map(|cell| number(cell).or(coerce.then_some(Cell::Null))).collect();
    let cells = cells.ok_or_else(|| Trouble::value("Unable to parse string"))?;
    Ok(Series::new(series.name.as_deref(), series.index.clone(), cells))
}

/// A function of Python's own.
pub(super) fn builtin(name: &str, first: &Val, arguments: &Arguments) -> Result<Val, Trouble> {
    let held = || match first.cells() {
        Some(cells) if cells.len() > MAX_LIST && matches!(name, "list" | "tuple" | "set" | "sorted") => {
            Err(Trouble::memory())
        }
        Some(cells) => Ok(cells),
        None => Err(Trouble::types(format!("'{}' object is not iterable", first.kind()))),
    };
    match name {
        "len" => length(first).map(|length| Val::Int(length as i64)),
        "str" => Ok(Val::Text(first.shown())),
        "repr" => Ok(Val::Text(first.repr())),
        "type" => Ok(Val::Name(class(first)?.to_owned())),
        "int" | "float" | "bool" => {
            let dtype = match name {
                "int" => Dtype::Int,
                "float" => Dtype::Float,
                _ => Dtype::Bool,
            };
            let cell = first.cell().filter(|cell| dtype != Dtype::Int || !cell.is_null());
            let cell = cell.and_then(|cell| cell.cast(dtype));
            cell.map(|cell| Val::of(&cell)).ok_or_else(|| unread(name, first))
        }
        "round" => match (first, arguments.integer(1, "ndigits")?) {
            (Val::Series(series), digits) => {
                series_calls::call(series, "round", &Arguments::of(vec![Val::Int(digits.unwrap_or(0))]))
            }
            (Val::Frame(frame), digits) => {
                super::frame_calls::call(frame, "round", &Arguments::of(vec![Val::Int(digits.unwrap_or(0))]))
            }
            (Val::Float(number), None) => Ok(Val::Int(rounded(*number, 0) as i64)),
            (Val::Float(number), Some(digits)) => Ok(Val::Float(rounded(*number, digits))),
            (other, _) => Ok(other.clone()),
        },
        "abs" => match first {
            Val::Int(number) => Ok(Val::Int(number.wrapping_abs())),
            Val::Float(number) => Ok(Val::Float(number.abs())),
            Val::Series(series) => series_calls::call(series, "abs", &Arguments::default()),
            other => Err(Trouble::types(format!("bad operand type for abs(): '{}'", other.kind()))),
        },
        "sum" => added(&held()?),
        "max" | "min" | "any" | "all" => {
            let cells = if arguments.all().len() > 1 {
                let all = Val::List(arguments.all().to_vec()).cells();
                all.ok_or_else(|| Trouble::types("values are needed"))?
            } else {
                held()?
            };
            if cells.is_empty() && matches!(name, "max" | "min") {
                return Err(Trouble::value(format!("{name}() arg is an empty sequence")));
            }
            let index = Index::Range(cells.len());
            aggregates::aggregate(name, &Series::new(None, index, cells)).map(|cell| Val::of(&cell))
        }
        "list" => items(first).map(Val::List),
        "tuple" => items(first).map(Val::Tuple),
        "dict" => match first {
            Val::Dict(_) => Ok(first.clone()),
            Val::List(pairs) if pairs.is_empty() => Ok(Val::Dict(Vec::new())),
            Val::Series(series) if series.len() <= MAX_LIST => Ok(super::export::of_series(series)),
            Val::List(pairs) => {
                let pair = |pair: &Val| match items(pair)?.as_slice() {
                    [key, value] => Ok((key.clone(), value.clone())),
                    _ => Err(Trouble::types("a dictionary is made of pairs")),
                };
                Ok(super::each::dict(pairs.iter().map(pair).collect::<Result<_, Trouble>>()?))
            }
            _ => Err(Trouble::unknown("dict of this")),
        },
        "range" => range(arguments),
        "zip" => {
            let all = arguments.all().iter().map(items).collect::<Result<Vec<_>, _>>()?;
            let count = all.iter().map(Vec::len).min().unwrap_or(0);
            let row = |at: usize| Val::Tuple(all.iter().map(|items| items[at].clone()).collect());
            Ok(Val::List((0..count).map(row).collect()))
        }
        "enumerate" => {
            let start = arguments.integer(1, "start")?.unwrap_or(0);
            let pair = |(at, item)| Val::Tuple(vec![Val::Int(start.wrapping_add(at as i64)), item]);
            Ok(Val::List(items(first)?.into_iter().enumerate().map(pair).collect()))
        }
        "set" => Ok(Val::List(compute::distinct(held()?.iter()).iter().map(Val::of).collect())),
        "sorted" => {
            let cells = held()?;
            let rows = compute::sorted(&[(&cells, !arguments.flag("reverse", false)?)])?;
            Ok(Val::List(rows.iter().map(|row| Val::of(&cells[*row])).collect()))
        }
        _ => Err(Trouble::unknown(&format!("'{name}'"))),
    }
}

fn unread(name: &str, value: &Val) -> Trouble {
    match (name, value) {
        ("int", Val::Text(text)) => {
            Trouble::value(format!("invalid literal for int() with base 10: {}", Cell::text(text).repr()))
        }
        ("float", Val::Text(text)) => {
            Trouble::value(format!("could not convert string to float: {}", Cell::text(text).repr()))
        }
        ("int", Val::Float(_)) => Trouble::value("cannot convert float NaN to integer"),
        _ => Trouble::types(format!("{name}() of a {}", value.kind())),
    }
}

/// Python's `sum`: one after the other, and what is missing stays missing.
fn added(cells: &[Cell]) -> Result<Val, Trouble> {
    let mut sum = Val::Int(0);
    for cell in cells {
        sum = super::arithmetic::binary(
            "+",
            sum,
            Val::of(&if let Cell::Bool(value) = cell { Cell::Int(i64::from(*value)) } else { cell.clone() }),
        )?;
    }
    Ok(sum)
}

fn range(arguments: &Arguments) -> Result<Val, Trouble> {
    let part = |place| arguments.integer(place, "");
    let (start, stop, step) = match (part(0)?, part(1)?, part(2)?) {
        (Some(stop), None, None) => (0, stop, 1),
        (Some(start), Some(stop), step) => (start, stop, step.unwrap_or(1)),
        _ => return Err(Trouble::types("range needs whole numbers")),
    };
    if step == 0 {
        return Err(Trouble::value("range() arg 3 must not be zero"));
    }
    let mut values = Vec::new();
    let mut next = start;
    while (step > 0 && next < stop) || (step < 0 && next > stop) {
        if values.len() >= MAX_LIST {
            return Err(Trouble::memory());
        }
        values.push(Val::Int(next));
        next = next.saturating_add(step);
    }
    Ok(Val::List(values))
}

/// What Python says of a value's type.
fn class(value: &Val) -> Result<&'static str, Trouble> {
    Ok(match value {
        Val::Frame(_) => "<class 'pandas.core.frame.DataFrame'>",
        Val::Series(_) => "<class 'pandas.core.series.Series'>",
        Val::Text(_) => "<class 'str'>",
        Val::List(_) => "<class 'list'>",
        Val::Tuple(_) => "<class 'tuple'>",
        Val::Dict(_) => "<class 'dict'>",
        Val::Array(_) | Val::Matrix(_) => "<class 'numpy.ndarray'>",
        // Of a number it depends on where it comes from.
        _ => return Err(Trouble::unknown("type of this value")),
    })
}

/// A function of numpy's.
pub(super) fn numpy(name: &str, first: &Val, arguments: &Arguments) -> Result<Val, Trouble> {
    let unknown = || Trouble::unknown(&format!("'np.{name}'"));
    if name == "where" {
        return chosen_by_numpy(first, arguments);
    }
    if let (Val::Series(series), "array") = (first, name) {
        return Ok(Val::Array(series.cells.to_vec()));
    }
    let (series, is_array) = match first {
        Val::Series(series) => (series.clone(), false),
        other => {
            let cells = other.cells().or_else(|| other.cell().map(|cell| vec![cell])).ok_or_else(unknown)?;
            (Series::new(None, Index::Range(cells.len()), cells), true)
        }
    };
    let has_missing = series.cells.iter().any(Cell::is_null);
    let by_cell = |make: fn(f64) -> f64| {
        if !series.dtype.is_number() {
            return Err(unknown());
        }
        let made = series.map(|cell| cell.number().map_or(Cell::Null, |n| aggregates::float(make(n))));
        match (first, made.cells.first()) {
            (Val::Int(_) | Val::Float(_), Some(cell)) => Ok(Val::of(cell)),
            (Val::Series(_), _) => Ok(Val::Series(made.typed(Dtype::Float))),
            _ => Ok(Val::Array(made.cells.to_vec())),
        }
    };
    match name {
        "mean" | "sum" | "min" | "max" | "std" | "var" | "median" if is_array && has_missing => {
            Ok(Val::Float(f64::NAN))
        }
        "median" if has_missing => Ok(Val::Float(f64::NAN)),
        "mean" | "sum" | "min" | "max" | "median" => series_calls::call(&series, name, &Arguments::default()),
        // numpy divides by the count, pandas by one less.
        "std" | "var" => {
            let less = arguments.integer(usize::MAX, "ddof")?.unwrap_or(0);
            series_calls::call(
                &series,
                name,
                &Arguments::new(Vec::new(), vec![("ddof".to_owned(), Val::Int(less))]),
            )
        }
        "abs" | "cumsum" | "round" if !is_array => {
            let digits = arguments.integer(1, "decimals")?.unwrap_or(0);
            let arguments = if name == "round" { vec![Val::Int(digits)] } else { Vec::new() };
            series_calls::call(&series, name, &Arguments::of(arguments))
        }
        "round" => builtin_round(first, arguments),
        "unique" if !has_missing => {
            let cells = compute::distinct(series.cells.iter());
            let rows = compute::sorted(&[(&cells, true)])?;
            Ok(Val::Array(rows.iter().map(|row| cells[*row].clone()).collect()))
        }
        "sqrt" => by_cell(f64::sqrt),
        "floor" => by_cell(f64::floor),
        "ceil" => by_cell(f64::ceil),
        _ => Err(unknown()),
    }
}

fn builtin_round(first: &Val, arguments: &Arguments) -> Result<Val, Trouble> {
    match first {
        Val::Float(number) => {
            Ok(Val::Float(rounded(*number, arguments.integer(1, "decimals")?.unwrap_or(0))))
        }
        _ => Err(Trouble::unknown("'np.round' of this")),
    }
}

fn chosen_by_numpy(first: &Val, arguments: &Arguments) -> Result<Val, Trouble> {
    let (Val::Series(condition), Some(yes), Some(no)) = (first, arguments.get(1, "x"), arguments.get(2, "y"))
    else {
        return Err(Trouble::unknown("this form of np.where"));
    };
    let cells = compare::chosen(condition, yes, no)?;
    let is_object = |value: &Val| matches!(value, Val::Series(series) if series.dtype == Dtype::Object);
    let is_text = |value: &Val| matches!(value, Val::Text(_));
    let mixed =
        (is_text(yes) && !is_text(no) && !is_object(no)) || (is_text(no) && !is_text(yes) && !is_object(yes));
    if mixed {
        // numpy would make texts of all.
        return Err(Trouble::unknown("np.where with texts and other values"));
    }
    let index = Index::Range(cells.len());
    Ok(Val::Array(Series::new(None, index, cells).cells.to_vec()))
}

/// What stands behind the dot of an array or of labels.
pub(super) fn of_values(value: &Val, name: &str) -> Option<Val> {
    let cells = value.cells()?;
    Some(match (value, name) {
        (_, "size") => Val::Int(cells.len() as i64),
        (_, "shape") => Val::Tuple(vec![Val::Int(cells.len() as i64)]),
        (Val::Array(_), "dtype") => Val::Dtype(Dtype::of(&cells)),
        (Val::Labels(..) | Val::Counting(_), "values" | "array") => Val::Array(cells),
        (Val::Labels(_, _, name), "name") => name.clone().map_or(Val::None, Val::Text),
        (Val::Labels(_, dtype, _), "dtype") => Val::Dtype(*dtype),
        _ => return None,
    })
}

fn length(value: &Val) -> Result<usize, Trouble> {
    match value {
        Val::Frame(frame) => Ok(frame.rows()),
        Val::Text(text) => Ok(text.chars().count()),
        Val::List(items) | Val::Tuple(items) | Val::Tuples(items, _) => Ok(items.len()),
        Val::Dict(pairs) => Ok(pairs.len()),
        other => {
            let cells = other.cells();
            cells
                .map(|cells| cells.len())
                .ok_or_else(|| Trouble::types(format!("object of type '{}' has no len()", other.kind())))
        }
    }
}

/// A method of anything else.
pub(super) fn method(value: &Val, name: &str, arguments: &Arguments) -> Result<Val, Trouble> {
    match (value, name) {
        (Val::Array(_) | Val::Labels(..) | Val::Counting(_), _) => of_array(value, name, arguments),
        (Val::Tuples(..), "tolist" | "to_list") => items(value).map(Val::List),
        (Val::Matrix(frame), "tolist") if frame.rows() * frame.columns.len() <= MAX_LIST => {
            let row = |row: usize| Val::List(frame.columns.iter().map(|c| Val::of(&c.cells[row])).collect());
            Ok(Val::List((0..frame.rows()).map(row).collect()))
        }
        (Val::Text(text), "join") => {
            let parts = items(arguments.first().unwrap_or(&Val::None))?;
            let mut bytes = 0;
            for (at, part) in parts.iter().enumerate() {
                let Val::Text(part) = part else {
                    let kind = part.kind();
                    return Err(Trouble::types(format!(
                        "sequence item {at}: expected str instance, {kind} found"
                    )));
                };
                bytes += part.len() + text.len();
            }
            if bytes > MAX_MADE {
                return Err(Trouble::memory());
            }
            Ok(Val::Text(parts.iter().map(Val::shown).collect::<Vec<_>>().join(text)))
        }
        (Val::Text(text), "format") => format::braces(text, arguments).map(Val::Text),
        (Val::Text(text), "split") => {
            let parts: Vec<&str> = match arguments.text(0, "sep")? {
                None => text.split_whitespace().collect(),
                Some(by) if by.is_empty() => return Err(Trouble::value("empty separator")),
                Some(by) => text.split(by.as_str()).collect(),
            };
            if parts.len() > MAX_LIST {
                return Err(Trouble::memory());
            }
            Ok(Val::List(parts.into_iter().map(|part| Val::Text(part.to_owned())).collect()))
        }
        (Val::Text(text), "replace") => match (arguments.text(0, "old")?, arguments.text(1, "new")?) {
            (Some(old), Some(new)) if !old.is_empty() => {
                if text.matches(&old).count().saturating_mul(new.len()) > MAX_MADE {
                    return Err(Trouble::memory());
                }
                Ok(Val::Text(text.replace(&old, &new)))
            }
            _ => Err(Trouble::unknown("this form of replace")),
        },
        (Val::Text(text), "startswith" | "endswith") => {
            let part = arguments.text(0, "prefix")?.ok_or_else(|| Trouble::types("a text is needed"))?;
            Ok(Val::Bool(if name == "startswith" { text.starts_with(&part) } else { text.ends_with(&part) }))
        }
        (Val::Text(text), "title") => Ok(Val::Text(super::string_calls::title(text))),
        (Val::Span(span), "total_seconds") => Ok(Val::Float(*span as f64)),
        (Val::Time(time), _) => dates::method(*time, name, arguments),
        (Val::Dict(pairs), "items") => {
            let pair = |(key, value): &(Val, Val)| Val::Tuple(vec![key.clone(), value.clone()]);
            Ok(Val::List(pairs.iter().map(pair).collect()))
        }
        (Val::Dict(pairs), "get") => {
            let key = arguments.first().map(Val::repr).unwrap_or_default();
            let found = pairs.iter().find(|(known, _)| known.repr() == key).map(|(_, value)| value.clone());
            Ok(found.or_else(|| arguments.get(1, "default").cloned()).unwrap_or(Val::None))
        }
        (Val::Text(text), "lower") => Ok(Val::Text(text.to_lowercase())),
        (Val::Text(text), "upper") => Ok(Val::Text(text.to_uppercase())),
        (Val::Text(text), "strip") => Ok(Val::Text(text.trim().to_owned())),
        (Val::Float(number), "round") => {
            Ok(Val::Float(rounded(*number, arguments.integer(0, "ndigits")?.unwrap_or(0))))
        }
        (Val::Int(_) | Val::Float(_) | Val::Text(_) | Val::Bool(_), "item") => Ok(value.clone()),
        (Val::Dict(pairs), "keys") => Ok(Val::List(pairs.iter().map(|(key, _)| key.clone()).collect())),
        (Val::Dict(pairs), "values") => Ok(Val::List(pairs.iter().map(|(_, value)| value.clone()).collect())),
        _ => Err(Trouble::unknown(&format!("'{name}' of a {}", value.kind()))),
    }
}

/// A method of an array, or of labels.
fn of_array(value: &Val, name: &str, arguments: &Arguments) -> Result<Val, Trouble> {
    let cells = value.cells().unwrap_or_default();
    let series = Series::new(None, Index::Range(cells.len()), cells);
    match name {
        "tolist" | "to_list" => items(value).map(Val::List),
        // numpy divides by the count, and takes no missing values out.
        "std" | "var" if matches!(value, Val::Array(_)) => numpy(name, value, arguments),
        "mean" | "sum" | "min" | "max" if matches!(value, Val::Array(_)) => numpy(name, value, arguments),
        "min" | "max" | "any" | "all" | "unique" | "nunique" | "isin" | "item" | "mean" | "sum"
        | "value_counts" => match series_calls::call(&series, name, arguments)? {
            Val::Series(made) if name == "isin" => Ok(Val::Array(made.cells.to_vec())),
            made => Ok(made),
        },
        _ => Err(Trouble::unknown(&format!("'{name}' of an {}", value.kind()))),
    }
}
