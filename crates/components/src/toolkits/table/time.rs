//! Points in time: read as pandas reads dates, and shown.

/// Seconds of a day.
const DAY: i64 = 86_400;
/// The names of months and days; their short forms are the first three letters.
const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const WEEKDAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
/// The years that nanoseconds of 64 bits reach whole.
const YEARS: std::ops::RangeInclusive<i64> = 1678..=2261;
/// The forms that are recognised by themselves: pandas takes the one that the first value has.
const FORMS: &[&str] = &[
    "%Y-%m-%d",
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%d %H:%M",
    "%Y-%m-%dT%H:%M:%S",
    "%Y/%m/%d",
    "%Y/%m/%d %H:%M:%S",
    "%m/%d/%Y",
    "%m/%d/%Y %H:%M:%S",
    "%m/%d/%Y %H:%M",
];

/// A point in time by its parts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Parts {
    pub year: i64,
    pub month: i64,
    pub day: i64,
    pub hour: i64,
    pub minute: i64,
    pub second: i64,
}

/// Days since 1970, by Howard Hinnant's `days_from_civil`.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

impl Parts {
    pub fn of(time: i64) -> Self {
        let (days, second) = (time.div_euclid(DAY) + 719_468, time.rem_euclid(DAY));
        let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
        let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year + year / 4 - year / 100);
        let shifted = (5 * of_year + 2) / 153;
        let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
        Self {
            year: year + era * 400 + i64::from(month <= 2),
            month,
            day: of_year - (153 * shifted + 2) / 5 + 1,
            hour: second / 3_600,
            minute: second / 60 % 60,
            second: second % 60,
        }
    }

    /// `None` for what no calendar has.
    fn time(self) -> Option<i64> {
        let time =
            days(self.year, self.month, self.day) * DAY + self.hour * 3_600 + self.minute * 60 + self.second;
        let again = Self::of(time);
        let same = (again.month, again.day, again.hour, again.minute, again.second)
            == (self.month, self.day, self.hour, self.minute, self.second);
        (same && YEARS.contains(&self.year)).then_some(time)
    }
}

/// Monday is 0.
pub(super) fn weekday(time: i64) -> i64 {
    (time.div_euclid(DAY) + 3).rem_euclid(7)
}

/// January 1st is 1.
pub(super) fn day_of_year(time: i64) -> i64 {
    time.div_euclid(DAY) - days(Parts::of(time).year, 1, 1) + 1
}

pub(super) fn month_name(time: i64) -> &'static str {
    MONTHS[(Parts::of(time).month as usize).clamp(1, 12) - 1]
}

pub(super) fn day_name(time: i64) -> &'static str {
    WEEKDAYS[weekday(time) as usize]
}

/// The form that a text has, if it is one of those that are recognised.
pub(super) fn form(text: &str) -> Option<&'static str> {
    FORMS.iter().find(|form| read(text, form).is_some()).copied()
}

/// A text in a form that is recognised.
pub(super) fn parsed(text: &str) -> Option<i64> {
    FORMS.iter().find_map(|form| read(text, form))
}

/// A text in this form of `strptime`; `None` where it has another, or the form has a part unknown here.
pub(super) fn read(text: &str, form: &str) -> Option<i64> {
    let mut parts = Parts { year: 1900, month: 1, day: 1, hour: 0, minute: 0, second: 0 };
    let mut rest = text;
    let mut letters = form.chars();
    while let Some(letter) = letters.next() {
        if letter != '%' {
            rest = rest.strip_prefix(letter)?;
            continue;
        }
        let part = letters.next()?;
        if matches!(part, 'B' | 'b') {
            let name = |month: &'static str| if part == 'b' { &month[..3] } else { month };
            let at = MONTHS.iter().position(|month| starts(rest, name(month)))?;
            rest = &rest[name(MONTHS[at]).len()..];
            parts.month = at as i64 + 1;
            continue;
        }
        let most = if part == 'Y' { 4 } else { 2 };
        let digits = rest.bytes().take(most).take_while(u8::is_ascii_digit).count();
        let number: i64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        match part {
            'Y' if digits == 4 => parts.year = number,
            'y' if digits == 2 => parts.year = number + if number < 69 { 2000 } else { 1900 },
            'm' => parts.month = number,
            'd' => parts.day = number,
            'H' => parts.hour = number,
            'M' => parts.minute = number,
            'S' => parts.second = number,
            _ => return None,
        }
    }
    if rest.is_empty() { parts.time() } else { None }
}

fn starts(text: &str, with: &str) -> bool {
    text.get(..with.len()).is_some_and(|start| start.eq_ignore_ascii_case(with))
}

/// As `strftime` has it; `None` for a part unknown here.
pub(super) fn formatted(time: i64, form: &str) -> Option<String> {
    let parts = Parts::of(time);
    let mut made = String::new();
    let mut letters = form.chars();
    while let Some(letter) = letters.next() {
        if letter != '%' {
            made.push(letter);
            continue;
        }
        made += &match letters.next()? {
            'Y' => parts.year.to_string(),
            'y' => format!("{:02}", parts.year % 100),
            'm' => format!("{:02}", parts.month),
            'd' => format!("{:02}", parts.day),
            'H' => format!("{:02}", parts.hour),
            'M' => format!("{:02}", parts.minute),
            'S' => format!("{:02}", parts.second),
            'j' => format!("{:03}", day_of_year(time)),
            'F' => formatted(time, "%Y-%m-%d")?,
            'B' => month_name(time).to_owned(),
            'b' => month_name(time)[..3].to_owned(),
            'A' => day_name(time).to_owned(),
            'a' => day_name(time)[..3].to_owned(),
            '%' => "%".to_owned(),
            _ => return None,
        };
    }
    Some(made)
}

/// The day and the time of the day.
pub(super) fn shown(time: i64) -> String {
    formatted(time, "%Y-%m-%d %H:%M:%S").unwrap_or_default()
}

/// The whole days between two points in time.
pub(super) fn whole_days(span: i64) -> i64 {
    span.div_euclid(DAY)
}

/// What is between two points in time.
pub(super) fn span(span: i64) -> String {
    let (days, rest) = (whole_days(span), span.rem_euclid(DAY));
    let sign = if days < 0 && rest > 0 { "+" } else { "" };
    format!("{days} days {sign}{:02}:{:02}:{:02}", rest / 3_600, rest / 60 % 60, rest % 60)
}

/// Whether it is the start of a day.
pub(super) fn is_midnight(time: i64) -> bool {
    time.rem_euclid(DAY) == 0
}
