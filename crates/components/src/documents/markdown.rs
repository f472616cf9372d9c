//! Markdown and HTML without their marks: the text of each block, with empty lines between them.

use std::sync::LazyLock;

use millrace_engine::{Document, File};
use regex::{Captures, Regex};

use super::loader::{self, Unreadable};
use super::plain_text::{decode_lines, strip};

/// The text of a Markdown file.
pub(super) fn read(file: &File) -> Result<Vec<Document>, Unreadable> {
    Ok(loader::whole(text(&decode_lines(&file.bytes))))
}

/// The blocks of a Markdown text: paragraphs, headings, items, table rows, code.
pub(super) fn text(markdown: &str) -> String {
    let mut blocks = Blocks::default();
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
    blocks.done.join("\n\n")
}

#[derive(Default)]
struct Blocks {
    done: Vec<String>,
    block: Vec<String>,
    /// Whether the block is code, which is as it is.
    code: bool,
}

impl Blocks {
    fn code(&mut self, line: &str) {
        self.code = true;
        self.block.push(line.to_owned());
    }

    fn line(&mut self, line: &str) {
        let line = QUOTE.replace(line, "");
        if line.is_empty() || RULE.is_match(&line) {
            return self.end();
        }
        if let Some(heading) = HEADING.captures(&line) {
            self.end();
            self.block.push(inline(&heading[1]));
            return self.end();
        }
        if line.starts_with('|') {
            self.end();
            let cells = line.trim_matches('|').split('|').map(|cell| inline(cell.trim()));
            self.block.push(cells.collect::<Vec<_>>().join(" "));
            return self.end();
        }
        if let Some(item) = ITEM.find(&line) {
            self.end();
            self.block.push(inline(&line[item.end()..]));
            return;
        }
        self.block.push(inline(&line));
    }

    fn end(&mut self) {
        let lines = std::mem::take(&mut self.block);
        let text = if std::mem::take(&mut self.code) { lines.join("\n") } else { lines.join(" ") };
        if !strip(&text).is_empty() {
            self.done.push(strip(&text).to_owned());
        }
    }
}

/// A pattern that is known to be one.
macro_rules! pattern {
    ($name:ident, $pattern:literal) => {
        static $name: LazyLock<Regex> = LazyLock::new(|| {
            #[expect(clippy::unwrap_used, reason = "a constant, and a test uses it")]
            Regex::new($pattern).unwrap()
        });
    };
}

pattern!(QUOTE, r"^(?:>\s?)+");
// A line across, the underlining of a heading, or what separates a table's head.
pattern!(RULE, r"^(?:(?:[-*_=]\s*){3,}|=+|-+|\|?(?:\s*:?-+:?\s*\|)+(?:\s*:?-+:?\s*)?)$");
pattern!(HEADING, r"^#{1,6}\s+(.*?)\s*#*$");
pattern!(ITEM, r"^(?:[-*+]|\d{1,9}[.)])\s+(?:\[[ xX]\]\s+)?");
pattern!(LINK, r"!?\[([^\]]*)\](?:\([^)]*\)|\[[^\]]*\])");
pattern!(ADDRESS, r"<(https?://[^>\s]+|[^>\s@]+@[^>\s]+)>");
pattern!(TAG, r"</?[A-Za-z][^<>]*>");
pattern!(STRONG, r"\*\*(\S(?:.*?\S)?)\*\*|\b__(\S(?:.*?\S)?)__\b|~~(\S(?:.*?\S)?)~~");
pattern!(EMPHASIS, r"\*(\S(?:[^*]*\S)?)\*|\b_(\S(?:[^_]*\S)?)_\b");
pattern!(ESCAPE, r"\\([!-/:-@\[-`{-~])");

/// A line without its marks. What stands between backticks is as it is.
fn inline(line: &str) -> String {
    let parts: Vec<&str> = line.split('`').collect();
    let last = parts.len() - 1;
    let plain = |(at, part): (usize, &&str)| match at % 2 {
        // An odd backtick is a backtick.
        1 if at == last => format!("`{}", unmarked(part)),
        1 => (*part).to_owned(),
        _ => unmarked(part),
    };
    parts.iter().enumerate().map(plain).collect()
}

fn unmarked(text: &str) -> String {
    let inner =
        |found: &Captures| found.iter().skip(1).flatten().map(|group| group.as_str()).collect::<String>();
    let text = ESCAPE.replace_all(text, |found: &Captures| found[1].chars().map(hidden).collect::<String>());
    let text = LINK.replace_all(&text, "$1");
    let text = ADDRESS.replace_all(&text, "$1");
    let text = TAG.replace_all(&text, "");
    let text = STRONG.replace_all(&text, inner);
    let text = EMPHASIS.replace_all(&text, inner);
    text.chars().map(shown).collect()
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
            assert_eq!(text(markdown), expected, "{markdown}");
        }
    }
}
