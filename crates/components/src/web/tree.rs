//! Pages as trees, of bounded depth.
//!
//! The library follows the standard for HTML, by which elements that are left open cost whoever comes after them: each tag
//! looks through all open elements, and each paragraph begins with a copy of every formatting element that was not ended.
//! **A page of a megabyte would take hours, or all memory there is.** So the library gets the page as it is understood here:
//! without what only changes how a text looks, without attributes that nothing asks for, and flat from a depth on.

use std::collections::HashMap;

use scraper::Html;

use super::html::{Names, Piece, VOID, after_raw, attribute, names, next};

/// Elements within each other at most; those below lose their tags and not their texts.
const MAX_DEPTH: usize = 256;

/// Elements that only change how a text looks, and that the standard opens again in every paragraph.
const FORMATTING: &[&str] =
    &["b", "big", "code", "em", "font", "i", "nobr", "s", "small", "strike", "strong", "tt", "u"];

/// Attributes that elements are looked for by, or that are read.
const ATTRIBUTES: &[&str] = &["class", "href", "id", "itemprop", "role", "title"];

/// What an end tag does not reach beyond, unless it is one of a table's parts.
const BARRIERS: &[&str] =
    &["applet", "button", "caption", "marquee", "object", "select", "table", "td", "template", "th"];
const PARTS_OF_TABLES: &[&str] =
    &["caption", "colgroup", "table", "tbody", "td", "tfoot", "th", "thead", "tr"];

/// The tree of a page.
pub(crate) fn parse(page: &str) -> Html {
    Html::parse_document(&plain(page))
}

/// The page, written anew.
fn plain(page: &str) -> String {
    let mut writer = Writer { names: names(page), ..Writer::default() };
    let mut rest = page;
    while let Some((piece, after)) = next(rest) {
        rest = after;
        match piece {
            Piece::Aside => {}
            Piece::Text("<") => writer.out.push_str("&lt;"),
            Piece::Text(text) => writer.out.push_str(text),
            Piece::Literal(text) => writer.literal(text),
            Piece::End(name) => writer.end(&name),
            // What stands in these is no markup, and no text of the page either.
            Piece::Start { name, .. } if matches!(name.as_str(), "script" | "style") => {
                rest = after_raw(after, &name);
            }
            Piece::Start { name, attributes, .. } => writer.start(name, attributes),
        }
    }
    writer.out
}

#[derive(Default)]
struct Writer {
    names: Names,
    out: String,
    open: Vec<String>,
    /// How many elements of each name were left out, being too deep, and are not ended yet.
    flat: HashMap<String, usize>,
}

impl Writer {
    fn literal(&mut self, text: &str) {
        self.out.push_str(&text.replace('&', "&amp;").replace('<', "&lt;"));
    }

    fn start(&mut self, name: String, attributes: &str) {
        if FORMATTING.contains(&name.as_str()) {
            return;
        }
        let ended = ended_by(&name);
        while self.open.last().is_some_and(|open| ended.contains(&open.as_str())) {
            self.open.pop();
        }
        let is_void = VOID.contains(&name.as_str());
        if !is_void && self.open.len() >= MAX_DEPTH {
            *self.flat.entry(name).or_default() += 1;
            return;
        }
        self.out.push('<');
        self.out.push_str(&name);
        self.attributes(attributes);
        self.out.push('>');
        if !is_void {
            self.open.push(name);
        }
    }

    fn attributes(&mut self, attributes: &str) {
        if !attributes.contains('=') {
            return;
        }
        for name in ATTRIBUTES {
            if let Some(value) = attribute(attributes, name, &self.names) {
                let value = value.replace('&', "&amp;").replace('"', "&quot;");
                self.out.push_str(&format!(" {name}=\"{value}\""));
            }
        }
    }

    fn end(&mut self, name: &str) {
        if let Some(flat) = self.flat.get_mut(name).filter(|flat| **flat > 0) {
            *flat -= 1;
        } else if let Some(place) = self.ends(name) {
            self.open.truncate(place);
            self.out.push_str(&format!("</{name}>"));
        }
    }

    /// Where the element is that an end tag of this name ends, if it ends any.
    fn ends(&self, name: &str) -> Option<usize> {
        let is_part = PARTS_OF_TABLES.contains(&name);
        let stops = |open: &str| if is_part { open == "table" } else { BARRIERS.contains(&open) };
        let place = self.open.iter().rposition(|open| open == name || stops(open))?;
        (self.open[place] == name).then_some(place)
    }
}

/// The innermost open elements that an element of this name ends by beginning.
fn ended_by(name: &str) -> &'static [&'static str] {
    match name {
        "li" => &["p", "li"],
        "dd" | "dt" => &["p", "dd", "dt"],
        "td" | "th" => &["p", "td", "th"],
        "tr" => &["p", "td", "th", "tr"],
        "tbody" | "tfoot" | "thead" => &["p", "td", "th", "tr", "tbody", "tfoot", "thead"],
        "option" => &["option"],
        "optgroup" => &["option", "optgroup"],
        "address" | "article" | "aside" | "blockquote" | "div" | "dl" | "fieldset" | "footer" | "form"
        | "h1" | "h2" | "h3" | "h4" | "h5" | "h6" | "header" | "hr" | "main" | "nav" | "ol" | "p" | "pre"
        | "section" | "table" | "ul" => &["p"],
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_written_as_it_is_understood() {
        let cases = [
            ("<p class=a style=x>a<b>b</b> &amp; c<p>d", "<p class=\"a\">ab &amp; c<p>d"),
            ("<!-- x --><div id='\"'>1 < 2</div></div>", "<div id=\"&quot;\">1 &lt; 2</div>"),
            (
                "<script>if (a<b) {}</script>x<br/><a href=\"?a&amp;b\">y</a>",
                "x<br><a href=\"?a&amp;b\">y</a>",
            ),
            ("<div><table><td></div>x</table></div>", "<div><table><td>x</table></div>"),
        ];
        for (page, expected) in cases {
            assert_eq!(plain(page), expected);
        }
    }

    #[test]
    fn what_is_too_deep_is_flat() {
        let page = format!("<main>{}x{}y</main>z", "<div>".repeat(100_000), "</div>".repeat(100_000));
        let plain = plain(&page);
        assert_eq!(plain.matches("<div>").count(), MAX_DEPTH - 1);
        assert!(plain.ends_with("y</main>z"));
    }

    /// Each of these took minutes, or gigabytes.
    #[test]
    fn what_is_never_ended_costs_no_more_than_other_markup() {
        for part in [
            "<main>d",
            "<p><b a=1>",
            "<h1>A</h1><ul><li>d</ul",
            "<div><table><tr><td></div>",
            "<select><option>",
        ] {
            let page = part.repeat(200_000 / part.len());
            assert!(parse(&page).tree.nodes().count() < 200_000, "{part}");
        }
        let distinct: String = (0..10_000).map(|number| format!("<p><b a={number}></p>")).collect();
        assert!(parse(&distinct).tree.nodes().count() < 20_000);
    }
}
