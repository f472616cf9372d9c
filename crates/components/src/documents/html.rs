//! HTML files.

use std::sync::LazyLock;

use millrace_engine::{Document, File};
use regex::Regex;
use serde_json::json;

use super::loader::{self, Unreadable};
use super::plain_text::decode_lines;
use crate::web::html;

/// All the text of a page as it stands between its tags, with the page's title.
pub(super) fn read_page(file: &File) -> Result<Vec<Document>, Unreadable> {
    let page = html::text(&decode_lines(&file.bytes));
    Ok(vec![loader::with(page.text, [("title", json!(page.title.unwrap_or_default()))])])
}

/// The text of a page's blocks with empty lines between them, its title left out.
pub(super) fn read_blocks(file: &File) -> Result<Vec<Document>, Unreadable> {
    blocks(&decode_lines(&file.bytes)).map(loader::whole)
}

/// The same of a page that stands in something else.
pub(super) fn blocks(markup: &str) -> Result<String, Unreadable> {
    let edges = EDGES.as_ref().map_err(|_| Unreadable::Broken("HTML file"))?;
    Ok(edges.blocks(markup))
}

/// Marks where a block begins or ends; no page has it as text.
const EDGE: char = '\u{1e}';

static EDGES: LazyLock<Result<Edges, regex::Error>> = LazyLock::new(Edges::new);

/// Where the blocks of a page begin and end.
struct Edges {
    title: Regex,
    block: Regex,
}

impl Edges {
    fn new() -> Result<Self, regex::Error> {
        let names = "address|article|aside|blockquote|body|br|dd|details|div|dl|dt|fieldset|figcaption|figure|\
                     footer|form|h[1-6]|header|hr|li|main|nav|ol|p|pre|section|summary|table|tbody|td|tfoot|th|\
                     thead|tr|ul";
        Ok(Self {
            title: Regex::new(r"(?is)<title\b.*?</title\s*>")?,
            block: Regex::new(&format!(r"(?i)</?(?:{names})\b"))?,
        })
    }

    fn blocks(&self, markup: &str) -> String {
        let body = self.title.replace(markup, "");
        let edged = self.block.replace_all(&body, format!("{EDGE}$0"));
        let text = html::text(&edged).text;
        let blocks = text.split(EDGE).map(|block| block.split_whitespace().collect::<Vec<_>>().join(" "));
        blocks.filter(|block| !block.is_empty()).collect::<Vec<_>>().join("\n\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::documents::loader::tests;

    const PAGE: &[u8] = b"<html><head><title>Mill</title><style>p { x }</style></head><body><h1>The <b>mill</b></h1>\n\
        <p>stands by\n the river<br>&amp; turns<ul><li>wheel<li>stone</ul><script>if (a < b) '<p>'</script></body></html>";

    #[test]
    fn blocks_are_parted_by_empty_lines() {
        let text = "The mill\n\nstands by the river\n\n& turns\n\nwheel\n\nstone";
        assert_eq!(tests::texts(read_blocks, "a.html", PAGE), [text]);
    }

    #[test]
    fn a_page_has_all_its_text_and_a_title() {
        let documents = tests::read(read_page, "a.html", PAGE).unwrap();
        assert_eq!(documents[0].page_content, "MillThe mill\nstands by\n the river& turnswheelstone");
        assert_eq!(documents[0].metadata["title"], "Mill");
    }
}
