//! HTML as text, by the rule of LangChain's web loaders: what BeautifulSoup's `get_text` says of a document
//! that Python's `html.parser` read.
//!
//! **Nothing is repaired or moved**, as a browser would do it: the text is that between the tags, in order.
//! White space that stands alone between two tags is one line break if it has any, else one blank, except in
//! `pre` and `textarea`; all other is kept. Left out is what is no text of the page: comments, declarations,
//! and what stands in `script`, `style`, `template`, `rt` and `rp`.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};
use std::sync::LazyLock;

use regex::{Captures, Regex};
use scraper::Html;

/// What a page says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Page {
    /// All its text, the title included.
    pub text: String,
    /// The text of its first `title`.
    pub title: Option<String>,
    /// The content of its first `meta` of the name `description`; a sentence where that has none.
    pub description: Option<String>,
    /// The `lang` of its first `html`; a sentence where that has none.
    pub language: Option<String>,
}

/// Elements without an end.
pub(super) const VOID: &[&str] = &[
    "area", "base", "basefont", "bgsound", "br", "col", "command", "embed", "frame", "hr", "image", "img",
    "input", "isindex", "keygen", "link", "menuitem", "meta", "nextid", "param", "source", "spacer", "track",
    "wbr",
];

/// Elements whose text is no text of the page.
const UNSEEN: &[&str] = &["script", "style", "template", "rt", "rp"];

/// The text of an HTML document, and what it says about itself. Text that is no HTML is itself.
pub(crate) fn text(html: &str) -> Page {
    let mut reader = Reader { names: names(html), ..Reader::default() };
    let mut rest = html;
    while let Some((piece, after)) = next(rest) {
        reader.take(&piece);
        rest = match piece {
            // What stands in these is no markup.
            Piece::Start { ref name, closed: false, .. } if matches!(name.as_str(), "script" | "style") => {
                after_raw(after, name)
            }
            _ => after,
        };
    }
    reader.settle();
    Page {
        text: reader.text,
        title: reader.title.map(|(_, title)| title),
        description: reader.description,
        language: reader.language,
    }
}

/// A part of the markup.
pub(super) enum Piece<'a> {
    /// Text with references.
    Text(&'a str),
    /// Text as it is.
    Literal(&'a str),
    /// A start tag; `closed` where it ends itself.
    Start { name: String, attributes: &'a str, closed: bool },
    /// An end tag.
    End(String),
    /// A comment or a declaration.
    Aside,
}

/// The first part of the markup, and what comes after it. What never ends is text.
pub(super) fn next(html: &str) -> Option<(Piece<'_>, &str)> {
    let open = match html.find('<') {
        _ if html.is_empty() => return None,
        None => return Some((Piece::Text(html), "")),
        Some(0) => html.get(1..)?,
        Some(at) => return Some((Piece::Text(html.get(..at)?), html.get(at..)?)),
    };
    let found = match open.as_bytes() {
        [b'!', b'-', b'-', ..] => open.split_once("-->").map(|(_, rest)| (Piece::Aside, rest)),
        _ if open.starts_with("![CDATA[") => {
            open.split_once("]]>").map(|(text, rest)| (Piece::Literal(&text[8..]), rest))
        }
        [b'!' | b'?', ..] => open.split_once('>').map(|(_, rest)| (Piece::Aside, rest)),
        [b'/', b'a'..=b'z' | b'A'..=b'Z', ..] => {
            open.split_once('>').map(|(tag, rest)| (Piece::End(name_of(&tag[1..])), rest))
        }
        [b'/', ..] => open.split_once('>').map(|(_, rest)| (Piece::Aside, rest)),
        [b'a'..=b'z' | b'A'..=b'Z', ..] => end_of_tag(open).map(|end| {
            let (tag, name) = (&open[..end], name_of(open));
            let closed = tag.ends_with('/') || VOID.contains(&name.as_str());
            (Piece::Start { attributes: &tag[name.len()..], name, closed }, &open[end + 1..])
        }),
        _ => return Some((Piece::Text("<"), open)),
    };
    Some(found.unwrap_or((Piece::Literal(html), "")))
}

fn name_of(tag: &str) -> String {
    let end =
        tag.find(|c: char| c.is_ascii_whitespace() || matches!(c, '/' | '>' | '\0')).unwrap_or(tag.len());
    tag[..end].to_ascii_lowercase()
}

/// Where the `>` of a start tag is: one in a quoted value is none.
fn end_of_tag(tag: &str) -> Option<usize> {
    let (mut quote, mut before) = (None, b' ');
    for (at, byte) in tag.bytes().enumerate() {
        match (quote, byte) {
            (Some(open), _) if byte == open => quote = None,
            (Some(_), _) => {}
            (None, b'>') => return Some(at),
            (None, b'"' | b'\'') if before == b'=' => quote = Some(byte),
            _ => {}
        }
        if !byte.is_ascii_whitespace() {
            before = byte;
        }
    }
    None
}

/// What comes after the text of a `script` or `style`, from its end tag on.
pub(super) fn after_raw<'a>(html: &'a str, name: &str) -> &'a str {
    let ends = |at: &usize| {
        html.get(at + 2..at + 2 + name.len()).is_some_and(|found| found.eq_ignore_ascii_case(name))
    };
    html.match_indices("</").map(|(at, _)| at).find(ends).map_or("", |at| &html[at..])
}

