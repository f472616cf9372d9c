//! Markdown and HTML without their marks: the text of each block, with empty lines between them.

use std::sync::LazyLock;

use millrace_engine::{Document, File};
use regex::{Captures, Regex};

use super::loader::{self, Unreadable};
use super::plain_text::{decode_lines, strip};

/// The text of a Markdown file.
pub(super) fn read(file: &File) -> Result<Vec<Document>, Unreadable> {
    text(&decode_lines(&file.bytes)).map(loader::whole)
}

/// The blocks of a Markdown text: paragraphs, headings, items, table rows, code.
fn text(markdown: &str) -> Result<String, Unreadable> {
    let marks = MARKS.as_ref().map_err(|_| Unreadable::Broken("Markdown file"))?;
    let mut blocks = Blocks { marks, done: Vec::new(), block: Vec::new(), code: false };
    let mut fence: Option<&str> = None;
    for line in markdown.lines() {
        let trimmed = line.trim();
        match fence {
            Some(mark) if trimmed.starts_with(mark) && trimmed.trim_start_matches(&mark[..1]).is_empty() => {
                fence = None;
                blocks.end();
            }
            Some(_) => blocks.code(line),
            None => match ["```", "~~~"].into_iter().find(|mark| trimmed.starts_with(mark)) {
                Some(mark) => {
                    fence = Some(mark);
                    blocks.end();
                }
                None => blocks.line(trimmed),
            },
        }
    }
    blocks.end();
    Ok(blocks.done.join("\n\n"))
}

struct Blocks<'m> {
    marks: &'m Marks,
    done: Vec<String>,
    block: Vec<String>,
    /// Whether the block is code, which is as it is.
    code: bool,
}

impl Blocks<'_> {
    fn code(&mut self, line: &str) {
        self.code = true;
        self.block.push(line.to_owned());
    }

    fn line(&mut self, line: &str) {
        let marks = self.marks;
        let line = marks.quote.replace(line, "");
        if line.is_empty() || marks.rule.is_match(&line) {
            self.end();
        } else if let Some(heading) = marks.heading.captures(&line) {
            self.alone(marks.inline(&heading[1]));
        } else if line.starts_with('|') {
            let cells = line.trim_matches('|').split('|').map(|cell| marks.inline(cell.trim()));
            self.alone(cells.collect::<Vec<_>>().join(" "));
        } else if let Some(item) = marks.item.find(&line) {
            self.end();
            self.block.push(marks.inline(&line[item.end()..]));
        } else {
            self.block.push(marks.inline(&line));
        }
    }

    /// A block of one line.
    fn alone(&mut self, text: String) {
        self.end();
        self.block.push(text);
        self.end();
    }

    fn end(&mut self) {
        let lines = std::mem::take(&mut self.block);
        let text = if std::mem::take(&mut self.code) { lines.join("\n") } else { lines.join(" ") };
        if !strip(&text).is_empty() {
            self.done.push(strip(&text).to_owned());
        }
    }
}

static MARKS: LazyLock<Result<Marks, regex::Error>> = LazyLock::new(Marks::new);

/// What a line of Markdown has beside its text.
struct Marks {
    quote: Regex,
    /// A line across, the underlining of a heading, or what separates a table's head.
    rule: Regex,
    heading: Regex,
    item: Regex,
    escape: Regex,
    link: Regex,
    address: Regex,
    tag: Regex,
    strong: Regex,
    emphasis: Regex,
}

impl Marks {
    fn new() -> Result<Self, regex::Error> {
        Ok(Self {
            quote: Regex::new(r"^(?:>\s?)+")?,
            rule: Regex::new(r"^(?:(?:[-*_=]\s*){3,}|=+|-+|\|?(?:\s*:?-+:?\s*\|)+(?:\s*:?-+:?\s*)?)$")?,
            heading: Regex::new(r"^#{1,6}\s+(.*?)\s*#*$")?,
            item: Regex::new(r"^(?:[-*+]|\d{1,9}[.)])\s+(?:\[[ xX]\]\s+)?")?,
            escape: Regex::new(r"\\([!-/:-@\[-`{-~])")?,
            link: Regex::new(r"!?\[([^\]]*)\](?:\([^)]*\)|\[[^\]]*\])")?,
            address: Regex::new(r"<(https?://[^>\s]+|[^>\s@]+@[^>\s]+)>")?,
            tag: Regex::new(r"</?[A-Za-z][^<>]*>")?,
            strong: Regex::new(r"\*\*(\S(?:.*?\S)?)\*\*|\b__(\S(?:.*?\S)?)__\b|~~(\S(?:.*?\S)?)~~")?,
            emphasis: Regex::new(r"\*(\S(?:[^*]*\S)?)\*|\b_(\S(?:[^_]*\S)?)_\b")?,
        })
    }

    /// A line without its marks. What stands between backticks is as it is.
    fn inline(&self, line: &str) -> String {
        let parts: Vec<&str> = line.split('`').collect();
        let last = parts.len() - 1;
        let plain = |(at, part): (usize, &&str)| match at % 2 {
            // An odd backtick is a backtick.
            1 if at == last => format!("`{}", self.plain(part)),
            1 => (*part).to_owned(),
            _ => self.plain(part),
        };
        parts.iter().enumerate().map(plain).collect()
    }

    fn plain(&self, text: &str) -> String {
        let inner =
            |found: &Captures| found.iter().skip(1).flatten().map(|group| group.as_str()).collect::<String>();
        let hide = |found: &Captures| found[1].chars().map(hidden).collect::<String>();
        let text = self.escape.replace_all(text, hide);
        let text = self.link.replace_all(&text, "$1");
        let text = self.address.replace_all(&text, "$1");
        let text = self.tag.replace_all(&text, "");
        let text = self.strong.replace_all(&text, inner);
        let text = self.emphasis.replace_all(&text, inner);
        text.chars().map(shown).collect()
    }
}

/// Where a character that is no mark is kept out of the patterns' sight: among the last private ones.
const HIDDEN: u32 = 0x10_f000;

fn hidden(c: char) -> char {
    char::from_u32(HIDDEN + u32::from(c)).unwrap_or(c)
}

fn shown(c: char) -> char {
    let known = u32::from(c).checked_sub(HIDDEN).filter(|code| *code < 0x80);
    known.and_then(char::from_u32).unwrap_or(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_left_out() {
        let cases = [
            ("# The *mill* #\nby the\nriver\n\nend", "The mill\n\nby the river\n\nend"),
            (
                "Head\n====\n- one **two**\n  more\n- [x] three\n1. four",
                "Head\n\none two more\n\nthree\n\nfour",
            ),
            ("a [link](http://x) ![pic](p.png) <http://y> <b>c</b>", "a link pic http://y c"),
            (
                "```rust\nfn main() {}\n\n  *x*\n```\nafter `a*b*` snake_case_name",
                "fn main() {}\n\n  *x*\n\nafter a*b* snake_case_name",
            ),
            ("> said\n> twice\n\n***\n\n| a | b |\n|---|:-:|\n| 1 | 2 |", "said twice\n\na b\n\n1 2"),
            (r"2 * 3 * 4 \*not\* `odd", "2 * 3 * 4 *not* `odd"),
            ("", ""),
        ];
        for (markdown, expected) in cases {
            assert_eq!(text(markdown).unwrap(), expected, "{markdown}");
        }
    }
}
