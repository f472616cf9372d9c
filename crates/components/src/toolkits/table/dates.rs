//! `pd.to_datetime` and `series.dt`.

use super::answer::{Trouble, Val};
use super::call::Arguments;
use super::cell::{Cell, Dtype};
use super::frame::Series;
use super::time::{self, Parts};

/// `pd.to_datetime`: by the format that is given, or by that of the first value.
pub(super) fn to_datetime(value: &Val, arguments: &Arguments) -> Result<Val, Trouble> {
    let coerce = match arguments.text(usize::MAX, "errors")?.as_deref() {
        None | Some("raise") => false,
        Some("coerce") => true,
        Some(_) => return Err(Trouble::unknown("this way of errors")),
    };
    let given = arguments.text(usize::MAX, "format")?;
    match value {
        Val::Text(text) => {
            let form = given.as_deref().or_else(|| time::form(text));
            let time = form.and_then(|form| time::read(text, form));
            time.map(Val::Time).ok_or_else(|| Trouble::unknown(&format!("the date '{text}'")))
        }
        Val::Series(series) => read(series, given, coerce).map(Val::Series),
        _ => Err(Trouble::unknown("to_datetime of anything but texts")),
    }
}

/// A column as dates.
pub(super) fn column(series: &Series) -> Result<Series, Trouble> {
    read(series, None, false)
}

fn read(series: &Series, given: Option<String>, coerce: bool) -> Result<Series, Trouble> {
    if series.dtype == Dtype::Time {
        return Ok(series.clone());
    }
    if series.dtype != Dtype::Object {
        return Err(Trouble::unknown("to_datetime of numbers"));
    }
    let first =
        series.cells.iter().find_map(|cell| if let Cell::Text(text) = cell { Some(text) } else { None });
    let guessed = || first.and_then(|text| time::form(text)).map(str::to_owned);
    let form =
        given.or_else(guessed).ok_or_else(|| Trouble::unknown("dates of this form without format=,"))?;
    let mut cells = Vec::with_capacity(series.len());
    for (row, cell) in series.cells.iter().enumerate() {
        cells.push(match cell {
            Cell::Text(text) => match time::read(text.trim(), &form) {
                Some(time) => Cell::Time(time),
                None if coerce => Cell::Null,
                None => return Err(unread(text, &form, row)),
            },
            Cell::Null => Cell::Null,
            _ => return Err(Trouble::unknown("dates that are no texts")),
        });
    }
    Ok(Series::new(series.name.as_deref(), series.index.clone(), cells).typed(Dtype::Time))
}

fn unread(text: &str, form: &str, row: usize) -> Trouble {
    // A form that is not known here says nothing about the text.
    let known = "%Y-%m-%d %H:%M:%S %y %B %b".split(['-', ' ', ':']).collect::<Vec<_>>();
    let parts = form.split('%').skip(1).map(|part| format!("%{}", part.chars().next().unwrap_or_default()));
    if parts.into_iter().any(|part| !known.contains(&part.as_str())) {
        return Trouble::unknown(&format!("the format '{form}'"));
    }
    Trouble::value(format!(
        "time data \"{text}\" doesn't match format \"{form}\", at position {row}. You might want to try:\n    \
         - passing `format` if your strings have a consistent format;\n    \
         - passing `format='ISO8601'` if your strings are all ISO8601 but not necessarily in exactly the same \
         format;\n    \
         - passing `format='mixed'`, and the format will be inferred for each element individually. You might \
         want to use `dayfirst` alongside this."
    ))
}

/// A part of a date as a number.
fn part(time: i64, name: &str) -> Option<i64> {
    let parts = Parts::of(time);
    Some(match name {
        "year" => parts.year,
        "month" => parts.month,
        "day" => parts.day,
        "hour" => parts.hour,
        "minute" => parts.minute,
        "second" => parts.second,
        "quarter" => (parts.month + 2) / 3,
        "dayofweek" | "day_of_week" | "weekday" => time::weekday(time),
        "dayofyear" | "day_of_year" => time::day_of_year(time),
        _ => return None,
    })
}

/// `series.dt.year` and the like.
pub(super) fn attribute(series: &Series, name: &str) -> Result<Val, Trouble> {
    if part(0, name).is_none() {
        return Err(Trouble::unknown(&format!("'.dt.{name}'")));
    }
    let made = series.map(|cell| match cell {
        Cell::Time(time) => part(*time, name).map_or(Cell::Null, Cell::Int),
        _ => Cell::Null,
    });
    let whole = made.dtype == Dtype::Int || made.len() == 0;
    Ok(Val::Series(if whole { made.typed(Dtype::Int32) } else { made }))
}

/// A part of one point in time.
pub(super) fn of_time(time: i64, name: &str) -> Option<Val> {
    part(time, name).filter(|_| name != "weekday").map(Val::Int)
}

fn text(time: i64, name: &str, arguments: &Arguments) -> Result<Option<String>, Trouble> {
    Ok(match name {
        "month_name" => Some(time::month_name(time).to_owned()),
        "day_name" => Some(time::day_name(time).to_owned()),
        "strftime" => {
            let form = arguments.text(0, "date_format")?;
            let form = form.ok_or_else(|| Trouble::types("strftime needs a format"))?;
            time::formatted(time, &form)
        }
        _ => None,
    })
}

/// A method of `series.dt`.
pub(super) fn call(series: &Series, name: &str, arguments: &Arguments) -> Result<Val, Trouble> {
    let unknown = || Trouble::unknown(&format!("'.dt.{name}'"));
    text(0, name, arguments)?.ok_or_else(unknown)?;
    let made = series.try_map(|cell| match cell {
        Cell::Time(time) => Ok(Cell::text(text(*time, name, arguments)?.unwrap_or_default())),
        _ => Ok(Cell::Null),
    })?;
    Ok(Val::Series(made.typed(Dtype::Object)))
}

/// A method of one point in time.
pub(super) fn method(time: i64, name: &str, arguments: &Arguments) -> Result<Val, Trouble> {
    match name {
        "weekday" => Ok(Val::Int(time::weekday(time))),
        "isoformat" => Ok(Val::Text(time::shown(time).replace(' ', "T"))),
        name => {
            let made = text(time, name, arguments)?;
            made.map(Val::Text).ok_or_else(|| Trouble::unknown(&format!("'{name}' of a date")))
        }
    }
}