/// White space that stands alone is one line break if it has any, else one blank.
pub(crate) fn condensed(text: &str) -> &str {
    let blank = text.bytes().all(|byte| matches!(byte, b' ' | b'\n' | b'\t' | b'\x0c' | b'\r'));
    match (blank && !text.is_empty(), text.contains('\n')) {
        (false, _) => text,
        (true, true) => "\n",
        (true, false) => " ",
    }
}

/// What was read so far.
#[derive(Default)]
struct Reader {
    /// The named characters of the document.
    names: Names,
    open: Vec<String>,
    /// How many of each name are open: an end tag that ends nothing is cheap.
    counts: HashMap<String, usize>,
    /// How many of the open elements hide their text.
    unseen: usize,
    text: String,
    /// The text since the last tag.
    pending: String,
    /// The first title, and how many elements were open around it.
    title: Option<(usize, String)>,
    title_ended: bool,
    description: Option<String>,
    language: Option<String>,
}

impl Reader {
    fn take(&mut self, piece: &Piece<'_>) {
        if let Piece::Text(text) = piece {
            self.pending.push_str(&decoded(text, &self.names));
            return;
        }
        self.settle();
        match piece {
            Piece::Aside | Piece::Text(_) => {}
            Piece::Literal(text) => self.pending.push_str(text),
            Piece::End(name) => self.end(name),
            Piece::Start { name, attributes, closed } => {
                self.note(name, attributes);
                if *closed {
                    return;
                }
                if name == "title" && self.title.is_none() {
                    self.title = Some((self.open.len(), String::new()));
                }
                self.unseen += usize::from(UNSEEN.contains(&name.as_str()));
                *self.counts.entry(name.clone()).or_default() += 1;
                self.open.push(name.clone());
            }
        }
    }

    /// The text since the last tag stands as it is.
    fn settle(&mut self) {
        let pending = std::mem::take(&mut self.pending);
        if self.unseen > 0 || pending.is_empty() {
            return;
        }
        let kept = self.is_open("pre") || self.is_open("textarea");
        let text = if kept { &pending } else { condensed(&pending) };
        self.text.push_str(text);
        if let (Some((_, title)), false) = (&mut self.title, self.title_ended) {
            title.push_str(text);
        }
    }

    fn is_open(&self, name: &str) -> bool {
        self.counts.get(name).is_some_and(|count| *count > 0)
    }

    /// An end tag ends the innermost element of its name, and all within that.
    fn end(&mut self, name: &str) {
        if !self.is_open(name) {
            return;
        }
        while let Some(ended) = self.open.pop() {
            self.unseen -= usize::from(UNSEEN.contains(&ended.as_str()));
            if let Some(count) = self.counts.get_mut(&ended) {
                *count -= 1;
            }
            if ended == name {
                break;
            }
        }
        self.title_ended |= self.title.as_ref().is_some_and(|(around, _)| self.open.len() <= *around);
    }

    fn note(&mut self, name: &str, attributes: &str) {
        let or = |found: Option<String>, sentence: &str| Some(found.unwrap_or_else(|| sentence.to_owned()));
        if name == "html" && self.language.is_none() {
            self.language = or(attribute(attributes, "lang", &self.names), "No language found.");
        }
        let describes = || attribute(attributes, "name", &self.names).as_deref() == Some("description");
        if name == "meta" && self.description.is_none() && describes() {
            self.description = or(attribute(attributes, "content", &self.names), "No description found.");
        }
    }
}

static ATTRIBUTE: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r#"([^\s/>="']+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s>]*)))?"#).ok());

/// The value of an attribute of a start tag.
pub(super) fn attribute(attributes: &str, wanted: &str, names: &Names) -> Option<String> {
    let found = ATTRIBUTE
        .as_ref()?
        .captures_iter(attributes)
        .find(|found| found.get(1).is_some_and(|name| name.as_str().eq_ignore_ascii_case(wanted)))?;
    let value = (2..=4).find_map(|group| found.get(group)).map_or("", |value| value.as_str());
    Some(decoded(value, names).into_owned())
}

static REFERENCE: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"&(?:#([0-9]+)|#[xX]([0-9a-fA-F]+)|([a-zA-Z][-.a-zA-Z0-9]*));?").ok());

/// Characters by their names.
pub(super) type Names = HashMap<String, String>;

