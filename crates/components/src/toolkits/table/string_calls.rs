//! `series.str`: texts, row by row.

use regex::RegexBuilder;

use super::answer::{Trouble, Val};
use super::call::Arguments;
use super::cell::{Cell, Dtype};
use super::frame::Series;

/// Bytes that a pattern may take.
const MAX_PATTERN: usize = 1024 * 1024;

/// A method of `series.str`.
pub(super) fn call(series: &Series, name: &str, arguments: &Arguments) -> Result<Val, Trouble> {
    if series.dtype != Dtype::Object && series.len() > 0 {
        return Err(Trouble("AttributeError: Can only use .str accessor with string values!".to_owned()));
    }
    let text = |place, name: &str| -> Result<String, Trouble> {
        arguments.text(place, name)?.ok_or_else(|| Trouble::types(format!("missing argument: '{name}'")))
    };
    match name {
        "contains" | "match" | "fullmatch" => {
            let pattern = pattern(name, &text(0, "pat")?, arguments)?;
            let missing = arguments.get(3, "na").and_then(Val::cell).unwrap_or(Cell::Null);
            let made = |cell: &Cell| match cell {
                Cell::Text(text) => Cell::Bool(pattern.is_match(text)),
                _ => missing.clone(),
            };
            Ok(Val::Series(truths(series.map(made))))
        }
        "startswith" | "endswith" => {
            let parts = match arguments.first() {
                Some(Val::Tuple(parts)) => parts.iter().map(Val::shown).collect(),
                _ => vec![text(0, "pat")?],
            };
            let fits = |text: &str, part: &String| match name {
                "startswith" => text.starts_with(part.as_str()),
                _ => text.ends_with(part.as_str()),
            };
            Ok(Val::Series(truths(each(series, |t| Cell::Bool(parts.iter().any(|part| fits(t, part)))))))
        }
        "lower" => texts(series, |text| text.to_lowercase()),
        "upper" => texts(series, |text| text.to_uppercase()),
        "title" => texts(series, title),
        "capitalize" => texts(series, |text| {
            let mut letters = text.chars();
            letters.next().map_or(String::new(), |c| {
                c.to_uppercase().chain(letters.flat_map(char::to_lowercase)).collect()
            })
        }),
        "strip" | "lstrip" | "rstrip" => {
            let set = arguments.text(0, "to_strip")?;
            let drop = |c: char| set.as_ref().map_or(c.is_whitespace(), |set| set.contains(c));
            texts(series, |text| {
                match name {
                    "strip" => text.trim_matches(drop),
                    "lstrip" => text.trim_start_matches(drop),
                    _ => text.trim_end_matches(drop),
                }
                .to_owned()
            })
        }
        "len" => Ok(Val::Series(each(series, |text| Cell::Int(text.chars().count() as i64)))),
        "count" => {
            let pattern = compiled(&text(0, "pat")?, false)?;
            Ok(Val::Series(each(series, |text| Cell::Int(pattern.find_iter(text).count() as i64))))
        }
        "replace" => {
            let (old, new) = (text(0, "pat")?, text(1, "repl")?);
            if arguments.flag("regex", false)? {
                let pattern = compiled(&old, !arguments.flag("case", true)?)?;
                let new = new.replace('$', "$$").replace("\\1", "${1}").replace("\\2", "${2}");
                return texts(series, |text| pattern.replace_all(text, new.as_str()).into_owned());
            }
            if old.is_empty() {
                return Err(Trouble::unknown("replace of an empty text"));
            }
            texts(series, |text| text.replace(&old, &new))
        }
        "slice" | "get" | "split" | "extract" => Err(Trouble::unknown(&format!("'.str.{name}'"))),
        _ => Err(Trouble::unknown(&format!("'.str.{name}'"))),
    }
}

fn each(series: &Series, mut make: impl FnMut(&str) -> Cell) -> Series {
    series.map(|cell| match cell {
        Cell::Text(text) => make(text),
        _ => Cell::Null,
    })
}

fn texts(series: &Series, make: impl Fn(&str) -> String) -> Result<Val, Trouble> {
    let made = series.try_map(|cell| {
        Ok(match cell {
            Cell::Text(text) => Cell::text(make(text)),
            _ => Cell::Null,
        })
    });
    Ok(Val::Series(made?.typed(Dtype::Object)))
}

/// Truth values stay that even where there are no rows.
fn truths(series: Series) -> Series {
    if series.len() == 0 { series.typed(Dtype::Bool) } else { series }
}

fn title(text: &str) -> String {
    let mut start = true;
    let mut made = String::with_capacity(text.len());
    for c in text.chars() {
        if start {
            made.extend(c.to_uppercase());
        } else {
            made.extend(c.to_lowercase());
        }
        start = !c.is_alphabetic();
    }
    made
}

fn pattern(name: &str, text: &str, arguments: &Arguments) -> Result<regex::Regex, Trouble> {
    let ignore_case = !arguments.flag("case", true)?;
    let text = if arguments.flag("regex", true)? { text.to_owned() } else { regex::escape(text) };
    match name {
        "match" => compiled(&format!("^(?:{text})"), ignore_case),
        "fullmatch" => compiled(&format!("^(?:{text})$"), ignore_case),
        _ => compiled(&text, ignore_case),
    }
}

fn compiled(text: &str, ignore_case: bool) -> Result<regex::Regex, Trouble> {
    let mut builder = RegexBuilder::new(text);
    builder.case_insensitive(ignore_case).size_limit(MAX_PATTERN);
    builder
        .build()
        .map_err(|_| Trouble::value("the pattern is not a regular expression that can be used here"))
}
