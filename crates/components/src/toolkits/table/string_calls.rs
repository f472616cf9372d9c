//! `series.str`: texts, row by row.

use std::sync::Arc;

use regex::RegexBuilder;

use super::answer::{MAX_MADE, Trouble, Val};
use super::call::Arguments;
use super::cell::{Cell, Dtype, Items};
use super::frame::{Frame, Header, Series};
use super::select;

/// Bytes that a pattern may take.
const MAX_PATTERN: usize = 1024 * 1024;

/// A method of `series.str`.
pub(super) fn call(series: &Series, name: &str, arguments: &Arguments) -> Result<Val, Trouble> {
    if series.dtype == Dtype::List && matches!(name, "len" | "get" | "join") {
        return of_lists(series, name, arguments);
    }
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
        "slice" => {
            let part = |place, name| arguments.integer(place, name);
            let slice = Val::Slice(part(0, "start")?, part(1, "stop")?, part(2, "step")?);
            part_of(series, &slice)
        }
        "get" => part_of(series, arguments.get(0, "i").unwrap_or(&Val::None)),
        "split" => split(series, arguments),
        "cat" => joined(series, arguments),
        "extract" => extracted(series, &text(0, "pat")?, arguments.flag("expand", true)?),
        "zfill" => {
            let width = width(arguments)?;
            texts(series, |text| {
                let sign = usize::from(text.starts_with(['+', '-']));
                let zeros = "0".repeat(width.saturating_sub(text.chars().count()));
                format!("{}{zeros}{}", &text[..sign], &text[sign..])
            })
        }
        "isdigit" | "isnumeric" | "isalpha" | "isupper" | "islower" => tested(series, name),
        _ => Err(Trouble::unknown(&format!("'.str.{name}'"))),
    }
}

/// `.str[1]`, `.str[:7]`, of texts and of lists.
pub(super) fn part_of(series: &Series, key: &Val) -> Result<Val, Trouble> {
    if !matches!(key, Val::Int(_) | Val::Slice(..)) {
        return Err(Trouble::unknown("this key of .str"));
    }
    if !matches!(series.dtype, Dtype::Object | Dtype::List) && series.len() > 0 {
        return Err(Trouble("AttributeError: Can only use .str accessor with string values!".to_owned()));
    }
    let made = series.try_map(|cell| match cell {
        Cell::Text(_) | Cell::List(_) => match select::subscript(&Val::of(cell), key) {
            Ok(part) => Ok(part.cell_or_list().unwrap_or(Cell::Null)),
            // Beyond the end there is nothing.
            Err(Trouble(words)) if words.starts_with("IndexError") => Ok(Cell::Null),
            Err(trouble) => Err(trouble),
        },
        _ => Ok(Cell::Null),
    })?;
    let is_text = matches!(made.dtype, Dtype::Float) && made.cells.iter().all(Cell::is_null);
    Ok(Val::Series(if is_text || made.len() == 0 { made.typed(Dtype::Object) } else { made }))
}

fn of_lists(series: &Series, name: &str, arguments: &Arguments) -> Result<Val, Trouble> {
    match name {
        "get" => part_of(series, arguments.get(0, "i").unwrap_or(&Val::None)),
        "len" => Ok(Val::Series(series.map(|cell| match cell {
            Cell::List(items) => Cell::Int(items.cells.len() as i64),
            _ => Cell::Null,
        }))),
        _ => {
            let between = arguments.text(0, "sep")?.ok_or_else(|| Trouble::types("join needs a text"))?;
            let join = |cell: &Cell| match cell {
                Cell::List(items) if items.cells.iter().all(|cell| matches!(cell, Cell::Text(_))) => {
                    let parts: Vec<String> = items.cells.iter().map(Cell::shown).collect();
                    Ok(Cell::text(parts.join(&between)))
                }
                Cell::List(_) => Ok(Cell::Null),
                _ => Ok(Cell::Null),
            };
            Ok(Val::Series(series.try_map(join)?.typed(Dtype::Object)))
        }
    }
}

/// Lists of the parts, or columns of them with `expand=True`.
fn split(series: &Series, arguments: &Arguments) -> Result<Val, Trouble> {
    let pattern = arguments.text(0, "pat")?.filter(|pattern| !pattern.trim().is_empty());
    let most = arguments.integer(1, "n")?.filter(|most| *most > 0);
    let expand = arguments.flag("expand", false)?;
    let blank = arguments.text(0, "pat")?.is_some_and(|pattern| !pattern.is_empty()) && pattern.is_none();
    let separator = if blank { arguments.text(0, "pat")? } else { pattern };
    if separator.as_ref().is_some_and(|text| text.chars().count() > 1 && regex::escape(text) != *text) {
        return Err(Trouble::unknown("split by a pattern"));
    }
    if separator.is_none() && most.is_some() {
        return Err(Trouble::unknown("split by blanks n times"));
    }
    let parts = |text: &str| -> Vec<Cell> {
        match (&separator, most) {
            (None, _) => text.split_whitespace().map(Cell::text).collect(),
            (Some(by), None) => text.split(by.as_str()).map(Cell::text).collect(),
            (Some(by), Some(most)) => text.splitn(most as usize + 1, by.as_str()).map(Cell::text).collect(),
        }
    };
    let made = series.try_map(|cell| {
        Ok(match cell {
            Cell::Text(text) => Cell::List(Arc::new(Items { cells: parts(text), is_array: false })),
            _ => Cell::Null,
        })
    })?;
    if expand { expanded(&made).map(Val::Frame) } else { Ok(Val::Series(made)) }
}

