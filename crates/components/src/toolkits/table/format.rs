//! Values in texts: f-strings, `str.format` and `%`.

use millrace_engine::python_float;

use super::answer::{Trouble, Val};
use super::call::Arguments;
use super::time;

/// Characters that a format asks for.
const MOST: usize = 1_000;

/// `[[fill]align][sign][0][width][,][.precision][type]`.
#[derive(Debug, Default, Clone, Copy)]
struct Form {
    fill: Option<char>,
    align: Option<char>,
    sign: Option<char>,
    width: usize,
    grouping: Option<char>,
    precision: Option<usize>,
    kind: Option<char>,
}

impl Form {
    fn of(text: &str) -> Result<Self, Trouble> {
        let mut form = Self::default();
        let letters: Vec<char> = text.chars().collect();
        let mut rest = letters.as_slice();
        let is_align = |c: &char| "<>^=".contains(*c);
        if let [fill, align, behind @ ..] = rest
            && is_align(align)
        {
            (form.fill, form.align, rest) = (Some(*fill), Some(*align), behind);
        } else if let Some(align) = rest.first().filter(|c| is_align(c)) {
            (form.align, rest) = (Some(*align), &rest[1..]);
        }
        form.sign = taken(&mut rest, "+- ");
        if rest.first() == Some(&'0') && form.align.is_none() {
            (form.fill, form.align) = (Some('0'), Some('='));
        }
        form.width = number(&mut rest)?.unwrap_or(0);
        form.grouping = taken(&mut rest, ",_");
        if taken(&mut rest, ".").is_some() {
            form.precision =
                Some(number(&mut rest)?.ok_or_else(|| Trouble::value("Format specifier missing precision"))?);
        }
        form.kind = taken(&mut rest, "sdfFeEgG%");
        let is_plain = form.grouping.is_none() || form.align != Some('=');
        if rest.is_empty() && is_plain {
            Ok(form)
        } else {
            Err(Trouble::unknown(&format!("the format '{text}'")))
        }
    }

    fn padded(&self, sign: &str, text: &str, align: char) -> String {
        let room = self.width.saturating_sub(sign.chars().count() + text.chars().count());
        let fill = |count: usize| self.fill.unwrap_or(' ').to_string().repeat(count);
        match self.align.unwrap_or(align) {
            '<' => format!("{sign}{text}{}", fill(room)),
            '^' => format!("{}{sign}{text}{}", fill(room / 2), fill(room - room / 2)),
            '=' => format!("{sign}{}{text}", fill(room)),
            _ => format!("{}{sign}{text}", fill(room)),
        }
    }

    fn signed(&self, is_negative: bool, text: &str) -> String {
        let sign = match self.sign {
            _ if is_negative => "-",
            Some('+') => "+",
            Some(' ') => " ",
            _ => "",
        };
        let text = match self.grouping {
            Some(separator) => grouped(text, separator),
            None => text.to_owned(),
        };
        self.padded(sign, &text, '>')
    }

    fn float(&self, number: f64) -> Result<String, Trouble> {
        let digits = self.precision.unwrap_or(6);
        let size = number.abs();
        let text = match self.kind {
            _ if !number.is_finite() => if number.is_nan() { "nan" } else { "inf" }.to_owned(),
            Some('f' | 'F') => format!("{size:.digits$}"),
            Some('%') => format!("{:.digits$}", size * 100.0),
            Some('e') => exponent(size, digits),
            Some('g') => general(size, digits.max(1)),
            None if self.precision.is_none() => python_float(size),
            kind => {
                let kind = kind.unwrap_or('g');
                return Err(Trouble::unknown(&format!("the format code '{kind}' for a float")));
            }
        };
        let text = if self.kind == Some('%') { text + "%" } else { text };
        Ok(self.signed(number.is_sign_negative() && !number.is_nan(), &text))
    }
}

fn taken(rest: &mut &[char], of: &str) -> Option<char> {
    let found = *rest.first().filter(|c| of.contains(**c))?;
    *rest = &rest[1..];
    Some(found)
}

fn number(rest: &mut &[char]) -> Result<Option<usize>, Trouble> {
    let count = rest.iter().take_while(|c| c.is_ascii_digit()).count();
    let digits: String = rest[..count].iter().collect();
    *rest = &rest[count..];
    match digits.parse() {
        Ok(number) if number > MOST => Err(Trouble::memory()),
        Ok(number) => Ok(Some(number)),
        Err(_) if count == 0 => Ok(None),
        Err(_) => Err(Trouble::memory()),
    }
}

fn grouped(text: &str, separator: char) -> String {
    let whole = text.bytes().take_while(u8::is_ascii_digit).count();
    let mut made = String::new();
    for (at, c) in text[..whole].chars().enumerate() {
        if at > 0 && (whole - at) % 3 == 0 {
            made.push(separator);
        }
        made.push(c);
    }
    made + &text[whole..]
}

fn exponent(size: f64, digits: usize) -> String {
    let text = format!("{size:.digits$e}");
    let (digits, power) = text.split_once('e').unwrap_or((&text, "0"));
    let (sign, power) = power.strip_prefix('-').map_or(('+', power), |power| ('-', power));
    format!("{digits}e{sign}{power:0>2}")
}

fn general(size: f64, digits: usize) -> String {
    let long = exponent(size, digits - 1);
    let (shown, power) = long.split_once('e').unwrap_or((&long, "0"));
    let power: i64 = power.parse().unwrap_or(0);
    let trimmed = |text: &str| match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text.to_owned(),
    };
    if power < -4 || power >= digits as i64 {
        return format!("{}e{}", trimmed(shown), long.split_once('e').map_or("", |(_, power)| power));
    }
    let behind = (digits as i64 - 1 - power).max(0) as usize;
    trimmed(&format!("{size:.behind$}"))
}

