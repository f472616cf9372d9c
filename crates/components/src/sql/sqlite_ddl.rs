//! What SQLAlchemy reads from the text of a `CREATE TABLE` of SQLite, which tells more than its pragmas do.
//!
//! The patterns are its own, with their mistakes: a model is shown what it would be shown there.

use std::sync::LazyLock;

use regex::{Captures, Regex};

use super::constraints::ForeignKey;

/// What is read from a text.
#[derive(Debug, Default)]
pub(super) struct Ddl {
    /// The name of the primary key.
    pub primary_key: Option<String>,
    /// Names and columns.
    pub uniques: Vec<(Option<String>, Vec<String>)>,
    /// Names and conditions; those without a name last.
    pub checks: Vec<(Option<String>, String)>,
    pub foreign_keys: Vec<ForeignKey>,
}

struct Patterns {
    primary_key: Regex,
    unique: Regex,
    inline_unique: Regex,
    check: Regex,
    foreign_key: Regex,
    action: Regex,
    column: Regex,
}

static PATTERNS: LazyLock<Option<Patterns>> = LazyLock::new(|| Patterns::new().ok());

impl Patterns {
    fn new() -> Result<Self, regex::Error> {
        Ok(Self {
            primary_key: Regex::new(r"(?i)CONSTRAINT (\w+) PRIMARY KEY")?,
            unique: Regex::new(r#"(?i)(?:CONSTRAINT "?(.+?)"? +)?UNIQUE *\((.+?)\)"#)?,
            inline_unique: Regex::new(
                r#"(?i)(?:(".+?")|(?:[\[`])?([a-z0-9_]+)(?:[\]`])?) +[a-z0-9_ ]+? +UNIQUE"#,
            )?,
            check: Regex::new(r"(?i)(?:CONSTRAINT (.+) +)?CHECK *\( *(.+) *\),? *")?,
            foreign_key: Regex::new(concat!(
                r"(?i)(?:CONSTRAINT (\w+) +)?FOREIGN KEY *\( *(.+?) *\) +",
                r#"REFERENCES +(?:(?:"(.+?)")|([a-z0-9_]+)) *"#,
                r#"\( *((?:(?:"[^"]+"|[a-z0-9_]+) *(?:, *)?)+)\) *"#,
                r"((?:ON (?:DELETE|UPDATE) (?:SET NULL|SET DEFAULT|CASCADE|RESTRICT|NO ACTION) *)*)",
                r"((?:NOT +)?DEFERRABLE)?(?: +INITIALLY +(DEFERRED|IMMEDIATE))?",
            ))?,
            action: Regex::new(r"ON (DELETE|UPDATE) (SET NULL|SET DEFAULT|CASCADE|RESTRICT)")?,
            column: Regex::new(r#"(?i)"(.+?)"|([a-z0-9_]+)"#)?,
        })
    }

    fn columns(&self, list: &str) -> Vec<String> {
        self.column.captures_iter(list).filter_map(|found| group(&found, 1).or(group(&found, 2))).collect()
    }

    fn uniques(&self, text: &str) -> Vec<(Option<String>, Vec<String>)> {
        let listed = self.unique.captures_iter(text).map(|found| (group(&found, 1), self.columns(&found[2])));
        let inline = self.inline_unique.captures_iter(text).map(|found| {
            let column = group(&found, 1).or(group(&found, 2)).unwrap_or_default();
            (None, self.columns(&column))
        });
        listed.chain(inline).collect()
    }

    fn checks(&self, text: &str) -> Vec<(Option<String>, String)> {
        let check = |found: Captures<'_>| {
            let name = group(&found, 1).map(|name| {
                let name = name.strip_prefix('"').unwrap_or(&name);
                name.strip_suffix('"').unwrap_or(name).to_owned()
            });
            (name, found[2].to_owned())
        };
        let mut checks: Vec<_> = self.check.captures_iter(text).map(check).collect();
        checks.sort_by_key(|(name, _)| name.clone().unwrap_or_else(|| "~".to_owned()));
        checks
    }

    fn foreign_key(&self, found: &Captures<'_>) -> ForeignKey {
        ForeignKey {
            name: group(found, 1),
            columns: self.columns(&found[2]),
            table: group(found, 3).or(group(found, 4)).unwrap_or_default(),
            others: self.columns(&found[5]),
            options: self.options(found),
        }
    }

    fn options(&self, found: &Captures<'_>) -> String {
        let actions = found[6].to_uppercase();
        let last = |event: &str| {
            let done = self.action.captures_iter(&actions).filter(|action| &action[1] == event).last();
            done.map(|action| format!(" ON {event} {}", &action[2])).unwrap_or_default()
        };
        let deferrable = match group(found, 7) {
            Some(words) if words.to_uppercase().contains("NOT") => " NOT DEFERRABLE",
            Some(_) => " DEFERRABLE",
            None => "",
        };
        let initially = group(found, 8).map(|when| format!(" INITIALLY {}", when.to_uppercase()));
        format!("{}{}{deferrable}{}", last("DELETE"), last("UPDATE"), initially.unwrap_or_default())
    }
}

fn group(found: &Captures<'_>, at: usize) -> Option<String> {
    found.get(at).map(|group| group.as_str().to_owned())
}

/// What the text of a table says.
pub(super) fn read(text: &str) -> Ddl {
    let Some(patterns) = PATTERNS.as_ref() else { return Ddl::default() };
    Ddl {
        primary_key: patterns.primary_key.captures(text).and_then(|found| group(&found, 1)),
        uniques: patterns.uniques(text),
        checks: patterns.checks(text),
        foreign_keys: patterns.foreign_key.captures_iter(text).map(|f| patterns.foreign_key(&f)).collect(),
    }
}

/// What a generated column is made of; empty where the text does not say it in a way that is understood.
pub(super) fn computed(text: &str, column: &str) -> String {
    let pattern = format!(r"(?i){}[^,]*\s+AS\s+\(([^,]*)\)", regex::escape(column));
    let found = Regex::new(&pattern).ok().and_then(|pattern| group(&pattern.captures(text)?, 1));
    found.unwrap_or_default()
}