/// The parts of lists as columns that are counted.
fn expanded(series: &Series) -> Result<Frame, Trouble> {
    let length = |cell: &Cell| if let Cell::List(items) = cell { Some(items.cells.len()) } else { None };
    let count = series.cells.iter().filter_map(length).max().unwrap_or(0);
    if series.cells.iter().any(|cell| length(cell) != Some(count)) || count > 100 {
        // pandas fills with `None`, which is not told from `NaN` here.
        return Err(Trouble::unknown("expand=True of texts with different counts of parts"));
    }
    let column = |at: usize| {
        let part =
            |cell: &Cell| if let Cell::List(items) = cell { items.cells[at].clone() } else { Cell::Null };
        Series { name: Some(at.to_string()), ..series.map(part) }
    };
    let header = Header { name: None, dtype: Dtype::Int };
    Ok(Frame { header, ..Frame::of(series.index.clone(), (0..count).map(column).collect()) })
}

/// What the only group of a pattern finds.
fn extracted(series: &Series, text: &str, expand: bool) -> Result<Val, Trouble> {
    let pattern = compiled(text, false)?;
    if pattern.captures_len() != 2 || text.contains("(?P<") {
        return Err(Trouble::unknown("extract with other than one group without a name"));
    }
    let made = series.try_map(|cell| match cell {
        Cell::Text(text) => {
            let found = pattern.captures(text).and_then(|found| found.get(1));
            Ok(found.map_or(Cell::Null, |found| Cell::text(found.as_str())))
        }
        _ => Ok(Cell::Null),
    })?;
    let made = made.typed(Dtype::Object);
    if !expand {
        return Ok(Val::Series(made));
    }
    let header = Header { name: None, dtype: Dtype::Int };
    let column = Series { name: Some("0".to_owned()), ..made };
    Ok(Val::Frame(Frame { header, ..Frame::of(series.index.clone(), vec![column]) }))
}

/// All texts as one.
fn joined(series: &Series, arguments: &Arguments) -> Result<Val, Trouble> {
    let between = arguments.text(usize::MAX, "sep")?.unwrap_or_default();
    if let Some(other) = arguments.first() {
        let Val::Series(other) = other else { return Err(Trouble::unknown("cat with this")) };
        if other.index != series.index || other.dtype != Dtype::Object {
            return Err(Trouble::unknown("cat with such a column"));
        }
        let cells = series.cells.iter().zip(other.cells.iter()).map(|(a, b)| match (a, b) {
            (Cell::Text(a), Cell::Text(b)) => Ok(Cell::text(format!("{a}{between}{b}"))),
            _ => Ok(Cell::Null),
        });
        let made = Series::made(series.name.as_deref(), series.index.clone(), cells)?;
        return Ok(Val::Series(made.typed(Dtype::Object)));
    }
    let texts: Vec<&str> = series
        .cells
        .iter()
        .filter_map(|cell| if let Cell::Text(text) = cell { Some(&**text) } else { None })
        .collect();
    let bytes = texts.iter().map(|text| text.len() + between.len()).sum::<usize>();
    if bytes > MAX_MADE { Err(Trouble::memory()) } else { Ok(Val::Text(texts.join(&between))) }
}

fn width(arguments: &Arguments) -> Result<usize, Trouble> {
    match arguments.integer(0, "width")? {
        Some(width) if (0..=1_000).contains(&width) => Ok(width as usize),
        Some(_) => Err(Trouble::memory()),
        None => Err(Trouble::types("a width is needed")),
    }
}

fn tested(series: &Series, name: &str) -> Result<Val, Trouble> {
    if series.cells.iter().any(|cell| !matches!(cell, Cell::Text(text) if text.is_ascii())) {
        return Err(Trouble::unknown(&format!("'.str.{name}' of other than ASCII texts")));
    }
    let test = |text: &str| match name {
        "isdigit" | "isnumeric" => !text.is_empty() && text.bytes().all(|c| c.is_ascii_digit()),
        "isalpha" => !text.is_empty() && text.bytes().all(|c| c.is_ascii_alphabetic()),
        "isupper" => {
            text.bytes().any(|c| c.is_ascii_uppercase()) && !text.bytes().any(|c| c.is_ascii_lowercase())
        }
        _ => text.bytes().any(|c| c.is_ascii_lowercase()) && !text.bytes().any(|c| c.is_ascii_uppercase()),
    };
    Ok(Val::Series(truths(each(series, |text| Cell::Bool(test(text))))))
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

pub(super) fn title(text: &str) -> String {
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
