//! ReadTheDocsLoader: the pages of a documentation that was built (0.x).

use std::sync::LazyLock;

use millrace_engine::{
    Component, Context, Document, Entry, Example, File, Outputs, RunError, Spec, json, output, text,
};
use scraper::error::SelectorErrorKind;
use scraper::{ElementRef, Node, Selector};
use serde::Deserialize;
use serde_json::{Map, Value as Json};

use super::folder::{self, Choice};
use super::loader::{self, Unreadable};
use super::plain_text::{decode_lines, strip};
use crate::web::tree;

/// Elements that are no text of a page.
const UNSEEN: &[&str] = &[
    "applet", "area", "audio", "base", "button", "canvas", "embed", "form", "frame", "frameset", "iframe",
    "img", "map", "meta", "noframes", "noscript", "object", "param", "picture", "script", "select", "source",
    "style", "svg", "track", "video",
];
/// Elements that end a line.
const LINES: &[&str] =
    &["div", "h1", "h2", "h3", "h4", "h5", "h6", "li", "ol", "p", "pre", "table", "tr", "ul"];

/// The node's fields.
#[derive(Deserialize)]
pub(crate) struct ReadTheDocsLoader {
    path: String,
    metadata: Option<Map<String, Json>>,
}

impl Component for ReadTheDocsLoader {
    const SPEC: Spec = Spec {
        names: &["ReadTheDocsLoader"],
        about: "The pages of a built documentation, each as one document: what stands in its main part.",
        inputs: &[
            text("path", "A folder that the operator opened. At most 1000 files and 128 MiB of text."),
            json("metadata", "Added to each document's own metadata."),
        ],
        outputs: &[output("documents")],
        examples: &[Example {
            title: "only the main part is read",
            inputs: r#"{"path": "manual"}"#,
            output: r#"{"documents": [
                {"page_content": "The mill\nOpen the gate.", "metadata": {"source": "index.html"},
                 "type": "Document"}
            ]}"#,
        }],
        ..Spec::SUPPORTED
    };

    async fn run(self, cx: &Context) -> Result<Outputs, RunError> {
        let mut documents = Vec::new();
        for glob in ["**/*.htm", "**/*.html"] {
            let choice = Choice { hidden: true, ..Choice::of(glob)? };
            documents.extend(folder::load(cx, &self.path, &choice, read).await?);
        }
        Ok(Outputs::one("documents", loader::output(documents, self.metadata.unwrap_or_default())))
    }
}

/// Where the main part of a page is looked for, in this order.
static MAIN: LazyLock<Result<[Selector; 2], SelectorErrorKind>> =
    LazyLock::new(|| Ok([Selector::parse("main#main-content")?, Selector::parse("div[role=main]")?]));

pub(super) fn read(file: &File) -> Result<Vec<Document>, Unreadable> {
    let main = MAIN.as_ref().map_err(|_| Unreadable::Broken("HTML file"))?;
    let page = tree::parse(&decode_lines(&file.bytes));
    let part = main.iter().find_map(|selector| page.select(selector).next());
    Ok(loader::whole(part.map(lines).unwrap_or_default()))
}

/// The lines of an element that are not empty.
fn lines(element: ElementRef) -> String {
    let mut text = String::new();
    // Nodes to come, the next last, and whether one is only to be ended.
    let mut nodes = vec![(*element, false)];
    while let Some((node, ends)) = nodes.pop() {
        match node.value() {
            _ if ends => text.push('\n'),
            Node::Text(piece) => text.push_str(piece),
            Node::Element(element) if element.name() == "br" => text.push('\n'),
            Node::Element(element) if !UNSEEN.contains(&element.name()) => {
                if LINES.contains(&element.name()) {
                    nodes.push((node, true));
                }
                nodes.extend(node.children().rev().map(|child| (child, false)));
            }
            _ => {}
        }
    }
    strip(&text).split('\n').filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
}

pub(crate) const ENTRY: Entry = Entry::of::<ReadTheDocsLoader>();

#[cfg(test)]
mod tests {
    use super::*;
    use crate::documents::loader::tests::texts;

    #[test]
    fn the_main_part_of_a_page_is_found() {
        let cases = [
            (
                "<nav>x</nav><div role='main'><h1>A</h1><p>b<br>c <em>d</em><script>e</script></p></div>",
                "A\nb\nc d",
            ),
            (
                "<div role=main>no</div><main id=main-content><ul><li>one<li>two<!-- three --></ul></main>",
                "one\ntwo",
            ),
            ("<main>not this</main>", ""),
        ];
        for (page, text) in cases {
            assert_eq!(texts(read, "a.html", page.as_bytes()), [text]);
        }
    }

    #[test]
    fn a_page_of_deep_elements_is_read() {
        let deep = format!("<div role=main>{}end", "<b>".repeat(100_000));
        assert_eq!(texts(read, "a.html", deep.as_bytes()), ["end"]);
    }
}
