//! UnstructuredWordDocumentLoader: the text of a Word document (0.x).

use millrace_engine::{Document, Entry, Example, File, Spec, output};

use super::loader::{self, Format, Loader, Unreadable};
use super::office::{self, Node, Package};
use super::plain_text::strip;

const KIND: &str = "Word document (.docx)";

/// A Word document.
pub(crate) struct Word;

impl Format for Word {
    const SPEC: Spec = Spec {
        names: &["UnstructuredWordDocumentLoader"],
        about: "The text of a Word document (.docx) as one document: paragraphs and tables, in order.",
        inputs: loader::INPUTS,
        outputs: &[output("documents")],
        examples: &[Example {
            title: "paragraphs and a table",
            inputs: r#"{"file_path": "mill.docx"}"#,
            output: r#"{"documents": [
                {"page_content": "The mill\n\nIt stands by the river & turns.\n\nstones\t2\nwheels\t1",
                 "metadata": {"source": "mill.docx"}, "type": "Document"}
            ]}"#,
        }],
        ..Spec::SUPPORTED
    };
    const READ: loader::Read = read;
}

/// The body's paragraphs and tables, with empty lines between them. A table is lines of cells with tabs
/// between them. Headers, footnotes and comments are left out, as is what was deleted.
pub(super) fn read(file: &File) -> Result<Vec<Document>, Unreadable> {
    let body = Package::open(&file.bytes, KIND)?.required("word/document.xml")?;
    let mut text = Body::default();
    office::walk(&body, KIND, |node| text.see(node))?;
    Ok(loader::whole(text.elements.join("\n\n")))
}

#[derive(Default)]
struct Body {
    elements: Vec<String>,
    paragraph: String,
    /// Whether what stands here is text of the document.
    said: bool,
    /// How deep in fallbacks: they repeat what stands beside them.
    fallbacks: usize,
    /// How deep in tables.
    tables: usize,
    rows: Vec<String>,
    cells: Vec<String>,
    cell: Vec<String>,
}

impl Body {
    fn see(&mut self, node: Node) {
        match node {
            Node::Start(b"Fallback", _) => self.fallbacks += 1,
            Node::End(b"Fallback") => self.fallbacks = self.fallbacks.saturating_sub(1),
            _ if self.fallbacks > 0 => {}
            Node::Start(b"t", _) => self.said = true,
            Node::End(b"t") => self.said = false,
            Node::Text(text) if self.said => self.paragraph.push_str(text),
            Node::Start(b"tab", _) => self.paragraph.push('\t'),
            Node::Start(b"br" | b"cr", _) => self.paragraph.push('\n'),
            Node::Start(b"tbl", _) => self.tables += 1,
            Node::End(name) => self.end(name),
            _ => {}
        }
    }

    /// A table in a table is text of its cell.
    fn end(&mut self, name: &[u8]) {
        match name {
            b"p" => {
                let paragraph = std::mem::take(&mut self.paragraph);
                match strip(&paragraph) {
                    "" => {}
                    text if self.tables > 0 => self.cell.push(text.to_owned()),
                    text => self.elements.push(text.to_owned()),
                }
            }
            b"tc" if self.tables == 1 => self.cells.push(std::mem::take(&mut self.cell).join(" ")),
            b"tr" if self.tables == 1 => self.rows.push(std::mem::take(&mut self.cells).join("\t")),
            b"tbl" => {
                self.tables = self.tables.saturating_sub(1);
                if self.tables == 0 && !self.rows.is_empty() {
                    self.elements.push(std::mem::take(&mut self.rows).join("\n"));
                }
            }
            _ => {}
        }
    }
}

pub(crate) const ENTRY: Entry = Entry::of::<Loader<Word>>();

#[cfg(test)]
mod tests {
    use super::*;
    use crate::documents::loader::tests;
    use crate::documents::office_files::archive;

    #[test]
    fn what_is_deleted_or_repeated_is_left_out() {
        let body = r#"<w:document xmlns:w="w" xmlns:mc="m"><w:body>
            <w:p><w:r><w:t>One</w:t><w:tab/><w:t xml:space="preserve"> two &lt;3&#33; </w:t><w:br/></w:r></w:p>
            <w:p/><w:p><w:del><w:r><w:delText>gone</w:delText></w:r></w:del></w:p>
            <mc:AlternateContent><mc:Choice><w:p><w:t>box</w:t></w:p></mc:Choice>
            <mc:Fallback><w:p><w:t>box</w:t></w:p></mc:Fallback></mc:AlternateContent>
            <w:tbl><w:tr><w:tc><w:p><w:t>a</w:t></w:p><w:tbl><w:tr><w:tc><w:p><w:t>in</w:t></w:p></w:tc></w:tr></w:tbl></w:tc>
            <w:tc><w:p><w:t>b</w:t></w:p></w:tc></w:tr><w:tr><w:tc><w:p/></w:tc><w:tc><w:p><w:t>d</w:t></w:p></w:tc></w:tr></w:tbl>
            </w:body></w:document>"#;
        let file = archive(&[("word/document.xml", body.as_bytes())]);
        assert_eq!(tests::texts(read, "a.docx", &file), ["One\t two <3!\n\nbox\n\na in\tb\n\td"]);
    }

    #[test]
    fn what_is_no_word_document_is_named() {
        let bomb = vec![b' '; 70 << 20];
        let cases = [
            (Vec::new(), "it is empty"),
            (b"\xd0\xcf\x11\xe0 old".to_vec(), "it is no Word document (.docx) that can be read"),
            (archive(&[("x", b"")]), "it is no Word document (.docx) that can be read"),
            (
                archive(&[("word/document.xml", b"<a></b>")]),
                "it is no Word document (.docx) that can be read",
            ),
            (archive(&[("word/document.xml", &bomb)]), "it has more than 64 MiB when it is unpacked"),
        ];
        for (bytes, message) in cases {
            assert_eq!(tests::read(read, "a.docx", &bytes).unwrap_err(), message);
        }
    }
}