/// The characters that a document names. All are looked up at once: each look-up alone is a parse.
pub(super) fn names(html: &str) -> Names {
    let Some(reference) = REFERENCE.as_ref().filter(|_| html.contains('&')) else { return Names::new() };
    let names: BTreeSet<&str> =
        reference.captures_iter(html).filter_map(|found| Some(found.get(3)?.as_str())).collect();
    let written: Vec<String> = names.iter().map(|name| format!("&{name};")).collect();
    let page = Html::parse_fragment(&written.join("<br>"));
    let read = page.root_element().text();
    // A name that only begins with a known one is unknown.
    names.into_iter().zip(read).filter(|(_, read)| *read == ";" || !read.ends_with(';')).map(owned).collect()
}

fn owned((name, read): (&str, &str)) -> (String, String) {
    (name.to_owned(), read.to_owned())
}

/// Text with its character references replaced. One of an unknown name stays, without its semicolon.
fn decoded<'a>(text: &'a str, names: &Names) -> Cow<'a, str> {
    let Some(reference) = REFERENCE.as_ref().filter(|_| text.contains('&')) else { return text.into() };
    reference.replace_all(text, |found: &Captures<'_>| {
        let number = match (found.get(1), found.get(2)) {
            (Some(decimal), _) => Some(decimal.as_str().parse().ok()),
            (_, Some(hex)) => Some(u32::from_str_radix(hex.as_str(), 16).ok()),
            _ => None,
        };
        match (number, found.get(3)) {
            (Some(code), _) => numbered(code).to_string(),
            (None, Some(name)) => {
                let name = name.as_str();
                names.get(name).cloned().unwrap_or_else(|| format!("&{name}"))
            }
            _ => String::new(),
        }
    })
}

/// Codes of 128 to 159 are no characters, but were written for those of windows-1252.
fn numbered(code: Option<u32>) -> char {
    let old = code.and_then(|code| u8::try_from(code).ok()).filter(|code| (128..160).contains(code));
    if let Some(code) = old {
        return encoding_rs::WINDOWS_1252.decode(&[code]).0.chars().next().unwrap_or('\u{fffd}');
    }
    code.and_then(char::from_u32).filter(|c| *c != '\0').unwrap_or('\u{fffd}')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What BeautifulSoup 4.12 over Python's `html.parser` says of the same markup.
    #[test]
    fn the_text_is_what_stands_between_the_tags() {
        let page = concat!(
            "<!doctype html>\n<html lang=\"en\">\n <head> <title>A &amp; B</title><script>x<b>1</b></script>",
            "<style>q</style><!-- c --></head>\n<body>a<br>b &nbsp;&copy &#8217; &foo; &foo x",
            "<template>no</template><ruby>k<rt>r</rt></ruby><textarea>t<b>u</b></textarea> 1 < 2 <p>x</p>",
            "<noscript>ns<i>z</i></noscript></body>\n</html>\n",
        );
        let cases = [
            ("[\"pirate\"]", "[\"pirate\"]"),
            (page, "\n\n A & B\nab \u{a0}© ’ &foo &foo xktu 1 < 2 xnsz\n\n"),
            (
                "<title>t<b>x</b></title><table>foo<tr><td>1</td></tr></table><?php x ?>a<![CDATA[cd]]>\
                 &amp;lt; AT&T &ampx R&D; &",
                "txfoo1acd&lt; AT&T &ampx R&D &",
            ),
            ("a <b", "a <b"),
            ("a <b c", "a <b c"),
            ("x </ y", "x </ y"),
            ("<a href=\"x>y\">z</a>", "z"),
            ("a<!-- b", "a<!-- b"),
            ("a<!b>c</>d<script>e", "acd"),
            ("x&#x41;y&#65z&#;", "xAyAz&#;"),
            ("<ruby>a<rt>b</ruby>c", "ac"),
            ("<style/>a</b>b<SCRIPT>x</Script >c", "abc"),
            ("é<p>ü", "éü"),
            (
                "&lt;&AMP;&nope;&NewLine;<p>&semi;&euro;&hellip</p>&NotEqualTilde;&a-b;",
                "<&&nope\n;€…\u{2242}\u{338}&a-b",
            ),
            ("<p>  \t</p> \n \n<pre>  \n </pre> &nbsp; <i> x </i>", " \n  \n  \u{a0}  x "),
            ("", ""),
        ];
        for (html, expected) in cases {
            assert_eq!(text(html).text, expected, "{html}");
        }
    }

    #[test]
    fn a_page_says_what_it_is() {
        let cases = [
            (
                "<html LANG=de><head><meta name='description' content=\"a &lt; b\"><title> T \
                 </title><title>U</title>",
                (Some(" T "), Some("a < b"), Some("de")),
            ),
            (
                "<html><meta name=description><meta name=description content=x>",
                (None, Some("No description found."), Some("No language found.")),
            ),
            ("<p>nothing</p>", (None, None, None)),
        ];
        for (html, expected) in cases {
            let page = text(html);
            let found = (page.title.as_deref(), page.description.as_deref(), page.language.as_deref());
            assert_eq!(found, expected, "{html}");
        }
    }

    #[test]
    fn markup_that_never_ends_takes_no_longer_than_other() {
        let open = "<p>".repeat(200_000) + &"</b>".repeat(200_000) + "end";
        assert_eq!(text(&open).text, "end");
    }
}