/// Python's `format`.
pub(super) fn formatted(value: &Val, form: &str) -> Result<String, Trouble> {
    if form.is_empty() {
        return Ok(value.shown());
    }
    if let Val::Time(time) = value {
        return time::formatted(*time, form).ok_or_else(|| Trouble::unknown("this format of a date"));
    }
    let parsed = Form::of(form)?;
    match (value, parsed.kind) {
        (Val::Text(text), None | Some('s')) if parsed.sign.is_none() && parsed.grouping.is_none() => {
            let text: String = text.chars().take(parsed.precision.unwrap_or(usize::MAX)).collect();
            Ok(parsed.padded("", &text, '<'))
        }
        (Val::Int(_), None | Some('d')) if parsed.precision.is_some() => {
            Err(Trouble::value("Precision not allowed in integer format specifier"))
        }
        (Val::Int(number), None | Some('d')) => {
            Ok(parsed.signed(*number < 0, &number.unsigned_abs().to_string()))
        }
        (Val::Int(number), Some(kind)) if kind != 's' => parsed.float(*number as f64),
        (Val::Float(number), kind) if !matches!(kind, Some('s' | 'd')) => parsed.float(*number),
        (Val::Text(_) | Val::Int(_) | Val::Float(_), Some(kind)) => {
            let of = value.kind();
            Err(Trouble::value(format!("Unknown format code '{kind}' for object of type '{of}'")))
        }
        (Val::Bool(_) | Val::Text(_), _) => Err(Trouble::unknown("this format")),
        (other, _) => {
            Err(Trouble::types(format!("unsupported format string passed to {}.__format__", other.kind())))
        }
    }
}

/// `form % values`.
pub(super) fn percent(form: &str, values: &Val) -> Result<String, Trouble> {
    let values = match values {
        Val::Tuple(values) => values.clone(),
        Val::Dict(_) => return Err(Trouble::unknown("`%` with names")),
        one => vec![one.clone()],
    };
    let mut values = values.iter();
    let mut made = String::new();
    let mut rest = form;
    while let Some(at) = rest.find('%') {
        made.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let end = rest.find(|c: char| !"-+ 0123456789.".contains(c));
        let end = end.ok_or_else(|| Trouble::value("incomplete format"))?;
        let kind = rest[end..].chars().next().unwrap_or_default();
        if kind == '%' && end == 0 {
            made.push('%');
        } else {
            let value =
                values.next().ok_or_else(|| Trouble::types("not enough arguments for format string"))?;
            made.push_str(&placed(value, &rest[..end], kind)?);
        }
        rest = &rest[end + kind.len_utf8()..];
    }
    if values.next().is_some() {
        return Err(Trouble::types("not all arguments converted during string formatting"));
    }
    Ok(made + rest)
}

fn placed(value: &Val, form: &str, kind: char) -> Result<String, Trouble> {
    let left = form.strip_prefix('-');
    let (align, form) = left.map_or((if kind == 's' { ">" } else { "" }, form), |form| ("<", form));
    let (value, kind) = match (kind, value) {
        ('s', value) => (Val::Text(value.shown()), 's'),
        ('r', value) => (Val::Text(value.repr()), 's'),
        ('d' | 'i', Val::Int(number)) => (Val::Int(*number), 'd'),
        ('d' | 'i', Val::Float(number)) if number.is_finite() => (Val::Int(*number as i64), 'd'),
        ('f' | 'F' | 'e' | 'g', Val::Int(_) | Val::Float(_)) => (value.clone(), kind),
        ('d' | 'i' | 'f' | 'F' | 'e' | 'g', Val::Text(_)) => {
            return Err(Trouble::types(format!("%{kind} format: a real number is required, not str")));
        }
        _ => return Err(Trouble::unknown(&format!("`%{kind}` here"))),
    };
    formatted(&value, &format!("{align}{form}{kind}"))
}

/// `form.format(…)`.
pub(super) fn braces(form: &str, arguments: &Arguments) -> Result<String, Trouble> {
    let (positional, named) = (arguments.all(), arguments.all_named());
    let (mut made, mut rest, mut next) = (String::new(), form, 0);
    while let Some(at) = rest.find(['{', '}']) {
        made.push_str(&rest[..at]);
        let (bracket, behind) = rest[at..].split_at(1);
        if let Some(behind) = behind.strip_prefix(bracket) {
            made.push_str(bracket);
            rest = behind;
            continue;
        }
        let end = behind.find('}').filter(|_| bracket == "{");
        let end =
            end.ok_or_else(|| Trouble::value(format!("Single '{bracket}' encountered in format string")))?;
        let (field, shape) = behind[..end].split_once(':').unwrap_or((&behind[..end], ""));
        let value = match field {
            "" => {
                next += 1;
                positional.get(next - 1)
            }
            place if place.bytes().all(|c| c.is_ascii_digit()) => {
                place.parse().ok().and_then(|place: usize| positional.get(place))
            }
            name if name.chars().all(|c| c.is_alphanumeric() || c == '_') => {
                let found = named.iter().find(|(known, _)| known == name).map(|(_, value)| value);
                Some(found.ok_or_else(|| Trouble(format!("KeyError: '{name}'")))?)
            }
            _ => return Err(Trouble::unknown("this field of a format")),
        };
        let value = value.ok_or_else(|| {
            Trouble::index(&format!(
                "Replacement index {} out of range for positional args tuple",
                next.max(1) - 1
            ))
        })?;
        made.push_str(&formatted(value, shape)?);
        rest = &behind[end + 1..];
    }
    Ok(made + rest)
}
